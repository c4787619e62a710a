"""Bring the COCO JSON (or its zip or gzip) from the first of its addresses that has it, once."""

import shutil
from functools import partial
from pathlib import Path

from stowaway.annotations.json_file import LISTS, Limits, read_list
from stowaway.core.files import replacing
from stowaway.core.names import ADDRESSES, listed, public
from stowaway.core.script import BadInput, run_rule
from stowaway.download.errors import Unavailable
from stowaway.download.sources import Sources


def fetch_coco(coco: Path, config: dict) -> None:
    """Bring one object, the COCO JSON, from the first of its addresses that has it, to `coco`.

    Raises `BadInput` if it cannot be had, or is no whole COCO.
    """
    most, timeout = config["limits"]["json_bytes"], config["images"]["timeout"]
    limits = Limits(json_bytes=most, zip_ratio=config["limits"]["zip_ratio"])
    check, reasons = partial(why_no_coco, limits=limits), []
    opened = partial(Sources, aws=config["aws"], timeout=timeout, most=most, check=check)
    for url in listed(config["coco"]):
        try:
            if url.startswith("s3://"):
                base, _, key = url.rpartition("/")
                opened(base).fetch(key, str(coco))
            elif url.startswith(ADDRESSES):  # as it stands: it may be signed
                opened(url).fetch("", str(coco))
            elif not Path(url).is_file():
                raise BadInput(f"{public(url)}: there is no such file; put the export there")
            elif reason := check(url):
                raise BadInput(f"{public(url)}: {reason}")
            else:
                with open(url, "rb") as file, replacing(coco, "wb") as out:
                    shutil.copyfileobj(file, out)
            return
        except (Unavailable, BadInput) as reason:
            reasons.append(str(reason))
    raise BadInput("coco: it is not there or cannot be had: " + "; ".join(reasons))


def why_no_coco(path: Path | str, limits: Limits) -> str | None:
    """The reason why the file is no whole COCO JSON, as the index would read it, or None."""
    try:
        for name in LISTS:
            for _ in read_list(Path(path), name, limits):
                pass
    except BadInput as reason:
        return str(reason).removeprefix(f"{path}: ")
    return None


if __name__ == "__main__":
    run_rule(fetch_coco, snakemake)

"""Bring a JSON (or its zip or gzip) from the first of its addresses that has it, once."""

import shutil
from functools import partial
from pathlib import Path

from stowaway.annotations.json_file import COCO, MEGADETECTOR, Format, Limits, read_list
from stowaway.core.files import replacing
from stowaway.core.names import ADDRESSES, listed, public
from stowaway.core.script import BadInput, run_rule
from stowaway.download.errors import Unavailable
from stowaway.download.sources import Sources

FORMATS = {wanted.key: wanted for wanted in (COCO, MEGADETECTOR)}


def fetch_annotations(file: Path, key: str, config: dict) -> None:
    """Bring one object from the first of its addresses, the config's `key`, that has it, to `file`.

    Raises `BadInput` if it cannot be had, or is not whole, or another file than `key` asks for.
    """
    most, timeout = config["limits"]["json_bytes"], config["images"]["timeout"]
    limits = Limits(json_bytes=most, zip_ratio=config["limits"]["zip_ratio"])
    check, reasons = partial(why_not, wanted=FORMATS[key], limits=limits), []
    opened = partial(Sources, aws=config["aws"], timeout=timeout, most=most, check=check)
    for url in listed(config[key]):
        try:
            if url.startswith("s3://"):
                base, _, name = url.rpartition("/")
                opened(base).fetch(name, str(file))
            elif url.startswith(ADDRESSES):  # as it stands: it may be signed
                opened(url).fetch("", str(file))
            elif not Path(url).is_file():
                raise BadInput(f"{public(url)}: there is no such file; put the export there")
            elif reason := check(url):
                raise BadInput(f"{public(url)}: {reason}")
            else:
                with open(url, "rb") as content, replacing(file, "wb") as out:
                    shutil.copyfileobj(content, out)
            return
        except (Unavailable, BadInput) as reason:
            reasons.append(str(reason))
    raise BadInput(f"{key}: it is not there or cannot be had: " + "; ".join(reasons))


def why_not(path: Path | str, wanted: Format, limits: Limits) -> str | None:
    """The reason why the file is no whole JSON of the kind, as the index would read it, or None."""
    try:
        for name in wanted.lists:
            for _ in read_list(Path(path), name, limits, wanted):
                pass
    except BadInput as reason:
        return str(reason).removeprefix(f"{path}: ")
    return None


if __name__ == "__main__":
    run_rule(fetch_annotations, snakemake)

"""Bring the COCO JSON (or its zip) from the first of its addresses that has it, once."""

import shutil
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.names import listed, public
from stowaway.core.script import BadInput, rule_log
from stowaway.download.errors import Unavailable
from stowaway.download.sources import ADDRESSES, Sources


def fetch_coco(source: str | list[str], aws: dict, path: Path, timeout: float, most: int) -> None:
    """Bring one object, the COCO JSON, from the first of its addresses that has it, to `path`.

    Raises `BadInput` if it cannot be had.
    """
    reasons = []
    for url in listed(source):
        try:
            if url.startswith("s3://"):
                base, _, key = url.rpartition("/")
                Sources(base, aws, timeout, most).fetch(key, str(path))
            elif url.startswith(ADDRESSES):  # as it stands: it may be signed
                Sources(url, aws, timeout, most).fetch("", str(path))
            elif Path(url).is_file():
                with open(url, "rb") as file, replacing(path, "wb") as out:
                    shutil.copyfileobj(file, out)
            else:
                raise BadInput(f"{public(url)}: there is no such file; put the export there")
            return
        except (Unavailable, BadInput) as reason:
            reasons.append(str(reason))
    raise BadInput("coco: it is not there or cannot be had: " + "; ".join(reasons))


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        fetch_coco(
            source=snakemake.config["coco"],  # no parameter: it may be signed
            aws=snakemake.config["aws"],
            path=Path(snakemake.output.coco),
            timeout=snakemake.config["images"]["timeout"],
            most=snakemake.config["limits"]["json_bytes"],
        )

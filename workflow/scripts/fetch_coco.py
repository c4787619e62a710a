"""Bring the COCO JSON (or its zip) from the first of its addresses that has it, once."""

import shutil
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.names import listed, public
from stowaway.core.script import BadInput, run_rule
from stowaway.download.errors import Unavailable
from stowaway.download.sources import ADDRESSES, Sources


def fetch_coco(coco: Path, config: dict) -> None:
    """Bring one object, the COCO JSON, from the first of its addresses that has it, to `coco`.

    Raises `BadInput` if it cannot be had.
    """
    settings = config["aws"], config["images"]["timeout"], config["limits"]["json_bytes"]
    reasons = []
    for url in listed(config["coco"]):
        try:
            if url.startswith("s3://"):
                base, _, key = url.rpartition("/")
                Sources(base, *settings).fetch(key, str(coco))
            elif url.startswith(ADDRESSES):  # as it stands: it may be signed
                Sources(url, *settings).fetch("", str(coco))
            elif Path(url).is_file():
                with open(url, "rb") as file, replacing(coco, "wb") as out:
                    shutil.copyfileobj(file, out)
            else:
                raise BadInput(f"{public(url)}: there is no such file; put the export there")
            return
        except (Unavailable, BadInput) as reason:
            reasons.append(str(reason))
    raise BadInput("coco: it is not there or cannot be had: " + "; ".join(reasons))


if __name__ == "__main__":
    run_rule(fetch_coco, snakemake)

"""Bring the COCO JSON (or its zip) from the first of its addresses that has it, once."""

import asyncio
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from stowaway.core.files import replacing
from stowaway.core.names import listed, public
from stowaway.core.script import BadInput, rule_log
from stowaway.download.answers import Unavailable
from stowaway.download.mirrors import Mirrors, open_sources
from stowaway.download.sources import FOLLOW, Remote
from stowaway.download.transfer import Client


def fetch_coco(urls: list[str], aws: dict, path: Path, timeout: float, most: int) -> None:
    """Bring one object, the COCO JSON, from the first of its addresses that has it, to `path`.

    Raises `BadInput` if it cannot be had.
    """
    reasons = []
    for url in urls:
        base, _, key = public(url).rpartition("/")
        try:
            if urlsplit(url).scheme in ("http", "https"):  # as it stands: it may be signed
                client = Client(timeout, most)
                source = Remote(public(url), client, 1, lambda key, url=url: (url, FOLLOW))
                asyncio.run(_bring_one(Mirrors([source], [], client), "coco", path))
            elif urlsplit(url).scheme == "s3":
                sources = open_sources(base, aws, 1, timeout, most)
                asyncio.run(_bring_one(sources, key, path))
            elif Path(url).is_file():
                with open(url, "rb") as file, replacing(path, "wb") as out:
                    shutil.copyfileobj(file, out)
            else:
                raise Unavailable("there is no such file; put the export there", "missing")
            return
        except (Unavailable, BadInput) as reason:
            reasons.append(f"{public(url)} is not there or cannot be had: {reason}")
    raise BadInput("coco: " + "; ".join(reasons))


async def _bring_one(sources: Mirrors, key: str, path: Path) -> None:
    try:
        await sources.bring(key, path)
    finally:
        sources.close()


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        # not parameters: Snakemake notes those down, and a URL may be signed
        fetch_coco(
            listed(snakemake.config["coco"]),
            snakemake.config["aws"],
            Path(snakemake.output.coco),
            snakemake.config["images"]["timeout"],
            snakemake.config["limits"]["json_bytes"],
        )

"""Bring the COCO JSON (or its zip) from the first of its addresses that has it, once."""

from pathlib import Path

from stowaway.mirrors import fetch_one
from stowaway.run import rule_log

if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        # not parameters: Snakemake notes those down, and a URL may be signed
        urls = snakemake.config["coco"]
        fetch_one(
            [urls] if isinstance(urls, str) else urls,
            snakemake.config["aws"],
            Path(snakemake.output.coco),
            snakemake.config["images"]["timeout"],
            snakemake.config["limits"]["json_bytes"],
        )

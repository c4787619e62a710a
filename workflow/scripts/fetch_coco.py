"""Bring the COCO JSON (or its zip) from s3:// or http(s):// once."""

from pathlib import Path

from stowaway.run import rule_log
from stowaway.sources import fetch_one

if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        fetch_one(snakemake.params.url, snakemake.params.aws, Path(snakemake.output.coco))

"""Bring the COCO JSON (or its zip) from s3:// or http(s):// once."""

from pathlib import Path

from stowaway.run import rule_log
from stowaway.sources import fetch_one

if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        # not a parameter: Snakemake notes those down, and a URL may be signed
        fetch_one(snakemake.config["coco"], snakemake.config["aws"], Path(snakemake.output.coco))

"""COCO JSON -> annotations.csv, one row per usable box, and rejected.csv, with the reason each."""

from stowaway.core.script import run_rule
from stowaway.data.annotations import index_annotations

if __name__ == "__main__":
    run_rule(index_annotations, snakemake)

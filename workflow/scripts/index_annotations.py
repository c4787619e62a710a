"""Annotations -> annotations.csv, a row per usable box, and rejected.csv, with the reason each."""

from stowaway.annotations.boxes import index_annotations
from stowaway.core.script import run_rule

if __name__ == "__main__":
    run_rule(index_annotations, snakemake)

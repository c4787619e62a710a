"""COCO JSON -> annotations.csv, one row per usable box, and rejected.csv, with the reason each."""

from pathlib import Path

from stowaway.core.script import rule_log
from stowaway.data.annotations import index_annotations

if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        index_annotations(
            coco=Path(snakemake.input.coco),
            annotations=Path(snakemake.output.annotations),
            rejected=Path(snakemake.output.rejected),
            key=snakemake.params.key,
            rename=snakemake.params.rename,
            drop=snakemake.params.drop,
            events=snakemake.params.events,
            limits=snakemake.params.limits,
        )

"""Scores of the detector that leads -> queue.csv, the most suspicious event first."""

from pathlib import Path

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table
from stowaway.data.splits import load_crops
from stowaway.review.queue import review_queue


def export_queue(scores: Path, labels: Path, splits: Path, out: Path, alarm: dict) -> None:
    """Write the queue of the scores in the column of the alarm's detector."""
    columns = read_table(scores, ["crop_id", "predicted", alarm["detector"]])
    columns = columns.rename(columns={alarm["detector"]: "score"})
    crops = load_crops(labels, splits).merge(columns, "left", "crop_id")
    write_table(review_queue(crops, alarm), out)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        export_queue(
            scores=Path(snakemake.input.scores),
            labels=Path(snakemake.input.labels),
            splits=Path(snakemake.input.splits),
            out=Path(snakemake.output.queue),
            alarm=snakemake.params.alarm,
        )

"""Scores of the detector that leads -> queue.csv, the most suspicious event first."""

from pathlib import Path

from stowaway.core.script import run_rule
from stowaway.core.tables import read_table, write_sheet
from stowaway.data.splits import load_crops
from stowaway.review.queue import review_queue


def export_queue(
    scores: Path, labels: Path, splits: Path, camera_days: Path, queue: Path, alarm: dict
) -> None:
    """Write the queue of the scores in the column of the alarm's detector."""
    columns = read_table(scores, ["crop_id", "predicted", alarm["detector"]])
    columns = columns.rename(columns={alarm["detector"]: "score"})
    crops = load_crops(labels, splits).merge(columns, "left", "crop_id")
    write_sheet(review_queue(crops, read_table(camera_days), alarm), queue)


if __name__ == "__main__":
    run_rule(export_queue, snakemake)

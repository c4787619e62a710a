"""Scores of the detector that leads -> queue.csv, the most suspicious event first."""

from pathlib import Path

import pandas as pd

from stowaway.core.script import run_rule
from stowaway.core.tables import read_table, write_sheet
from stowaway.data.roles import Role
from stowaway.data.splits import load_crops
from stowaway.review import trained
from stowaway.review.queue import review_queue


def export_queue(
    scores: Path,
    labels: Path,
    splits: Path | list,
    models: Path,
    arrays: Path,
    camera_days: Path,
    queue: Path,
    alarm: dict,
) -> None:
    """Write the queue of the scores in the column of the alarm's detector.

    A batch, which has no `splits`, takes the calibration events of its models.
    """
    columns = read_table(
        scores,
        "crop_id predicted similarity second second_similarity".split() + [alarm["detector"]],
    )
    columns = columns.rename(columns={alarm["detector"]: "score"})
    crops = load_crops(labels, splits).merge(columns, "left", "crop_id")
    daily = None
    if not splits:
        known = trained.load(arrays, models)
        daily = known.facts["native_events_per_camera_day"]
        crops = pd.concat([crops, known.calibration.assign(role=Role.CALIBRATION.value)])
    write_sheet(review_queue(crops, read_table(camera_days), alarm, daily), queue)


if __name__ == "__main__":
    run_rule(export_queue, snakemake)

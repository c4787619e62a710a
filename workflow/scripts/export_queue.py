"""Scores of the detector that leads -> queue.csv, the most suspicious first, and suppressed.csv."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.annotations.facts import read_facts
from stowaway.core.files import damaged
from stowaway.core.script import BadInput, run_rule, say
from stowaway.core.tables import read_table, write_sheet
from stowaway.data.packs import Features
from stowaway.data.roles import Role
from stowaway.data.splits import load_crops
from stowaway.detectors.watch import load_head
from stowaway.evaluation.alarms import reviewed
from stowaway.review import examples as listed
from stowaway.review import trained
from stowaway.review.decisions import decided_checksums
from stowaway.review.label_check import SCORES
from stowaway.review.queue import review_queue, with_watch
from stowaway.review.suppression import decided_on, repeat_groups

SCORED = "crop_id predicted similarity second second_similarity".split()


def export_queue(
    scores: Path,
    labels: Path,
    splits: Path | list,
    models: Path,
    arrays: Path,
    camera_days: Path,
    people: Path,
    index_facts: Path,
    decisions: Path | list,
    decided_crops: Path | list,
    cross_scores: Path | list,
    features: Path,
    watch: Path,
    examples: list[Path],
    queue: Path,
    suppressed: Path,
    alarm: dict,
    review: dict,
    run: str,
    seed: int,
) -> None:
    """Write the queue of the scores in the column of the alarm's detector, and what is left out.

    A batch, which has no `splits`, takes the calibration events of its models. `decisions` are
    decisions.csv of this `run`, if there is one, `decided_crops` its crops; `cross_scores` those of
    all natives, if fitted and calibrated ones are to be queued too. With a watch list, scores are
    those of `with_watch`.
    """
    known = trained.load(arrays, models)
    crops = scored_crops(scores, labels, splits, alarm["detector"])
    crops = crops.join(repeat_groups(crops, review["repeats"]))
    reviewed_before = [*known.reviewed, *decided_checksums(decided_crops)]
    decided, kept = decided_on(crops, decisions, run, reviewed_before)
    crops["repeat"] = crops["repeat"].where(~crops["repeat"].isin(kept), "")
    head, found = load_head(watch), listed.load(examples)
    of_watch = head, known.native_scores, dict(Counter(found.species.tolist()))
    values, daily, natives = Features(features, len(crops)), None, None
    if cross_scores:
        natives = crops.drop(columns=SCORES[1:]).merge(read_table(cross_scores), on="crop_id")
        natives = with_watch(natives, values, *of_watch)
    crops = with_watch(crops, values, *of_watch, found.has(crops))
    if not splits:
        daily = known.facts["native_events_per_camera_day"]
        calibration = known.calibration.assign(role=Role.CALIBRATION.value)
        # no event of the batch has a line break in its name, though it may be of the same photos
        calibration["event"] = known.facts["run"] + "\n" + calibration["event"]
        calibration["row"] = np.arange(len(calibration))
        calibration = with_watch(calibration, known.calibration_features, *of_watch)
        crops = pd.concat([crops, calibration], ignore_index=True)
    with_people = set(read_table(people, needed=["event"])["event"])
    if not read_facts(index_facts).get("person_detector"):
        say("queue: no detector has looked for people: only labels say which photos show any")
    tables = review_queue(
        crops,
        read_table(camera_days),
        alarm,
        review,
        seed,
        with_people,
        set() if review["reviewed"] == "shown" else decided,
        daily,
        natives,
    )
    for table, path in zip(tables, (queue, suppressed), strict=True):
        write_sheet(table, path)


def scored_crops(scores: Path, labels: Path, splits: Path | list, detector: str) -> pd.DataFrame:
    """The crops of `load_crops` with their `score` and nearest natives.

    Raises `BadInput` where a crop of the queue has no score.
    """
    crops = load_crops(labels, splits)
    columns = read_table(scores, [*SCORED, detector]).rename(columns={detector: "score"})
    crops = crops.merge(columns, "left", "crop_id")
    if reviewed(crops)["score"].isna().any():
        raise BadInput(damaged(scores, "it lacks crops of the queue"))
    return crops.fillna({"predicted": "", "second": ""})


if __name__ == "__main__":
    run_rule(export_queue, snakemake)

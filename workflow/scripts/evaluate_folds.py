"""Scores of folds -> metrics, paired gains, alarms by calibrated thresholds, and curves."""

from pathlib import Path

import pandas as pd

from stowaway.core.script import run_rule, say
from stowaway.core.tables import read_table, write_table
from stowaway.evaluation.aggregate import compare_detectors
from stowaway.evaluation.alarms import MAIN_RATE, alarm_table
from stowaway.evaluation.folds import crop_facts, load_runs
from stowaway.evaluation.thresholds import RATE, needed


def evaluate_folds(
    scores: list[Path],
    labels: Path,
    shortcuts: Path,
    camera_days: Path,
    metrics: Path,
    comparison: Path,
    alarms: Path,
    curves: Path,
    detectors: dict[str, str],
    groups: dict[str, str],
    lead: dict | None,
    by_time: bool,
    resamples: int,
    seed: int,
) -> None:
    """Write the four tables. Score tables are named .../<fold>/<seed>/scores.csv.

    `detectors` are those to evaluate, with their `train_on`; `lead` is for `alarm_table`,
    `by_time` for `load_runs`.
    """
    tables = {path.parts[-3:-1]: read_table(path) for path in scores}
    facts = crop_facts(
        read_table(labels, needed="species_label event location datetime image_id".split()),
        read_table(shortcuts, needed=["crop_id", "colourfulness"]),
    )
    runs, events = load_runs(tables, facts, read_table(camera_days), detectors, by_time)
    compared = compare_detectors(runs, events, groups, resamples, seed)
    calibrated = alarm_table(runs, resamples, seed, lead)
    warn_of_few(calibrated)
    paths = metrics, comparison, curves, alarms
    for table, path in zip([*compared, calibrated], paths, strict=True):
        write_table(table, path)


def warn_of_few(alarms: pd.DataFrame) -> None:
    """Say in which folds there are too few calibration groups for MAIN_RATE."""
    few = alarms[alarms["too_few"] & (alarms["target"] == RATE) & (alarms["setting"] == MAIN_RATE)]
    for fold, n in few.groupby("fold")["calibration"].min().items():
        say(
            f"{fold}: {n} calibration groups are too few for {MAIN_RATE:.0%} false alarms, which "
            f"need {needed(MAIN_RATE)}"
        )


if __name__ == "__main__":
    run_rule(evaluate_folds, snakemake)

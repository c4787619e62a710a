"""Scores of all arms and seeds -> metrics, paired gains, alarms by calibrated thresholds, curves.

metrics.csv, comparison.csv, alarms.csv and curves.csv of the folder `evaluation`; config/README.md
says what their columns mean.
"""

from pathlib import Path

from stowaway.core.script import rule_log, say
from stowaway.core.tables import read_table, write_table
from stowaway.evaluation.alarms import MAIN_RATE, alarm_table
from stowaway.evaluation.comparison import compare
from stowaway.evaluation.curves import curve_table
from stowaway.evaluation.folds import crop_facts, load_scored


def compare_detectors(
    scores: list[Path], labels: Path, shortcut: Path, groups: dict[str, str], evaluation: dict
) -> dict:
    """The four tables by name. Scores are named .../<arm>/<seed>.csv, `rotate_<species>` an arm."""
    tables = {}
    for path in scores:
        arm, seed = path.parent.name, path.stem
        tables[arm.split("_")[0], arm, seed] = read_table(path)
    runs, events = load_scored(tables, crop_facts(read_table(labels), read_table(shortcut)))
    metrics, comparison = compare(
        runs, len(events), groups, evaluation["resamples"], evaluation["seed"]
    )
    alarms = alarm_table(runs)
    small = alarms[alarms["too_small"] & (alarms["target"] == "false_alarm_rate")]
    for arm, rows in small[small["aim"] == MAIN_RATE].groupby("arm"):
        n = rows["calibration"].min()
        say(f"{arm}: {n} calibration events are too few for {MAIN_RATE:.0%} false alarms")
    return {
        "metrics": metrics,
        "comparison": comparison,
        "alarms": alarms,
        "curves": curve_table(runs),
    }


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        found = compare_detectors(
            [Path(path) for path in snakemake.input.scores],
            Path(snakemake.input.labels),
            Path(snakemake.input.shortcut),
            dict(snakemake.params.groups),
            dict(snakemake.params.evaluation),
        )
        for name, table in found.items():
            write_table(table, snakemake.output[name])

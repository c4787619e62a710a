"""Scores of one detector -> queue.csv, the most suspicious event first, and alarms.csv.

The threshold is set on the calibration natives, which no detector has seen, for what was asked:
a rate of false alarms per native event, false alarms per camera-day, or events a team looks at in
a week. alarms.csv says what became of it on the test natives, which nothing has seen.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.core.script import BadInput, rule_log, say
from stowaway.core.tables import read_table, write_table
from stowaway.data.events import UNKNOWN
from stowaway.data.splits import ROLES
from stowaway.evaluation import conformal
from stowaway.evaluation import original_rules as thresholds
from stowaway.evaluation.folds import native_density, weeks
from stowaway.evaluation.metrics import wilson

QUEUED = ["test", "invasive", "unlisted"]  # what nothing was fitted or calibrated on
QUEUE = (
    "rank event location datetime crops score p_value alarm predicted species role crop_id "
    "image_path"
).split()


def by_highest(crops: pd.DataFrame) -> pd.DataFrame:
    """A row per event: that of its highest crop, the number of its `crops`, its first time."""
    found = crops.sort_values("score", ascending=False, kind="stable")
    found = found.drop_duplicates("event").set_index("event")
    grouped = crops.groupby("event")
    found["crops"], found["datetime"] = grouped.size(), grouped["datetime"].min()
    return found.reset_index()


def threshold_for(alarm: dict, known: np.ndarray, queue: pd.DataFrame, daily: float) -> tuple:
    """(threshold, rate per event): above the threshold an event is an alarm.

    `known` are scores of calibration events, `queue` are crops, `daily` the native events of a
    camera-day. The rate is NaN for a weekly budget, which promises none. Raises `BadInput` where
    the target needs dates and there are none.
    """
    target, aim = alarm["target"], alarm["aim"]
    if target == "false_alarm_rate":
        return conformal.threshold(known, aim), aim
    span = weeks(queue)
    if not (span > 0 and daily > 0):
        raise BadInput(
            f"alarm.target: {target} needs photos with dates, and the COCO has none; ask for a "
            "false_alarm_rate"
        )
    if target == "alarms_per_week":
        highest = by_highest(queue)["score"].to_numpy()
        return conformal.budget_threshold(highest, aim, span), np.nan
    rate = conformal.rate_of_alarms(aim, daily)
    return conformal.threshold(known, rate), rate


def raise_alarms(crops: pd.DataFrame, alarm: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The queue and the table of alarms; `crops` has scores, roles, places, dates."""
    used = set(crops.loc[~crops["role"].isin(QUEUED), "event"])
    queued = crops[crops["role"].isin(QUEUED) & ~crops["event"].isin(used)]
    natives = crops[crops["role"].isin(ROLES)]
    daily = native_density(natives)["event", True]
    known, queue = by_highest(crops[crops["role"] == "calibration"]), by_highest(queued)
    threshold, rate = threshold_for(alarm, known["score"].to_numpy(), queued, daily)
    by_species = alarm["per_species"]
    if by_species and "predicted" not in crops:
        raise BadInput("alarm.per_species: only a detector on features tells the species")

    def p_values(events: pd.DataFrame) -> np.ndarray:
        sides = (events, known) if by_species else ()
        classes = [side["predicted"].to_numpy(str) for side in sides]
        return conformal.p_values(events["score"].to_numpy(), known["score"].to_numpy(), *classes)

    def alarmed(events: pd.DataFrame) -> pd.Series:
        if np.isnan(rate):  # a budget
            return events["score"] > threshold
        return pd.Series(p_values(events) <= rate + conformal.EPSILON, events.index)

    queue["p_value"] = p_values(queue)
    queue["alarm"] = np.where(alarmed(queue), "yes", "no")
    sizes = pd.Series([len(known)])
    shown = threshold
    if by_species:  # each has a threshold of its own
        shown = np.nan
        taken = queue["predicted"].unique()
        sizes = known["predicted"].value_counts().reindex(taken, fill_value=0)
    if not np.isnan(rate):
        small = sizes[[conformal.too_small(n, rate) for n in sizes]]
        for name, n in small.items():
            of = f" taken for {name}" if by_species else ""
            needed = int(np.ceil(1 / rate - 1))
            say(
                f"alarm: {n} calibration events{of} are too few for a rate of {rate:.3g}, which "
                f"needs {needed}: there is never an alarm; ask for a higher rate, or add photos"
            )
    queue = queue.sort_values("score", ascending=False, kind="stable")
    if by_species:
        queue = queue.sort_values("p_value", kind="stable")
    queue["rank"] = np.arange(1, len(queue) + 1)
    asked = {"rule": alarm["target"], "aim": alarm["aim"], "threshold": shown}
    asked |= {"calibration": len(known)}
    units = pd.concat(by_highest(found) for _, found in queued.groupby("role"))
    lines = [asked | judged(units, alarmed(units), daily)]
    # The original's rules, set on natives that the detector did not see.
    unseen = "val" if crops["correlation"].notna().any() else "calibration"
    for rule in thresholds.rules(crops[crops["role"] == unseen], "score"):
        if rule.column == "score":
            line = {"rule": rule.name, "aim": rule.parameter, "threshold": rule.threshold}
            lines.append(line | judged(units, units["score"] > rule.threshold, daily))
    return queue.reindex(columns=[c for c in QUEUE if c in queue]), pd.DataFrame(lines)


def judged(units: pd.DataFrame, alarmed: pd.Series, daily: float) -> dict:
    """False alarms on test natives and recall on invasive species, with Wilson's intervals.

    `units` are events by role: one that holds natives and invasive crops is judged for both.
    """
    line = {"alarms": units.loc[alarmed.to_numpy(), "event"].nunique()}
    line["events"] = units["event"].nunique()
    for name, role in (("false_alarm", "test"), ("recall", "invasive")):
        mine = alarmed[(units["role"] == role).to_numpy()]
        low, high = wilson(mine.sum(), len(mine))
        rate = mine.mean() if len(mine) else np.nan
        line |= {f"{name}_rate": rate, f"{name}_low": low, f"{name}_high": high}
        line |= {f"{name}_events": len(mine)}
    return line | {"false_alarms_per_camera_day": line["false_alarm_rate"] * daily}


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        scores = read_table(snakemake.input.scores)
        labels = read_table(snakemake.input.labels).set_index("crop_id")
        scores["location"] = scores["crop_id"].map(labels["location"]).fillna("")
        scores["location"] = scores["location"].replace("", UNKNOWN)
        for name in ("datetime", "image_path", "image_id"):
            scores[name] = scores["crop_id"].map(labels[name]).fillna("")
        scores["date"] = scores["datetime"].str[:10]
        queue, alarms = raise_alarms(scores, dict(snakemake.params.alarm))
        print(alarms.to_string())
        write_table(queue, Path(snakemake.output.queue))
        write_table(alarms, Path(snakemake.output.alarms))

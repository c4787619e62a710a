"""Scores of one detector -> queue.csv, the most suspicious event first, and alarms.csv.

The threshold is set on the calibration natives, which no detector has seen, for what was asked:
a rate of false alarms per native event, false alarms per camera-day, or events a team looks at in
a week. alarms.csv says what became of it on the test natives, which nothing has seen.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from stowaway import conformal, thresholds
from stowaway.events import UNKNOWN
from stowaway.metrics import wilson
from stowaway.run import BadInput, rule_log, say
from stowaway.scored import camera_days, weeks
from stowaway.tables import read_table, write_table

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


def threshold_for(alarm: dict, calibration: pd.DataFrame, queue: pd.DataFrame) -> tuple:
    """(threshold, rate per event): above the threshold an event is an alarm.

    `calibration` and `queue` are crops. The rate is NaN for a weekly budget, which promises none.
    Raises `BadInput` where the target needs dates and there are none.
    """
    target, aim = alarm["target"], alarm["aim"]
    known = by_highest(calibration)["score"].to_numpy()
    if target == "false_alarm_rate":
        return conformal.threshold(known, aim), aim
    span = weeks(queue)
    days = camera_days(calibration)
    if not (span > 0 and days):
        raise BadInput(
            f"alarm.target: {target} needs photos with dates, and the COCO has none; ask for a "
            "false_alarm_rate"
        )
    if target == "alarms_per_week":
        highest = by_highest(queue)["score"].to_numpy()
        return conformal.budget_threshold(highest, aim, span), np.nan
    dated = calibration[calibration["date"] != ""]
    rate = conformal.rate_of_alarms(aim, dated["event"].nunique(), days)
    return conformal.threshold(known, rate), rate


def raise_alarms(crops: pd.DataFrame, alarm: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The queue and the table of alarms; `crops` has scores, roles, places, dates."""
    calibration = crops[crops["role"] == "calibration"]
    queued = crops[crops["role"].isin(QUEUED)]
    threshold, rate = threshold_for(alarm, calibration, queued)
    known, queue = by_highest(calibration), by_highest(queued)
    classes = {}
    if alarm["per_species"]:
        if "predicted" not in crops:
            raise BadInput("alarm.per_species: only a detector on features tells the species")
        classes = {"classes": queue["predicted"].to_numpy(str)}
        classes["calibration_classes"] = known["predicted"].to_numpy(str)
    queue["p_value"] = conformal.p_values(
        queue["score"].to_numpy(), known["score"].to_numpy(), **classes
    )
    alarmed = queue["score"] > threshold
    sizes = known["predicted"].value_counts() if classes else pd.Series([len(known)])
    if rate == rate:
        alarmed = queue["p_value"] <= rate + conformal.EPSILON
        small = sizes[[conformal.too_small(n, rate) for n in sizes]]
        for name, n in small.items():
            of = f" taken for {name}" if classes else ""
            needed = int(np.ceil(1 / rate - 1))
            say(
                f"alarm: {n} calibration events{of} are too few for a rate of {rate:.3g}, which "
                f"needs {needed}: there is never an alarm; ask for a higher rate, or add photos"
            )
    queue["alarm"] = np.where(alarmed, "yes", "no")
    order = ["p_value", "score"] if classes else ["score"]
    queue = queue.sort_values(order, ascending=[*([True] * bool(classes)), False], kind="stable")
    queue["rank"] = np.arange(1, len(queue) + 1)
    asked = {"rule": alarm["target"], "aim": alarm["aim"], "threshold": threshold}
    lines = [asked | judged(queue, queue["alarm"] == "yes") | {"calibration": len(known)}]
    val = crops[crops["role"] == "val"]
    for rule in thresholds.rules(val, "score") if len(val) else ():  # the original's
        if rule.column == "score":
            line = {"rule": rule.name, "aim": rule.parameter, "threshold": rule.threshold}
            lines.append(line | judged(queue, queue["score"] > rule.threshold))
    return queue.reindex(columns=[c for c in QUEUE if c in queue]), pd.DataFrame(lines)


def judged(queue: pd.DataFrame, alarmed: pd.Series) -> dict:
    """False alarms on test natives and recall on invasive species, by events, Wilson's interval."""
    line = {"alarms": int(alarmed.sum()), "events": len(queue)}
    for name, role in (("false_alarm", "test"), ("recall", "invasive")):
        mine = alarmed[queue["role"] == role]
        low, high = wilson(mine.sum(), len(mine))
        rate = mine.mean() if len(mine) else np.nan
        line |= {f"{name}_rate": rate, f"{name}_low": low, f"{name}_high": high}
        line |= {f"{name}_events": len(mine)}
    native = queue[(queue["role"] == "test") & (queue["date"] != "")]
    days = camera_days(native)
    flagged = int(alarmed[native.index].sum())
    return line | {"false_alarms_per_camera_day": flagged / days if days else np.nan}


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        scores = read_table(snakemake.input.scores)
        labels = read_table(snakemake.input.labels).set_index("crop_id")
        scores["location"] = scores["crop_id"].map(labels["location"]).fillna("")
        scores["location"] = scores["location"].replace("", UNKNOWN)
        for name in ("datetime", "image_path"):
            scores[name] = scores["crop_id"].map(labels[name]).fillna("")
        scores["date"] = scores["datetime"].str[:10]
        queue, alarms = raise_alarms(scores, dict(snakemake.params.alarm))
        print(alarms.to_string())
        write_table(queue, Path(snakemake.output.queue))
        write_table(alarms, Path(snakemake.output.alarms))

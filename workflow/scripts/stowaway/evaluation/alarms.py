"""Thresholds set on calibration natives, and what they do on the queue: promise beside outcome."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from stowaway.data.events import UNKNOWN
from stowaway.evaluation import conformal
from stowaway.evaluation.folds import Part, Scored, weeks
from stowaway.evaluation.metrics import wilson

RATES = (0.01, 0.02, 0.05, 0.1, 0.2)  # false alarms per native event
PER_DAY = (0.01, 0.1, 1.0)  # false alarms per camera-day
PER_WEEK = (1, 5, 20)  # events that a team looks at in a week
MAIN_RATE = 0.05  # of which every location has its own line
COLUMNS = (
    "arm detector location target aim realised low high recall native novel calibration too_small"
).split()


def aims(calibration: Part, queue: Part, span: float) -> Iterator[tuple]:
    """Yield (detector, target, aim, threshold, too small); events count by their highest crop.

    `span` are the weeks of the queue, NaN where they are not known.
    """
    daily = queue.density["event", True]
    per_day = {alarms: conformal.rate_of_alarms(alarms, daily) for alarms in PER_DAY}
    rates = [("false_alarm_rate", rate, rate) for rate in RATES]
    if daily > 0:
        rates += [("false_alarms_per_camera_day", *pair) for pair in per_day.items()]
    for detector in queue.scores:
        scores = calibration.units(detector, "event")[0]
        for target, aim, rate in rates if len(scores) else ():
            threshold = conformal.threshold(scores, rate)
            yield detector, target, aim, threshold, conformal.too_small(len(scores), rate)
        highest = queue.units(detector, "event")[0]
        for budget in PER_WEEK if span > 0 else ():
            threshold = conformal.budget_threshold(highest, budget, span)
            yield detector, "alarms_per_week", budget, threshold, False


def outcomes(run: Scored, seen: dict[str, dict[str, set]]) -> Iterator[dict]:
    """A line per target, and per location for MAIN_RATE: shares of flagged events.

    `seen` takes up the native and the novel events of each location.
    """
    places = dict(zip(run.queue.events, run.queue.facts["location"], strict=True))
    span, daily = weeks(run.queue.facts), run.queue.density["event", True]
    per_event = {"false_alarm_rate": 1.0, "false_alarms_per_camera_day": daily}
    size = len(np.unique(run.calibration.events))
    for event, novel in set(zip(run.queue.events.tolist(), run.queue.novel.tolist(), strict=True)):
        for name in ("all", places[event]):
            seen.setdefault(name, {"native": set(), "novel": set()})
            seen[name]["novel" if novel else "native"].add(event)
    for detector, target, aim, threshold, small in aims(run.calibration, run.queue, span):
        scores, novel, events = run.queue.units(detector, "event")
        parts = {"all": np.ones(len(scores), bool)}
        if (target, aim) == ("false_alarm_rate", MAIN_RATE):
            place = np.array([places[event] for event in events], str)
            parts |= {name: place == name for name in np.unique(place) if name != UNKNOWN}
        for name, here in parts.items():
            flagged, native, found = scores[here] > threshold, ~novel[here], novel[here]
            line = {"detector": detector, "location": name, "target": target, "aim": aim}
            line |= {"rate": flagged[native].mean() if native.any() else np.nan}
            line |= {"recall": flagged[found].mean() if found.any() else np.nan}
            line |= {"scale": per_event.get(target, np.nan), "calibration": size}
            yield line | {"per_week": flagged.sum() / span, "too_small": small}


def alarm_table(runs: list[Scored]) -> pd.DataFrame:
    """Means over the runs of one kind of arm; none of conformal targets without calibration crops.

    `realised` has the unit of the aim. Its interval is Wilson's over the distinct test natives'
    events of all runs, with the thresholds taken as they are; a review budget is kept by
    construction and has none. `calibration` is the fewest events of a run; where `too_small`, a run
    had so few that it never alarms.
    """
    lines = []
    for kind in dict.fromkeys(run.kind for run in runs):
        of_kind = [run for run in runs if run.kind == kind]
        seen = {}
        found = pd.DataFrame(line for run in of_kind for line in outcomes(run, seen))
        if found.empty:
            continue
        keys = ["detector", "location", "target", "aim"]
        for key, group in found.groupby(keys, sort=False):
            line = {"arm": kind} | dict(zip(keys, key, strict=True))
            native, novel = (len(seen[line["location"]][side]) for side in ("native", "novel"))
            rate, scale = group["rate"].mean(), group["scale"].mean()
            if line["target"] == "alarms_per_week":
                line |= {"realised": group["per_week"].mean(), "low": np.nan, "high": np.nan}
            else:
                low, high = wilson(rate * native, native) if native else (np.nan, np.nan)
                line |= {"realised": rate * scale, "low": low * scale, "high": high * scale}
            line |= {"recall": group["recall"].mean(), "native": native, "novel": novel}
            smallest = int(group["calibration"].min())
            lines.append(
                line | {"calibration": smallest, "too_small": bool(group["too_small"].any())}
            )
    return pd.DataFrame(lines, columns=COLUMNS)

"""Alarms by thresholds set on calibration natives, and what came of them on the queue."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stowaway.annotations.events import UNKNOWN
from stowaway.core.script import BadInput
from stowaway.data.roles import QUEUED_ROLES, Role
from stowaway.evaluation.counts import highest_crops
from stowaway.evaluation.exposure import EVENTS_PER_DAY, weeks
from stowaway.evaluation.folds import SEEN, Run, by_kind
from stowaway.evaluation.metrics import EPSILON, wilson
from stowaway.evaluation.original_rules import rules
from stowaway.evaluation.thresholds import (
    PER_DAY,
    PER_WEEK,
    RATE,
    p_values,
    threshold_for,
    too_few,
    unseen_natives,
)

SETTINGS = {RATE: (0.01, 0.02, 0.05, 0.1, 0.2), PER_DAY: (0.01, 0.1, 1.0), PER_WEEK: (1, 5, 20)}
MAIN_RATE = 0.05  # of which every location has its own line
KEYS = "detector location target setting asked".split()
COLUMNS = (
    "fold detector location target setting threshold realised low high recall recall_low "
    "recall_high alarms events native novel calibration too_few asked"
).split()


def events_of(crops: pd.DataFrame, side: str | None = None) -> pd.DataFrame:
    """The row of the highest crop of each event, or of each event and value in `side`."""
    sides = None if side is None else crops[side].to_numpy(str)
    return crops.iloc[highest_crops(crops["score"].to_numpy(), crops["event"].to_numpy(), sides)]


def reviewed(crops: pd.DataFrame) -> pd.DataFrame:
    """The crops of events that no detector was fitted or calibrated on: those of the queue."""
    queued = crops["role"].isin(QUEUED_ROLES)
    return crops[queued & ~crops["event"].isin(crops.loc[~queued, "event"])]


@dataclass
class Alarm:
    """The config's alarm: scores above `threshold` alarm, or p-values within `rate`.

    The p-values are by the events `calibration`, or where `per_species`, by those of them that are
    taken for the same native species. `rate` is NaN for a weekly budget.
    """

    threshold: float
    rate: float
    calibration: pd.DataFrame
    per_species: bool

    def p_values(self, events: pd.DataFrame) -> np.ndarray:
        """The p-value of each of `events`, by their columns `score` and `predicted`."""
        sides = (events, self.calibration)
        classes = [side["predicted"].to_numpy(str) for side in sides] if self.per_species else []
        return p_values(*(side["score"].to_numpy() for side in sides), *classes)

    def flags(self, events: pd.DataFrame) -> np.ndarray:
        """Whether each of `events` alarms."""
        if self.per_species:
            return self.p_values(events) <= self.rate + EPSILON
        return events["score"].to_numpy() > self.threshold

    def sizes(self, events: pd.DataFrame) -> pd.Series:
        """Calibration events by the species that `events` are taken for; '' stands for all."""
        if not self.per_species:
            return pd.Series({"": len(self.calibration)})
        counts = self.calibration["predicted"].value_counts()
        return counts.reindex(events["predicted"].unique(), fill_value=0)


def set_alarm(crops: pd.DataFrame, settings: dict, daily: float) -> Alarm:
    """The alarm of the config's `settings`, for one detector's scores.

    `crops` has `score`, `role`, `event`, `date` and `predicted`; `daily` are the native events of a
    camera-day. Raises `BadInput` where dates or predicted species are needed and not there.
    """
    if settings["per_species"] and (crops["predicted"] == "").all():
        raise BadInput("alarm.per_species: only detectors on features tell the species; add one")
    calibration, queue = events_of(crops[crops["role"] == Role.CALIBRATION]), reviewed(crops)
    scores = [events["score"].to_numpy() for events in (calibration, events_of(queue))]
    asked = settings["target"], settings["limit"]
    threshold, rate = threshold_for(*asked, *scores, daily, weeks(queue["date"]))
    return Alarm(threshold, rate, calibration, settings["per_species"])


def alarm_table(runs: list[Run], lead: dict | None = None) -> pd.DataFrame:
    """Shares of events that alarm, by detector, target, its setting and location: means over runs.

    `lead` has the config's `detector` (whose own alarm and whose original rules are added), its
    `kind`, `target`, `limit` and `per_species`. `realised` has the unit of the setting. Intervals
    are Wilson's over the distinct events of all runs, `native` and `novel` of them, with the
    thresholds taken as they are; a review budget is kept by construction and has none. `alarms` and
    `events` of the queue are means over runs. `calibration` is the fewest events of a run, and
    where `too_few`, a run had so few that it never alarms. The threshold is that of a single run.
    """
    lines = []
    for kind, of_kind in by_kind([run for run in runs if run.kind != SEEN]).items():
        outcomes = pd.DataFrame(line for run in of_kind for line in run_outcomes(run, lead))
        counts = count_events(of_kind)
        for key, group in outcomes.groupby(KEYS, sort=False) if len(outcomes) else ():
            line = {"fold": kind} | dict(zip(KEYS, key, strict=True))
            sides = [(line["location"], role) for role in (Role.TEST, Role.NOVEL)]
            native, novel = (counts.get(side, 0) for side in sides)
            mean = group[["rate", "unit", "recall", "per_week", "alarms", "events"]].mean()
            if line["target"] == PER_WEEK:
                line |= {"realised": mean["per_week"], "low": np.nan, "high": np.nan}
            else:
                low, high = _interval(mean["rate"], native)
                line |= {"realised": mean["rate"] * mean["unit"]}
                line |= {"low": low * mean["unit"], "high": high * mean["unit"]}
            recall = mean["recall"], *_interval(mean["recall"], novel)
            line |= dict(zip(("recall", "recall_low", "recall_high"), recall, strict=True))
            line |= {"threshold": group["threshold"].iloc[0] if len(of_kind) == 1 else np.nan}
            line |= {"native": native, "novel": novel}
            line |= {"calibration": group["calibration"].min(), "too_few": group["too_few"].any()}
            lines.append(line | {"alarms": mean["alarms"], "events": mean["events"]})
    return pd.DataFrame(lines, columns=COLUMNS)


def _interval(share: float, n: int) -> tuple[float, float]:
    return wilson(share * n, n) if n else (np.nan, np.nan)


def count_events(runs: list[Run]) -> dict[tuple[str, str], int]:
    """The distinct events of each (location or "all", role) in the queues of all runs."""
    columns = ["location", "role", "event"]
    events = pd.concat([run.queue[columns].drop_duplicates() for run in runs])
    events = pd.concat([events, events.assign(location="all")])
    return events.groupby(["location", "role"])["event"].nunique().to_dict()


def run_outcomes(run: Run, lead: dict | None) -> Iterator[dict]:
    """A line per detector, target and setting of one run, and per location for MAIN_RATE."""
    daily, span = run.density[EVENTS_PER_DAY], weeks(run.queue["date"])
    for detector in run.detectors:
        calibration, crops = (of.assign(score=of[detector]) for of in (run.calibration, run.queue))
        known = events_of(calibration)["score"].to_numpy()
        units, highest = events_of(crops, "role"), events_of(crops)["score"].to_numpy()
        for target, setting in possible_targets(len(known), daily, span):
            threshold, rate = threshold_for(target, setting, known, highest, daily, span)
            locations = {"all": units}
            if (target, setting) == (RATE, MAIN_RATE):
                locations |= dict(list(units[units["location"] != UNKNOWN].groupby("location")))
            line = {"detector": detector, "target": target, "setting": setting, "asked": "no"}
            line |= {"threshold": threshold, "unit": daily if target == PER_DAY else 1.0}
            line |= {"calibration": len(known), "too_few": too_few(len(known), rate)}
            for location, here in locations.items():
                flags = here["score"].to_numpy() > threshold
                yield line | {"location": location} | outcome(here, flags, span)
    if lead and lead["detector"] in run.detectors:
        yield from lead_outcomes(run, lead)


def possible_targets(calibration: int, daily: float, span: float) -> Iterator[tuple[str, float]]:
    """The targets and settings for which there are calibration events, and dates where needed."""
    for target, settings in SETTINGS.items():
        dated = daily > 0 and span > 0
        if (target == RATE or dated) and (target == PER_WEEK or calibration):
            yield from ((target, setting) for setting in settings)


def lead_outcomes(run: Run, lead: dict) -> Iterator[dict]:
    """Lines of the config's own alarm, and of the original's rules on the same detector's score."""
    daily, crops = run.density[EVENTS_PER_DAY], run.crops.assign(score=run.crops[lead["detector"]])
    alarm, queue = set_alarm(crops, lead, daily), reviewed(crops)
    units, span = events_of(queue, "role"), weeks(queue["date"])
    line = {"detector": lead["detector"], "location": "all", "calibration": len(alarm.calibration)}
    asked = {"target": lead["target"], "setting": lead["limit"], "asked": "yes"}
    asked |= {"threshold": np.nan if alarm.per_species else alarm.threshold}
    asked |= {"unit": daily if lead["target"] == PER_DAY else 1.0}
    asked |= {"too_few": any(too_few(n, alarm.rate) for n in alarm.sizes(events_of(queue)))}
    yield line | asked | outcome(units, alarm.flags(units), span)
    unseen = crops[crops["role"] == unseen_natives(lead["kind"])]
    for rule in rules(unseen, "score"):
        of_rule = {"target": rule.name, "setting": rule.parameter, "threshold": rule.threshold}
        of_rule |= {"unit": 1.0, "too_few": False, "asked": "no"}
        yield line | of_rule | outcome(units, rule.flags(units).to_numpy(), span)


def outcome(units: pd.DataFrame, flags: np.ndarray, span: float) -> dict:
    """Shares of native and of novel units that are flagged, and the number of events that are.

    An event of natives and novel animals is a unit of both sides, and one alarm.
    """
    native, novel = (flags[(units["role"] == role).to_numpy()] for role in (Role.TEST, Role.NOVEL))
    alarms = units.loc[flags, "event"].nunique()
    return {
        "rate": native.mean() if len(native) else np.nan,
        "recall": novel.mean() if len(novel) else np.nan,
        "alarms": alarms,
        "events": units["event"].nunique(),
        "per_week": alarms / span,
    }

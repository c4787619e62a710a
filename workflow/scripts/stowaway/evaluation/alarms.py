"""Alarms by thresholds set on calibration natives, and what came of them on the queue."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stowaway.annotations.events import UNKNOWN
from stowaway.core.names import UNNAMED
from stowaway.core.script import BadInput
from stowaway.data.roles import QUEUED_ROLES, Role
from stowaway.evaluation.bootstrap import draw_groups, interval, share_interval
from stowaway.evaluation.exposure import EVENTS_PER_DAY, weeks
from stowaway.evaluation.folds import SEEN, Run, by_kind
from stowaway.evaluation.metrics import EPSILON, highest_crops
from stowaway.evaluation.original_rules import rules
from stowaway.evaluation.thresholds import (
    PER_DAY,
    PER_WEEK,
    RATE,
    Calibration,
    threshold_for,
    too_few,
    unseen_natives,
)

SETTINGS = {RATE: (0.01, 0.02, 0.05, 0.1, 0.2), PER_DAY: (0.01, 0.1, 1.0), PER_WEEK: (1, 5, 20)}
MAIN_RATE = 0.05  # of which every location has its own line
KEYS = "detector location target setting asked".split()
SIDES = {
    Role.TEST: ("realised", "low", "high"),
    Role.NOVEL: ("recall", "recall_low", "recall_high"),
}
COLUMNS = (
    "fold detector location target setting threshold realised low high recall recall_low "
    "recall_high alarms events native novel calibration calibration_events too_few asked"
).split()


def events_of(crops: pd.DataFrame, side: str | None = None) -> pd.DataFrame:
    """The row of the highest crop of each event, or of each event and value in `side`."""
    sides = None if side is None else crops[side].to_numpy(str)
    return crops.iloc[highest_crops(crops["score"].to_numpy(), crops["event"].to_numpy(), sides)]


def reviewed(crops: pd.DataFrame) -> pd.DataFrame:
    """The crops of the queue, which no detector was fitted or calibrated on.

    Where one was on natives of the same event, only its unnamed crops are queued: nobody has said
    what they show. Frames that were fitted on may be near-copies of them, which lowers their score:
    it raises p-values, and makes no false alarm.
    """
    queued = crops["role"].isin(QUEUED_ROLES)
    beside = crops["event"].isin(crops.loc[~queued, "event"])
    return crops[queued & (~beside | (crops["species"] == UNNAMED))]


@dataclass
class Alarm:
    """The config's alarm: scores above `threshold` alarm, or p-values within `rate`.

    `calibration` is by the native species that events are taken for where the alarm is per species,
    and else all of it under ''. `rate` is NaN for a weekly budget.
    """

    threshold: float
    rate: float
    calibration: dict[str, Calibration]

    @property
    def per_species(self) -> bool:
        """Whether each species that events are taken for has its own calibration."""
        return "" not in self.calibration

    def p_values(self, events: pd.DataFrame) -> np.ndarray:
        """The p-value of each of `events`, by their columns `score` and `predicted`.

        1 where no calibration event is taken for the same species.
        """
        scores = events["score"].to_numpy()
        if not self.per_species:
            return self.calibration[""].p_values(scores)
        values, species = np.ones(len(events)), events["predicted"].to_numpy(str)
        for name, calibration in self.calibration.items():
            values[species == name] = calibration.p_values(scores[species == name])
        return values

    def flags(self, events: pd.DataFrame) -> np.ndarray:
        """Whether each of `events` alarms."""
        if self.per_species:
            return self.p_values(events) <= self.rate + EPSILON
        return events["score"].to_numpy() > self.threshold

    def strangest(self, events: pd.DataFrame) -> np.ndarray:
        """Whether each of `events` alarms at the smallest p-value that there can be."""
        sizes = self.sizes(events)
        groups = events["predicted"].map(sizes) if self.per_species else sizes[""]
        return self.flags(events) & (self.p_values(events) <= 1 / (groups + 1) + EPSILON)

    def resampled(self, rng: np.random.Generator) -> "Alarm":
        """The alarm that other calibration groups, drawn from these with replacement, would set."""
        if np.isnan(self.rate):
            return self
        again = {name: of.resampled(rng) for name, of in self.calibration.items()}
        threshold = np.nan if self.per_species else again[""].threshold(self.rate)
        return Alarm(threshold, self.rate, again)

    def sizes(self, events: pd.DataFrame) -> dict[str, int]:
        """Calibration groups by the species that `events` are taken for; '' stands for all."""
        sizes = {name: of.groups for name, of in self.calibration.items()}
        if not self.per_species:
            return sizes
        return {name: sizes.get(name, 0) for name in events["predicted"].unique()}


def set_alarm(crops: pd.DataFrame, settings: dict, daily: float, days: pd.DataFrame) -> Alarm:
    """The alarm of the config's `settings`, for one detector's scores.

    `crops` has `score`, `role`, `event`, `group`, `location` and `predicted`; `daily` are the
    native events of a camera-day, `days` the camera-days (`exposure.weeks`). Raises `BadInput`
    where dates or predicted species are needed and not there.
    """
    known, queue = events_of(crops[crops["role"] == Role.CALIBRATION]), reviewed(crops)
    calibration = {"": Calibration.of(known)}
    if settings["per_species"]:
        if (crops["predicted"] == "").all():
            raise BadInput(
                "alarm.per_species: only detectors on features tell the species; add one"
            )
        calibration = {name: Calibration.of(of) for name, of in known.groupby("predicted")}
    asked, scores = (settings["target"], settings["limit"]), events_of(queue)["score"].to_numpy()
    span = weeks(days, queue["location"])
    threshold, rate = threshold_for(*asked, Calibration.of(known), scores, daily, span)
    return Alarm(np.nan if settings["per_species"] else threshold, rate, calibration)


def alarm_table(
    runs: list[Run], resamples: int, seed: int, lead: dict | None = None
) -> pd.DataFrame:
    """A row of COLUMNS per fold kind, detector, target, its setting and location: means over runs.

    `lead` has the config's `detector` (whose own alarm and whose original rules are added), its
    `kind`, `target`, `limit` and `per_species`. `realised` has the unit of the setting. Intervals
    are `share_interval`'s over the groups of all runs, for novel events also over their species,
    with the thresholds taken as they are; that of `lead`'s own alarm is the wider one of
    `threshold_noise` where that is wider. A review budget is kept by construction and has none.
    `alarms` and `events` of the queue are means over runs. `calibration` and `calibration_events`
    are the fewest groups and events of a run, and where `too_few`, a run had so few groups that it
    never alarms. The threshold is that of a single run.
    """
    lines = []
    for kind, of_kind in by_kind([run for run in runs if run.kind != SEEN]).items():
        counts = count_events(of_kind)
        for detector in dict.fromkeys(name for run in of_kind for name in run.detectors):
            outcomes = defaultdict(list)
            for run in (run for run in of_kind if detector in run.detectors):
                for line in run_outcomes(run, detector):
                    outcomes[tuple(line[key] for key in KEYS)].append(line)
                if lead and lead["detector"] == detector:
                    for line in lead_outcomes(run, lead, resamples, seed):
                        outcomes[tuple(line[key] for key in KEYS)].append(line)
            for key, of_runs in outcomes.items():
                line = {"fold": kind} | dict(zip(KEYS, key, strict=True))
                line |= mean_outcome(of_runs, resamples, seed)
                line |= {"native": counts.get((line["location"], Role.TEST), 0)}
                line |= {"novel": counts.get((line["location"], Role.NOVEL), 0)}
                line |= {"threshold": of_runs[0]["threshold"] if len(of_kind) == 1 else np.nan}
                lines.append(line)
    return pd.DataFrame(lines, columns=COLUMNS)


def mean_outcome(of_runs: list[dict], resamples: int, seed: int) -> dict:
    """The columns of SIDES and the counts of one detector and setting, from its line of each run.

    A unit weighs 1 / (units of its side in its run), so that the share is the mean over runs.
    """
    mean = {
        name: np.mean([line[name] for line in of_runs])
        for name in ("unit", "per_week", "alarms", "events")
    }
    line = {"alarms": mean["alarms"], "events": mean["events"]}
    line |= {"too_few": any(of["too_few"] for of in of_runs)}
    line |= {
        name: min(of[name] for of in of_runs) for name in ("calibration", "calibration_events")
    }
    for role, names in SIDES.items():
        sides = [of[role] for of in of_runs if len(of[role][0])]
        value, bounds = np.nan, (np.nan, np.nan)
        if sides:
            value = np.mean([flags.mean() for flags, *_ in sides])
            flags, groups, clusters = map(np.concatenate, zip(*sides, strict=True))
            weight = np.concatenate([np.full(len(side[0]), 1 / len(side[0])) for side in sides])
            bounds = share_interval(flags * weight, weight, groups, clusters, resamples, seed)
        noise = [of["noise"][role] for of in of_runs if "noise" in of]
        low, high = np.array([bounds, *noise]).T
        line |= dict(zip(names, (value, np.fmin.reduce(low), np.fmax.reduce(high)), strict=True))
    per_week = {"realised": mean["per_week"], "low": np.nan, "high": np.nan}
    if of_runs[0]["target"] == PER_WEEK:
        return line | per_week
    return line | {name: line[name] * mean["unit"] for name in SIDES[Role.TEST]}


def count_events(runs: list[Run]) -> dict[tuple[str, str], int]:
    """The distinct events of each (location or "all", role) in the queues of all runs."""
    columns = ["location", "role", "event"]
    events = pd.concat([run.queue[columns].drop_duplicates() for run in runs])
    events = pd.concat([events, events.assign(location="all")])
    return events.groupby(["location", "role"])["event"].nunique().to_dict()


def run_outcomes(run: Run, detector: str) -> Iterator[dict]:
    """A line per target and setting of one run, and per location for MAIN_RATE."""
    daily, span = run.density[EVENTS_PER_DAY], weeks(run.days, run.queue["location"])
    crops, known = run.queue.assign(score=run.queue[detector]), calibration_events(run, detector)
    calibration = Calibration.of(known)
    units, highest = events_of(crops, "role"), events_of(crops)["score"].to_numpy()
    line = {"detector": detector, "asked": "no"}
    line |= {"calibration": calibration.groups, "calibration_events": len(known)}
    for target, setting in possible_targets(len(known), daily, span):
        threshold, rate = threshold_for(target, setting, calibration, highest, daily, span)
        locations = {"all": units}
        if (target, setting) == (RATE, MAIN_RATE):
            locations |= dict(list(units[units["location"] != UNKNOWN].groupby("location")))
        line |= {"target": target, "setting": setting, "threshold": threshold}
        line |= {"unit": daily if target == PER_DAY else 1.0}
        line |= {"too_few": too_few(calibration.groups, rate)}
        for location, here in locations.items():
            flags = here["score"].to_numpy() > threshold
            yield line | {"location": location} | outcome(here, flags, span)


def calibration_events(run: Run, detector: str) -> pd.DataFrame:
    """The calibration events of a run by their highest crops."""
    return events_of(run.calibration.assign(score=run.calibration[detector]))


def possible_targets(calibration: int, daily: float, span: float) -> Iterator[tuple[str, float]]:
    """The targets and settings for which there are calibration events, and dates where needed."""
    for target, settings in SETTINGS.items():
        dated = daily > 0 and span > 0
        if (target == RATE or dated) and (target == PER_WEEK or calibration):
            yield from ((target, setting) for setting in settings)


def lead_outcomes(run: Run, lead: dict, resamples: int, seed: int) -> Iterator[dict]:
    """Lines of the config's own alarm, and of the original's rules on the same detector's score."""
    daily, crops = run.density[EVENTS_PER_DAY], run.crops.assign(score=run.crops[lead["detector"]])
    alarm, queue = set_alarm(crops, lead, daily, run.days), reviewed(crops)
    units, span = events_of(queue, "role"), weeks(run.days, queue["location"])
    known = calibration_events(run, lead["detector"])
    line = {"detector": lead["detector"], "location": "all", "calibration_events": len(known)}
    line |= {"calibration": Calibration.of(known).groups}
    asked = {"target": lead["target"], "setting": lead["limit"], "asked": "yes"}
    asked |= {"threshold": alarm.threshold}
    asked |= {"unit": daily if lead["target"] == PER_DAY else 1.0}
    sizes = alarm.sizes(events_of(queue)).values()
    asked |= {"too_few": any(too_few(n, alarm.rate) for n in sizes)}
    if not np.isnan(alarm.rate):
        asked |= {"noise": threshold_noise(alarm, units, resamples, seed)}
    yield line | asked | outcome(units, alarm.flags(units), span)
    unseen = crops[crops["role"] == unseen_natives(lead["kind"])]
    for rule in rules(unseen, "score"):
        of_rule = {"target": rule.name, "setting": rule.parameter, "threshold": rule.threshold}
        of_rule |= {"unit": 1.0, "too_few": False, "asked": "no"}
        yield line | of_rule | outcome(units, rule.flags(units).to_numpy(), span)


def threshold_noise(
    alarm: Alarm, units: pd.DataFrame, resamples: int, seed: int
) -> dict[Role, tuple[float, float]]:
    """The 95 % interval of each side's flagged share, with the noise of the alarm's threshold.

    Each resample draws calibration groups, sets the threshold on them, and applies it to as many
    groups of `units` drawn likewise. NaN for a side of fewer than two groups.
    """
    rng, sides = np.random.default_rng([seed, 2]), {}
    for role in SIDES:
        on = (units["role"] == role).to_numpy()
        names, group = np.unique(units["group"].to_numpy()[on], return_inverse=True)
        sides[role] = on, group, draw_groups((len(names),), resamples, seed)
    shares = {role: np.full(resamples, np.nan) for role in SIDES}
    for i in range(resamples):
        flags = alarm.resampled(rng).flags(units)
        for role, (on, group, weights) in sides.items():
            if len(weights) > 1:
                shares[role][i] = np.average(flags[on], weights=weights[group, i])
    return {role: interval(values) for role, values in shares.items()}


def outcome(units: pd.DataFrame, flags: np.ndarray, span: float) -> dict:
    """Which units of each role are flagged, and the number of events that are.

    Each of the SIDES has an array of flags, of groups, and of clusters: the species of a novel
    animal, as species to come are other ones. An event of natives and novel animals is a unit of
    both sides, and one alarm.
    """
    role, group, species = (units[name].to_numpy() for name in ("role", "group", "species"))
    native, novel = ((flags[role == side], group[role == side]) for side in SIDES)
    alarms = len(np.unique(units["event"].to_numpy()[flags]))
    return {
        Role.TEST: (*native, np.zeros(len(native[0]), int)),
        Role.NOVEL: (*novel, species[role == Role.NOVEL]),
        "alarms": alarms,
        "events": len(np.unique(units["event"].to_numpy())),
        "per_week": alarms / span,
    }

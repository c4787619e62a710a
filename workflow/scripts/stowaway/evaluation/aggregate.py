"""Detectors judged in every arm, seed and stratum, and pooled over arms and seeds of one kind."""

from collections import defaultdict

import numpy as np

from stowaway.core.progress import progress
from stowaway.evaluation.bootstrap import draw, resampled, strata
from stowaway.evaluation.counts import Ranked
from stowaway.evaluation.folds import LEVELS, Scored, alarm_metrics
from stowaway.evaluation.metrics import METRICS
from stowaway.evaluation.strata import strata_of

MAIN = ["auroc", "recall_at_5_fpr"]  # of the strata, and of the differences
FEW = 20  # crops of a side; with fewer, a stratum has its counts and no value


class Pooled:
    """The mean over runs of some metrics and of their resamples."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[list[float]] = []
        self.sums = self.counts = 0.0

    def add(self, values: dict[str, float], draws: dict[str, np.ndarray]) -> None:
        """One run's values and resamples of each metric; a NaN counts for nothing."""
        self.names = list(values)
        self.values.append(list(values.values()))
        drawn = np.array(list(draws.values()))
        self.sums = self.sums + np.nan_to_num(drawn)
        self.counts = self.counts + ~np.isnan(drawn)

    def value(self) -> np.ndarray:
        """The mean of each metric over the runs that have it."""
        values = np.array(self.values, float)
        return _divide(np.nansum(values, axis=0), (~np.isnan(values)).sum(0))

    def draws(self) -> np.ndarray:
        """The same in each resample: (metrics, resamples)."""
        return _divide(self.sums, self.counts)


def _divide(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def count_units(runs: list[Scored], groups: dict) -> dict[str, dict]:
    """The distinct crops and events of all runs: stratum -> {(level, whether novel): number}."""
    found = defaultdict(lambda: defaultdict(set))
    for run in runs:
        for stratum, kept in strata_of(run.queue, groups):
            part = run.queue.subset(kept)
            for side in (False, True):
                found[stratum]["crop", side].update(part.facts["crop_id"][part.novel == side])
                found[stratum]["event", side].update(part.events[part.novel == side])
    return {name: {key: len(ids) for key, ids in of.items()} for name, of in found.items()}


def is_small(stratum: str, units: dict) -> bool:
    """Whether a stratum has too few crops of a side for its detectors to be ranked."""
    return stratum != "all" and min(units["crop", side] for side in (False, True)) < FEW


def pool(runs: list[Scored], events: int, groups: dict, resamples: int, seed: int) -> tuple:
    """Everything of one kind of arm: {(stratum, detector, level): Pooled}, and `count_units`.

    An event weighs the same in all arms, seeds and detectors of a resample, as it is the same one.
    """
    units = count_units(runs, groups)
    parts = [(run.queue.arm, run.queue.events, run.queue.novel) for run in runs]
    weights = draw(strata(parts, events), resamples, seed)
    timed = any((run.queue.facts["date"] != "").any() for run in runs)
    pooled = defaultdict(Pooled)
    for run in progress(runs, runs[0].kind, "runs"):
        for stratum, kept in strata_of(run.queue, groups):
            part = run.queue.subset(kept)
            drawn = weights[:, :0] if is_small(stratum, units[stratum]) else weights
            for level in LEVELS:
                scale = part.density[level, timed] if stratum == "all" else None
                for detector in part.scores:
                    found = judge(part.units(detector, level), drawn, scale, timed)
                    pooled[stratum, detector, level].add(*found)
    return pooled, units


def judge(units: tuple, weights: np.ndarray, scale: float | None, timed: bool) -> tuple[dict, dict]:
    """Each metric's value and its resamples; MAIN alone where no `scale` of alarms is given."""
    ranked = Ranked(*units)
    chosen = METRICS if scale is not None else {name: METRICS[name] for name in MAIN}
    values = {name: metric(*ranked.counts()) for name, metric in chosen.items()}
    draws = dict(zip(chosen, resampled(ranked, weights, chosen.values()), strict=True))
    if scale is not None:
        values |= alarm_metrics(values, scale, timed) | {"prevalence": units[1].mean()}
        draws |= alarm_metrics(draws, scale, timed)
        draws |= {"prevalence": np.full(weights.shape[1], np.nan)}
    return values, draws

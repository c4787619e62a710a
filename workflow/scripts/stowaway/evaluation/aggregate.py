"""Tables of all detectors: metrics with intervals, paired gains and curves, as means over runs."""

from collections import defaultdict

import numpy as np
import pandas as pd

from stowaway.core.progress import progress
from stowaway.evaluation.bootstrap import draw_runs, interval, resampled
from stowaway.evaluation.folds import (
    LEFT_OUT,
    LEVELS,
    ORIGINALS,
    SEEN,
    SHORTCUT,
    Run,
    by_kind,
    strata_of,
    units_of,
)
from stowaway.evaluation.metrics import METRICS, Ranked, perfect, recall_at_fpr, wilson

MAIN = ["auroc", "recall_at_5_fpr"]  # metrics of the gains
OF_STRATA = [*MAIN, "recall_at_5_promised"]
# Crops of a side; with fewer, a stratum has its counts and no value, but for the recall of a single
# species.
FEW = 20
SPECIES = "species="
BETTER = "better of the original's two"
# Close together where a biosecurity team works, wider beyond.
RATES = np.concatenate([np.linspace(0, 0.1, 41), np.linspace(0.12, 0.98, 44), [1.0]])
METRIC_COLUMNS = (
    "fold detector level stratum metric value low high ceiling native novel novel_species runs"
).split()
GAIN_COLUMNS = "fold level detector rival metric gain low high novel_species".split()
CURVE_COLUMNS = "fold detector level false_alarm_rate recall false_alarms_per_camera_day".split()


class Pooled:
    """The mean over runs of some metrics and of their resamples."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[list[float]] = []
        self.ceilings: list[list[float]] = []
        self.curves: list[list[float]] = []  # recall at each of RATES
        self.sums = self.counts = 0.0

    def add(
        self, values: dict[str, float], ceilings: list[float], draws: np.ndarray, times: np.ndarray
    ) -> None:
        """One run's metrics, their ceilings and their resamples, (metrics, resamples).

        Each resample counts the run so many `times`; a NaN counts for nothing.
        """
        self.names = list(values)
        self.values.append(list(values.values()))
        self.ceilings.append(ceilings)
        self.sums = self.sums + times * np.nan_to_num(draws)
        self.counts = self.counts + times * ~np.isnan(draws)

    def value(self) -> np.ndarray:
        """The mean of each metric over the runs that have it."""
        return _mean(self.values)

    def ceiling(self) -> np.ndarray:
        """The mean of each metric's ceiling (`perfect`) over the same runs."""
        return _mean(np.where(np.isnan(self.values), np.nan, self.ceilings))

    def draws(self) -> np.ndarray:
        """The same in each resample: (metrics, resamples)."""
        return _divide(self.sums, self.counts)


def _mean(values: list[list[float]]) -> np.ndarray:
    values = np.array(values, float)
    return _divide(np.nansum(values, axis=0), (~np.isnan(values)).sum(0))


def _divide(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def mean_of_known(values: list[float]) -> float:
    """The mean of the values that are not NaN; NaN without any."""
    known = np.array(values)[~np.isnan(values)]
    return known.mean() if len(known) else np.nan


def compare_detectors(
    runs: list[Run], events: int, groups: dict[str, str], resamples: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The tables of metrics, of gains and of curves, for each kind of fold apart.

    `events` is the number of events of all queues, `groups` the group of a species (`strata_of`).
    """
    metrics, gains, curves = [], [], [pd.DataFrame(columns=CURVE_COLUMNS)]
    comparable = [run for run in runs if 0 < run.queue["novel"].mean() < 1]
    for kind, of_kind in by_kind(comparable).items():
        pooled, units = pool(of_kind, events, groups, resamples, seed)
        metrics += metric_rows(kind, pooled, units)
        if kind != SEEN:
            metrics += density_rows(kind, of_kind, units["all"])
        gains += gain_rows(kind, pooled, units["all"]["species", True])
        curves += curve_tables(kind, of_kind, pooled)
    metrics = pd.DataFrame(metrics, columns=METRIC_COLUMNS)
    gains = pd.DataFrame(gains, columns=GAIN_COLUMNS)
    return metrics, gains, pd.concat(curves[1:] or curves)


def count_units(runs: list[Run], groups: dict) -> dict[str, dict]:
    """The distinct crops, events and species of all runs.

    stratum -> {("crop", "event" or "species", whether novel): number}.
    """
    units = defaultdict(lambda: defaultdict(set))
    for run in runs:
        for stratum, mask in strata_of(run.queue, groups):
            for side, crops in run.queue[mask].groupby("novel"):
                units[stratum]["crop", side].update(crops["crop_id"])
                units[stratum]["event", side].update(crops["event"])
                units[stratum]["species", side].update(crops["species"])
    return {name: {key: len(ids) for key, ids in of.items()} for name, of in units.items()}


def is_small(stratum: str, units: dict) -> bool:
    """Whether a stratum has too few crops of a side for its detectors to be ranked."""
    return stratum != "all" and min(units["crop", side] for side in (False, True)) < FEW


def pool(runs: list[Run], events: int, groups: dict, resamples: int, seed: int) -> tuple:
    """Everything of one kind of fold: {(stratum, detector, level): Pooled}, and `count_units`.

    An event weighs the same in all folds, seeds and detectors of a resample, as it is the same one.
    """
    units, left_out = count_units(runs, groups), runs[0].kind == LEFT_OUT
    columns = ["event", "novel", "species"]
    samples = [(run.fold, *(run.queue[name].to_numpy() for name in columns)) for run in runs]
    drawn = draw_runs(samples, events, resamples, seed, left_out)
    pooled = defaultdict(Pooled)
    for run in progress(runs, runs[0].kind, "runs"):
        for stratum, mask in strata_of(run.queue, groups):
            crops, weights, times = run.queue[mask], drawn.weights, drawn.folds[run.fold]
            if stratum.startswith(SPECIES):
                crops = crops.assign(event=drawn.alone[crops["event"]])
                times = np.ones_like(times)
            elif is_small(stratum, units[stratum]):
                weights, times = weights[:, :0], times[:0]
            names = METRICS if stratum == "all" else OF_STRATA
            metrics = [METRICS[name] for name in names]
            for level in LEVELS:
                novel = units_of(crops, run.detectors[0], level)[1]
                best = perfect(np.count_nonzero(~novel), np.count_nonzero(novel))
                ceilings = [metric(*best) for metric in metrics]
                for detector in run.detectors:
                    ranked = Ranked(*units_of(crops, detector, level))
                    counts, one = ranked.counts(), pooled[stratum, detector, level]
                    values = {name: METRICS[name](*counts) for name in names}
                    one.add(values, ceilings, resampled(ranked, weights, metrics), times)
                    if stratum == "all":
                        one.curves.append([recall_at_fpr(*counts, rate) for rate in RATES])
    return pooled, units


def metric_rows(kind: str, pooled: dict, units: dict) -> list[dict]:
    """A line per stratum, detector, level and metric, as in METRIC_COLUMNS."""
    lines = []
    for (stratum, detector, level), one in pooled.items():
        count = units[stratum]
        small = is_small(stratum, count)
        value, ceiling, (low, high) = one.value(), one.ceiling(), interval(one.draws())
        if min(count["event", side] for side in (False, True)) < 2:
            low = high = np.full(len(value), np.nan)  # one event says nothing about the next
        line = {"fold": kind, "detector": detector, "level": level, "stratum": stratum}
        line |= {"native": count[level, False], "novel": count[level, True]}
        line |= {"novel_species": count["species", True], "runs": len(one.values)}
        for i, metric in enumerate(one.names):
            values = value[i], low[i], high[i], ceiling[i]
            if stratum.startswith(SPECIES) and metric != "auroc":
                if metric == "recall_at_5_fpr" and whole(value[i], level, line["runs"]):
                    events = count["event", True]
                    values = value[i], *wilson(round(value[i] * events), events), ceiling[i]
            elif small:
                values = (np.nan,) * 4
            bounds = dict(zip(("value", "low", "high", "ceiling"), values, strict=True))
            lines.append(line | {"metric": metric} | bounds)
    return lines


def whole(recall: float, level: str, runs: int) -> bool:
    """Whether a recall counts whole events: each of them is found always, or never."""
    return recall in (0, 1) or (level == "event" and runs == 1)


def density_rows(kind: str, runs: list[Run], units: dict) -> list[dict]:
    """What holds for all detectors (the column is blank): how many units there are of each side.

    The prevalence of novel units in the queue, and the density of native ones per camera-day, or
    per 100 images without dates: times a false-alarm rate it is the number of false alarms. Means
    over the runs, without intervals.
    """
    lines = []
    for level in LEVELS:
        novel = [units_of(run.queue, run.detectors[0], level)[1].mean() for run in runs]
        values = {"prevalence": np.mean(novel)}
        per_day, per_image = (
            (name, mean_of_known([run.density[name] for run in runs]))
            for name in (f"native_{level}s_per_camera_day", f"native_{level}s_per_100_images")
        )
        values |= dict([per_image if np.isnan(per_day[1]) else per_day])
        line = {"fold": kind, "detector": "", "level": level, "stratum": "all", "runs": len(runs)}
        line |= {"native": units[level, False], "novel": units[level, True]}
        line |= {"novel_species": units["species", True]}
        lines += [line | {"metric": name, "value": value} for name, value in values.items()]
    return lines


def gain_rows(kind: str, pooled: dict, novel_species: int) -> list[dict]:
    """Each detector's gain over the best shortcut and over the original's two, paired by resample.

    The best shortcut is that of the highest value, chosen on these very data: a little too good a
    rival. The better of the original's two is the higher one in each resample.
    """
    lines = []
    for level in LEVELS:
        for metric in MAIN:
            value, draws = {}, {}
            for (stratum, name, at), one in pooled.items():
                if (stratum, at) == ("all", level):
                    row = one.names.index(metric)
                    value[name], draws[name] = one.value()[row], one.draws()[row]
            shortcuts = [name for name in value if name.startswith(SHORTCUT)]
            detectors = [name for name in value if name not in shortcuts]
            rivals = [max(shortcuts, key=value.get)] if shortcuts else []
            rivals += [name for name in ORIGINALS if name in value]
            if set(ORIGINALS) <= set(value):
                value[BETTER] = max(value[name] for name in ORIGINALS)
                draws[BETTER] = np.max([draws[name] for name in ORIGINALS], axis=0)
                rivals.append(BETTER)
            for name, rival in ((n, r) for r in rivals for n in detectors if n != r):
                low, high = interval(draws[name] - draws[rival])
                line = {"fold": kind, "level": level, "detector": name, "rival": rival}
                line |= {"metric": metric, "gain": value[name] - value[rival]}
                line |= {"low": float(low), "high": float(high)}
                lines.append(line | {"novel_species": novel_species})
    return lines


def curve_tables(kind: str, runs: list[Run], pooled: dict) -> list[pd.DataFrame]:
    """The mean recall at each of RATES, and the false alarms per camera-day (NaN without dates)."""
    tables = []
    for (stratum, detector, level), one in pooled.items():
        if stratum == "all":
            density = [run.density[f"native_{level}s_per_camera_day"] for run in runs]
            line = {"fold": kind, "detector": detector, "level": level, "false_alarm_rate": RATES}
            line |= {"recall": np.mean(one.curves, axis=0)}
            line |= {"false_alarms_per_camera_day": RATES * mean_of_known(density)}
            tables.append(pd.DataFrame(line))
    return tables

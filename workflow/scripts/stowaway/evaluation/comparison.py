"""Detectors compared: the table of metrics with intervals, and paired differences."""

import numpy as np
import pandas as pd

from stowaway.evaluation.aggregate import MAIN, is_small, pool
from stowaway.evaluation.bootstrap import interval
from stowaway.evaluation.folds import LEVELS, Scored
from stowaway.evaluation.metrics import wilson

ORIGINALS = ["basic_original", "cae"]  # the study that this project rebuilds
BETTER = "better of the original's two"
METRIC_COLUMNS = "arm detector level stratum metric value low high native novel runs".split()
GAIN = "arm level detector than metric gain low high".split()


def metric_rows(kind: str, pooled: dict, units: dict) -> list[dict]:
    """A line per stratum, detector, level and metric, as in the output table."""
    lines = []
    for (stratum, detector, level), one in pooled.items():
        count = units[stratum]
        small = is_small(stratum, count)
        value, (low, high) = one.value(), interval(one.draws())
        if min(count["event", side] for side in (False, True)) < 2:
            low = high = np.full(len(value), np.nan)  # one event says nothing about the next
        line = {"arm": kind, "detector": detector, "level": level, "stratum": stratum}
        size = {"native": count[level, False], "novel": count[level, True], "runs": len(one.values)}
        for i, metric in enumerate(one.names):
            found = value[i], low[i], high[i]
            if stratum.startswith("species=") and metric == "recall_at_5_fpr":
                events = count["event", True]
                found = value[i], *wilson(value[i] * events, events)
            elif small:
                found = (np.nan,) * 3
            bounds = dict(zip(("value", "low", "high"), found, strict=True))
            lines.append(line | {"metric": metric} | bounds | size)
    return lines


def difference_rows(kind: str, pooled: dict) -> list[dict]:
    """Each detector's gain over the best shortcut and over the original's two, paired by resample.

    The best shortcut is that of the highest value, chosen on these very data: a little too good a
    rival. The better of the original's two is the higher one in each resample.
    """
    lines = []
    for level in LEVELS:
        everything = {key[1:]: one for key, one in pooled.items() if key[0] == "all"}
        here = {name: one for (name, of), one in everything.items() if of == level}
        for metric in MAIN:
            at = next(iter(here.values())).names.index(metric)
            value = {name: one.value()[at] for name, one in here.items()}
            draws = {name: one.draws()[at] for name, one in here.items()}
            shortcuts = [name for name in here if name.startswith("shortcut_")]
            rivals = [max(shortcuts, key=value.get)] if shortcuts else []
            rivals += [name for name in ORIGINALS if name in here]
            if set(ORIGINALS) <= set(here):
                value[BETTER] = max(value[name] for name in ORIGINALS)
                draws[BETTER] = np.max([draws[name] for name in ORIGINALS], axis=0)
                rivals.append(BETTER)
            for name, rival in ((n, r) for r in rivals for n in here if n not in (r, *shortcuts)):
                low, high = interval(draws[name] - draws[rival])
                line = {"arm": kind, "level": level, "detector": name, "than": rival}
                line |= {"metric": metric, "gain": value[name] - value[rival]}
                lines.append(line | {"low": float(low), "high": float(high)})
    return lines


def compare(
    runs: list[Scored], events: int, groups: dict[str, str], resamples: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of metrics and of differences, for each kind of arm apart."""
    metrics, differences = [], []
    for kind in dict.fromkeys(run.kind for run in runs):
        of_kind = [run for run in runs if run.kind == kind and 0 < run.queue.novel.mean() < 1]
        if of_kind:
            pooled, units = pool(of_kind, events, groups, resamples, seed)
            metrics += metric_rows(kind, pooled, units)
            differences += difference_rows(kind, pooled)
    return pd.DataFrame(metrics, columns=METRIC_COLUMNS), pd.DataFrame(differences, columns=GAIN)

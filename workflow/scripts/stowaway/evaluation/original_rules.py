"""The original's threshold rules, set on validation natives and judged on everything else."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stowaway.evaluation.metrics import wilson

FACTORS = [round(0.1 * step, 1) for step in range(1, 11)]  # c, of the mean native correlation
DEVIATIONS = [1, 2, 3]  # k, above the mean native error
QUARTILE = 25


@dataclass
class Rule:
    """Flag a crop whose `column` is above the threshold, or below it for the correlation."""

    name: str
    parameter: float
    column: str
    threshold: float

    def flags(self, table: pd.DataFrame) -> pd.Series:
        """Whether each crop is flagged."""
        value = table[self.column]
        return value < self.threshold if self.column == "correlation" else value > self.threshold


def rules(val: pd.DataFrame, score: str = "error") -> list[Rule]:
    """The original's rules with thresholds from the validation natives' values.

    Its two scores are judged by the `error` and the `correlation`, any other by itself; a
    classifier, which reconstructs nothing, has no correlation and none of its rules.
    """
    column = _column(score)
    known = val["correlation"].notna().all()
    return [
        *(_correlation(val, c) for c in FACTORS if known),
        *(_deviation(val, k, column) for k in DEVIATIONS),
        Rule("quartile", QUARTILE, column, float(np.percentile(val[column], QUARTILE))),
    ]


def sweep(val: pd.DataFrame, score: str) -> list[Rule]:
    """The rule of the detector's `score`, over a fine grid of its parameter, for the figures."""
    if score == "correlation":
        return [_correlation(val, c) for c in np.linspace(0, 1.3, 131)]
    return [_deviation(val, k, _column(score)) for k in np.linspace(-2, 5, 141)]


def _correlation(val: pd.DataFrame, c: float) -> Rule:
    return Rule("correlation", c, "correlation", float(c * val["correlation"].mean()))


def _deviation(val: pd.DataFrame, k: float, column: str) -> Rule:
    values = val[column]
    return Rule("deviation", k, column, float(values.mean() + k * values.std(ddof=0)))


def _column(score: str) -> str:
    return "error" if score in ("error", "correlation") else "score"


JUDGED = (
    "rule parameter threshold species n events recall low high "
    "n_native native_events false_alarm_rate false_alarm_low false_alarm_high"
).split()


def judge(rule: Rule, natives: pd.DataFrame, invasive: dict[str, pd.DataFrame]) -> Iterator[tuple]:
    """A row of `JUDGED` per invasive species: its recall, and the natives' false alarms beside."""
    alarms = _rate(rule, natives)
    for species, crops in invasive.items():
        yield (rule.name, rule.parameter, rule.threshold, species, *_rate(rule, crops), *alarms)


def _rate(rule: Rule, crops: pd.DataFrame) -> tuple[int, int, float, float, float]:
    """Crops, events, share flagged, and its Wilson interval.

    Frames of one event are nearly one observation, so the interval counts events, not crops.
    """
    events, share = crops["event"].nunique(), float(rule.flags(crops).mean())
    return len(crops), events, share, *wilson(share * events, events)

"""The original's threshold rules, set on natives that the detector has not seen."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stowaway.evaluation.bootstrap import share_interval

FACTORS = [round(0.1 * step, 1) for step in range(1, 11)]  # c, of the mean native correlation
DEVIATIONS = [1, 2, 3]  # k, above the mean native error
QUARTILE = 25  # percentile of native errors above which the original flags: most natives too
RULE_COLUMNS = (
    "rule parameter threshold species n events recall low high "
    "n_native native_events false_alarm_rate false_alarm_low false_alarm_high"
).split()
CURVE_COLUMNS = "species parameter share_flagged".split()


@dataclass
class Rule:
    """Flag a crop whose `column` is above the threshold, or below it for the correlation."""

    name: str
    parameter: float
    column: str
    threshold: float

    def flags(self, crops: pd.DataFrame) -> pd.Series:
        """Whether each crop is flagged."""
        value = crops[self.column]
        return value < self.threshold if self.column == "correlation" else value > self.threshold


def rules(unseen: pd.DataFrame, score: str) -> list[Rule]:
    """The original's rules with thresholds from the values of `unseen` natives.

    The original's two scores go by the columns `error` and `correlation`, any other by `score`. A
    detector without a reconstruction has neither, and none of the rules on the correlation.
    """
    column = _column(score)
    if unseen.empty:
        return []
    return [
        *(_correlation(unseen, c) for c in FACTORS if "correlation" in unseen),
        *(_deviation(unseen, k, column) for k in DEVIATIONS),
        Rule("quartile", QUARTILE, column, float(np.percentile(unseen[column], QUARTILE))),
    ]


def rule_grid(unseen: pd.DataFrame, score: str) -> list[Rule]:
    """The rule that the `score` goes by, over a fine grid of its parameter, for the figures."""
    if score == "correlation":
        return [_correlation(unseen, c) for c in np.linspace(0, 1.3, 131)]
    return [_deviation(unseen, k, _column(score)) for k in np.linspace(-2, 5, 141)]


def _correlation(unseen: pd.DataFrame, c: float) -> Rule:
    return Rule("correlation", c, "correlation", float(c * unseen["correlation"].mean()))


def _deviation(unseen: pd.DataFrame, k: float, column: str) -> Rule:
    values = unseen[column]
    return Rule("deviation", k, column, float(values.mean() + k * values.std(ddof=0)))


def _column(score: str) -> str:
    return "error" if score in ("error", "correlation") else "score"


def rule_table(
    unseen: pd.DataFrame,
    natives: pd.DataFrame,
    novel: dict[str, pd.DataFrame],
    score: str,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """A row of RULE_COLUMNS per rule and novel species: its recall, beside the false alarms.

    `natives` are those of the test; `novel` has the crops of each species. The last two are of the
    intervals' bootstrap.
    """
    lines = []
    for rule in rules(unseen, score):
        false_alarms = _share_flagged(rule, natives, resamples, seed)
        for species, crops in novel.items():
            line = rule.name, rule.parameter, rule.threshold, species
            flagged = _share_flagged(rule, crops, resamples, seed)
            lines.append((*line, *flagged, *false_alarms))
    return pd.DataFrame(lines, columns=RULE_COLUMNS)


def _share_flagged(
    rule: Rule, crops: pd.DataFrame, resamples: int, seed: int
) -> tuple[int, int, float, float, float]:
    """Crops, events, share flagged, and its interval, with the threshold taken as it is.

    Frames of one event are nearly one observation, so the interval is over events, not crops.
    """
    flags, events = rule.flags(crops).to_numpy(float), crops["event"].to_numpy(str)
    one = np.ones(len(crops))
    bounds = share_interval(flags, one, events, 0 * one, resamples, seed)
    share = flags.mean() if len(flags) else np.nan
    return len(crops), crops["event"].nunique(), share, *bounds


def curve_table(unseen: pd.DataFrame, crops: dict[str, pd.DataFrame], score: str) -> pd.DataFrame:
    """The share flagged of each of `crops` (by species) over `rule_grid`."""
    lines = [
        (species, rule.parameter, rule.flags(of).mean())
        for rule in rule_grid(unseen, score)
        for species, of in crops.items()
    ]
    return pd.DataFrame(lines, columns=CURVE_COLUMNS)

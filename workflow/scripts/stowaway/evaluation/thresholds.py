"""The threshold of an alarm, from its target and the scores of natives that no detector has seen.

Assumption: the *groups* of the split (events or locations) of calibration natives and of natives to
come are exchangeable, as if drawn from one bag, and so are the events within each. Events of one
location are alike, so that those of few locations promise less than their number says: each group
weighs the same, and groups are counted. A new season or another native species breaks the
assumption, and then the realised rate says by how much. The promise holds on average over
calibration sets, not for each: n groups leave a spread of about sqrt(rate x (1 - rate) / n) around
the target.

An event's score is that of its highest crop; higher is more novel.
Sources: Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005), also for p-values
per class (Mondrian); Bates et al., Testing for outliers with conformal p-values, Ann. Stat. 51
(2023). Groups' distribution functions are pooled as by Dunn, Wasserman & Ramdas, Distribution-free
prediction sets for two-layer hierarchical models, J. Am. Stat. Assoc. 118 (2023), with the new
group's weight at infinity as by Lee, Barber & Willett, Distribution-free inference with
hierarchical data (2023, arXiv 2306.06342), who prove that the promise is kept.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stowaway.core.script import BadInput
from stowaway.data.roles import Role
from stowaway.evaluation.metrics import EPSILON, Floats

RATE = "false_alarm_rate"  # of the native events
PER_DAY = "false_alarms_per_camera_day"
PER_WEEK = "alarms_per_week"  # events that a team reviews, whatever they are


def unseen_natives(kind: str) -> Role:
    """The natives that a detector of this kind was not fitted on, to set its thresholds on.

    Networks are fitted on train, so that they have val and calibration left, and the original took
    val; detectors on features are fitted on val too.
    """
    return Role.CALIBRATION if kind == "features" else Role.VAL


@dataclass
class Calibration:
    """Scores of calibration events, the highest first; each group of them weighs the same.

    `group` is the number of each event's group, and `weights` its weight: the events of a group sum
    to 1, or in a resample to how often the group is drawn.
    """

    scores: Floats
    group: NDArray[np.intp]
    weights: Floats

    @classmethod
    def of(cls, events: pd.DataFrame) -> "Calibration":
        """That of events by their columns `score` and `group`."""
        scores = events["score"].to_numpy()
        order = np.argsort(-scores, kind="stable")
        group = np.unique(events["group"].to_numpy()[order], return_inverse=True)[1]
        return cls(scores[order], group, 1 / np.bincount(group)[group])

    @property
    def groups(self) -> int:
        """The number of groups, which decides what rates can be promised."""
        return self.group.max() + 1 if len(self.group) else 0

    def resampled(self, rng: np.random.Generator) -> "Calibration":
        """The same with groups drawn with replacement."""
        n = self.groups
        times = rng.multinomial(n, np.full(n, 1 / n)) if n else np.empty(0)
        return Calibration(self.scores, self.group, self.weights * times[self.group])

    def p_values(self, scores: Floats) -> Floats:
        """The p-value of each event: (1 + sum of the groups' shares as novel) / (groups + 1).

        A native event of a new group has p <= rate with a chance of at most `rate`. Without
        calibration events p is 1. Where each event is a group of its own, this is the conformal
        p-value (1 + events as novel) / (n + 1).
        """
        return (1 + self._above(scores, "right")) / (self.groups + 1)

    def threshold(self, rate: float) -> float:
        """Scores above it, and no others, have p <= `rate`.

        +inf (no alarm ever) where there are too few groups, see `too_few`; -inf for a rate of 1.
        """
        allowed = (self.groups + 1) * rate - 1 + EPSILON
        if allowed < 0:
            return np.inf
        if allowed >= self.groups:
            return -np.inf
        return float(self.scores[self._above(self.scores, "left") <= allowed][-1])

    def _above(self, scores: Floats, side: str) -> Floats:
        """The weight of calibration events above each score (left), or as high too (right)."""
        total = np.concatenate([[0], np.cumsum(self.weights)])
        return total[np.searchsorted(-self.scores, -scores, side)]


def threshold_for(
    target: str, limit: float, calibration: Calibration, queue: Floats, daily: float, weeks: float
) -> tuple[float, float]:
    """(threshold, false-alarm rate per event) of a target: scores above the threshold alarm.

    `queue` are scores of events, `daily` the native events of a camera-day, `weeks` those of the
    queue; the last two are NaN or 0 without dates. The rate is NaN for PER_WEEK, which promises
    none. Raises `BadInput` where the target needs dates.
    """
    if target == RATE:
        return calibration.threshold(limit), limit
    if not (weeks > 0 and daily > 0):
        raise BadInput(
            f"alarm.target: {target} needs photos with dates, and the COCO has none; ask for a "
            "false_alarm_rate"
        )
    if target == PER_WEEK:
        return budget_threshold(queue, limit, weeks), np.nan
    rate = min(1.0, limit / daily)
    return calibration.threshold(rate), rate


def too_few(groups: int, rate: float) -> bool:
    """Whether so many calibration groups are too few for any alarm at `rate`: 5 % needs 19."""
    return (groups + 1) * rate < 1 - EPSILON


def needed(rate: float) -> int:
    """The fewest calibration groups that can promise a rate."""
    return int(np.ceil(1 / rate - 1 - EPSILON))


def budget_threshold(queue: Floats, budget: float, weeks: float) -> float:
    """Scores above it are the `budget` x `weeks` highest of the queue, natives and novel alike.

    For a team that reviews `budget` events a week: no rate is promised. Equal scores at the edge
    are left out together.
    """
    allowed = int(np.floor(budget * weeks + EPSILON))
    return float(np.sort(queue)[-allowed - 1]) if allowed < len(queue) else -np.inf

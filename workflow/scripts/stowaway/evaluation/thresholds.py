"""The threshold of an alarm, from its target and the scores of natives that no detector has seen.

Assumption: calibration events and native events to come are *exchangeable*, as if drawn from one
bag. Held-out groups of the same cameras and weeks come near it; a new camera, another season or
another native species breaks it, and then the realised rate says by how much. The promise holds
on average over calibration sets, not for each: n events leave a spread of about
sqrt(rate x (1 - rate) / n) around the target.

An event's score is that of its highest crop; higher is more novel.
Sources: Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005), also for p-values
per class (Mondrian); Bates et al., Testing for outliers with conformal p-values, Ann. Stat. 51
(2023).
"""

import numpy as np
from numpy.typing import NDArray

from stowaway.core.script import BadInput
from stowaway.data.roles import Role
from stowaway.evaluation.counts import Floats
from stowaway.evaluation.metrics import EPSILON

RATE = "false_alarm_rate"  # of the native events
PER_DAY = "false_alarms_per_camera_day"
PER_WEEK = "alarms_per_week"  # events that a team reviews, whatever they are


def unseen_natives(kind: str) -> Role:
    """The natives that a detector of this kind was not fitted on, to set its thresholds on.

    Networks are fitted on train, so that they have val and calibration left, and the original took
    val; detectors on features are fitted on val too.
    """
    return Role.CALIBRATION if kind == "features" else Role.VAL


def threshold_for(
    target: str, limit: float, calibration: Floats, queue: Floats, daily: float, weeks: float
) -> tuple[float, float]:
    """(threshold, false-alarm rate per event) of a target: scores above the threshold alarm.

    `calibration` and `queue` are scores of events, `daily` the native events of a camera-day,
    `weeks` those of the queue; the last two are NaN or 0 without dates. The rate is NaN for
    PER_WEEK, which promises none. Raises `BadInput` where the target needs dates.
    """
    if target == RATE:
        return conformal_threshold(calibration, limit), limit
    if not (weeks > 0 and daily > 0):
        raise BadInput(
            f"alarm.target: {target} needs photos with dates, and the COCO has none; ask for a "
            "false_alarm_rate"
        )
    if target == PER_WEEK:
        return budget_threshold(queue, limit, weeks), np.nan
    rate = min(1.0, limit / daily)
    return conformal_threshold(calibration, rate), rate


def conformal_threshold(calibration: Floats, rate: float) -> float:
    """Scores above it, and no others, have p <= `rate`: the split-conformal threshold.

    +inf (no alarm ever) where there are too few events, see `too_few`; -inf for a rate of 1.
    """
    allowed = int(np.floor((len(calibration) + 1) * rate + EPSILON))
    if allowed < 1:
        return np.inf
    if allowed > len(calibration):
        return -np.inf
    return float(np.sort(calibration)[-allowed])


def too_few(n: int, rate: float) -> bool:
    """Whether `n` calibration events are too few for any alarm at `rate`: 5 % needs 19."""
    return (n + 1) * rate < 1 - EPSILON


def budget_threshold(queue: Floats, budget: float, weeks: float) -> float:
    """Scores above it are the `budget` x `weeks` highest of the queue, natives and novel alike.

    For a team that reviews `budget` events a week: no rate is promised. Equal scores at the edge
    are left out together.
    """
    allowed = int(np.floor(budget * weeks + EPSILON))
    return float(np.sort(queue)[-allowed - 1]) if allowed < len(queue) else -np.inf


def p_values(
    scores: Floats,
    calibration: Floats,
    classes: NDArray | None = None,
    calibration_classes: NDArray | None = None,
) -> Floats:
    """The conformal p-value of each event: (1 + calibration events as novel) / (n + 1).

    A native event has p <= rate with a chance of at most `rate`. Where the native class that each
    event is taken for is given, n are the calibration events of the same class, and the promise
    holds within each; a class without any has p = 1.
    """
    if classes is not None and calibration_classes is not None:
        values = np.ones(len(scores))
        for name in np.unique(classes):
            own = calibration[calibration_classes == name]
            values[classes == name] = p_values(scores[classes == name], own)
        return values
    below = np.searchsorted(np.sort(calibration), scores, side="left")
    return (1 + len(calibration) - below) / (len(calibration) + 1)

"""How well scores separate novel from native crops or events, as functions of counts.

`hits` and `false_alarms` are the novel and the native units at or above each threshold, the
strictest first, beginning with none (see `Ranked`). Their shape is (thresholds + 1,), which gives
a number, or (thresholds + 1, resamples), which gives one for each resample. A metric is NaN where a
side that it needs is empty.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]
MAX_THRESHOLDS = 2000  # points of a resample's curve
EPSILON = 1e-9  # 0.05 x 20 is one, whatever the last bit says


class Ranked:
    """Units (crops or events) in the order of their scores, where higher is more novel.

    `scores`, `novel` and `events` have one element per unit; `events` are rows of the weights given
    to `resampled`. Equal scores make one threshold.
    """

    def __init__(self, scores: Floats, novel: Flags, events: NDArray) -> None:
        thresholds = np.unique(scores)[::-1]
        self.points = thinned(len(thresholds))
        self.events, self.counts_above = [], []
        for side in (novel, ~novel):
            order = np.argsort(-scores[side], kind="stable")
            self.events.append(events[side][order])
            above = np.searchsorted(-scores[side][order], -thresholds, side="right")
            self.counts_above.append(np.concatenate([[0], above]))

    def __len__(self) -> int:
        return sum(map(len, self.events))

    def counts(self) -> tuple[Floats, Floats]:
        """Novel and native units at or above each threshold, (hits, false alarms), from 0 on."""
        hits, false_alarms = self.counts_above
        return hits.astype(float), false_alarms.astype(float)

    def resampled(self, weights: NDArray) -> tuple[Floats, Floats]:
        """The same in each resample, where a unit counts as often as its event.

        `weights` has the shape (events, resamples). Of many thresholds only some are read
        (`thinned`), which moves a metric by about 0.001: far less than its interval is wide.
        """
        counts = []
        for events, above in zip(self.events, self.counts_above, strict=True):
            ends, inverse = np.unique(above[self.points], return_inverse=True)
            total = np.zeros((len(ends), weights.shape[1]))
            if len(events):
                between = np.add.reduceat(weights[events], ends[:-1], axis=0, dtype=np.float32)
                np.cumsum(between, axis=0, out=total[1:])
            counts.append(total[inverse])
        return counts[0], counts[1]


def thinned(n: int) -> NDArray[np.int64]:
    """At most MAX_THRESHOLDS of the indices 0 to n, both included; all where they are as few.

    Closer together at both ends, since the strictest thresholds decide recall at few false alarms
    and the laxest what it costs to find nearly all.
    """
    if n < MAX_THRESHOLDS:
        return np.arange(n + 1)
    third = MAX_THRESHOLDS // 3
    steps = np.geomspace(1, n, third)
    points = np.concatenate([np.linspace(0, n, third), steps, n - steps])
    return np.unique(points.round().astype(int))


def highest_crops(scores: Floats, events: NDArray, side: NDArray | None = None) -> NDArray[np.intp]:
    """The index of the highest crop of each event, whose score is the event's; indices ascend.

    Of equal crops it is the first. All arrays have one element per crop. Where `side` is given
    (whether the crop is novel, or its role), crops of one event on different sides make an event
    on each side.
    """
    unit = np.unique(events, return_inverse=True)[1]
    if side is not None:
        values, number = np.unique(side, return_inverse=True)
        unit = unit * len(values) + number
    order = np.lexsort((-scores, unit))
    first = np.unique(unit[order], return_index=True)[1]
    return np.sort(order[first])


def _share(count: Floats, whole: Floats) -> Floats:
    """count / whole, NaN where there is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return count / whole


def _at(values: Floats, index: NDArray | int) -> Floats:
    """The value of each resample at its own index."""
    return np.take_along_axis(values, np.asarray(index)[None], 0)[0]


def _read(x: Floats, y: Floats, at: Floats | float) -> Floats:
    """`y` where `x` reaches `at`, linear between the first points of each `x`.

    `x` and `y` do not fall along axis 0; `at` lies below the last `x` and has the shape of x[0].
    """
    right = np.minimum(np.count_nonzero(x <= at + EPSILON, axis=0), len(x) - 1)
    before = _at(x, right - 1)
    left = np.count_nonzero(x < before - EPSILON, axis=0)
    x0, x1, y0, y1 = (_at(a, i) for a in (x, y) for i in (left, right))
    step = x1 - x0
    return y0 + (y1 - y0) * np.clip((at - x0) / np.where(step > 0, step, 1), 0, 1)


def auroc(hits: Floats, false_alarms: Floats) -> Floats:
    """Area under the ROC: the chance that a novel unit outscores a native one (ties count half)."""
    area = ((hits[1:] + hits[:-1]) * np.diff(false_alarms, axis=0)).sum(0) / 2
    return _share(area, hits[-1] * false_alarms[-1])


def average_precision(hits: Floats, false_alarms: Floats) -> Floats:
    """Area under precision over recall, as scikit-learn's step-wise `average_precision_score`."""
    flagged = hits[1:] + false_alarms[1:]
    precision = hits[1:] / np.where(flagged > 0, flagged, 1)
    return _share((np.diff(hits, axis=0) * precision).sum(0), hits[-1])


def recall_at_fpr(hits: Floats, false_alarms: Floats, fpr: float = 0.05) -> Floats:
    """The highest share of novel units found by a threshold that flags at most `fpr` of natives.

    As scikit-learn's `roc_curve` has it: tpr[fpr <= rate].max(). It describes these natives. With n
    of them a threshold flags a multiple of 1 / n, so 5 % of under 20 natives is none of them, and
    the threshold lies at the highest: of natives to come more are flagged (`recall_at_promised`).
    For the same reason the interval may lie beside the value where natives are few: no resample
    raises the highest native, and a third of them miss it.
    """
    allowed = np.count_nonzero(false_alarms <= fpr * false_alarms[-1] + EPSILON, axis=0) - 1
    recall = _share(_at(hits, allowed), hits[-1])
    return np.where(false_alarms[-1] > 0, recall, np.nan)


def fpr_at_tpr(hits: Floats, false_alarms: Floats, tpr: float = 0.95) -> Floats:
    """The lowest share of natives flagged by a threshold that finds at least `tpr` of novel units.

    As scikit-learn's `roc_curve` has it: fpr[tpr >= share].min().
    """
    needed = np.count_nonzero(hits < tpr * hits[-1] - EPSILON, axis=0)
    rate = _share(_at(false_alarms, needed), false_alarms[-1])
    return np.where(hits[-1] > 0, rate, np.nan)


def recall_at_promised(hits: Floats, false_alarms: Floats, rate: float = 0.05) -> Floats:
    """The share of novel units found by a threshold with a share `rate` of false alarms to come.

    A threshold at the k-th highest of n natives flags k / (n + 1) of further ones on average (not
    (k - 1) / n, as an ROC of these n says), and finds the novel units above it. Between these
    points recall is linear, from 0 at no false alarms: what a coin that picks one of two thresholds
    finds. So few natives promise little: even a perfect detector has at most `rate` x (n + 1).
    Source: the rate is that of conformal prediction, Vovk et al. 2005.
    """
    x = np.concatenate([false_alarms, false_alarms[-1:] + 1])
    y = np.concatenate([np.zeros_like(hits[:1]), hits])
    recall = _share(_read(x, y, rate * x[-1]), hits[-1])
    return np.where(false_alarms[-1] > 0, recall, np.nan)


def recall_in_queue(hits: Floats, false_alarms: Floats, share: float) -> Floats:
    """The share of novel units in the first `share` of the queue, of natives and novel together.

    Equal scores are in random order. At most `share` / prevalence, since the queue is finite.
    """
    flagged = hits + false_alarms
    return _share(_read(flagged, hits, share * flagged[-1]), hits[-1])


def first_find(hits: Floats, false_alarms: Floats) -> Floats:
    """The expected place of the first novel unit in the queue, 1 being the top; NaN without one.

    Among k novel and m native units of one score, m / (k + 1) natives come first on average.
    """
    at = np.argmax(hits > 0, axis=0)
    before = _at(false_alarms, np.maximum(at - 1, 0))
    place = 1 + before + (_at(false_alarms, at) - before) / (_at(hits, at) + 1)
    return np.where(hits[-1] > 0, place, np.nan)


def perfect(native: int, novel: int) -> tuple[Floats, Floats]:
    """The counts of a detector that puts each of `novel` units above each of `native` ones.

    A metric of them is its ceiling: the best that so few units let it be.
    """
    natives = np.arange(native + 1.0)
    return np.append(0.0, np.full_like(natives, novel)), np.append(0.0, natives)


METRICS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "auroc": auroc,
    "aupr": average_precision,
    "fpr_at_95_tpr": fpr_at_tpr,
    "fpr_at_50_tpr": partial(fpr_at_tpr, tpr=0.5),
    "recall_at_1_fpr": partial(recall_at_fpr, fpr=0.01),
    "recall_at_5_fpr": recall_at_fpr,
    "recall_at_1_promised": partial(recall_at_promised, rate=0.01),
    "recall_at_5_promised": recall_at_promised,
    "recall_in_first_1": partial(recall_in_queue, share=0.01),
    "recall_in_first_5": partial(recall_in_queue, share=0.05),
    "recall_in_first_10": partial(recall_in_queue, share=0.1),
    "rank_of_first_find": first_find,
}


def wilson(hits: float, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson's 95 % score interval of a proportion; (0, 1) when nothing was counted.

    It is of counts: `hits` is a whole number out of `n` independent units, which crops of a burst
    are not, nor events of several seeds.

    Source: Wilson, Probable inference, J. Am. Stat. Assoc. 22 (1927).
    """
    if n == 0:
        return 0.0, 1.0
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * np.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return float(np.clip(middle - half, 0, share)), float(np.clip(middle + half, share, 1))

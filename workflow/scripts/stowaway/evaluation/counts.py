"""Crops or events in the order of their scores: how many of each side a threshold flags."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]
MAX_THRESHOLDS = 2000  # points of a resample's curve


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

"""Units in the order of their scores: how many novel and native ones each threshold flags."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]
THRESHOLDS = 2000  # a resample's curve has at most so many points


class Ranked:
    """Units (crops or events) in the order of their scores, where higher is more novel.

    `scores`, `novel` and `events` have one element per unit; `events` are rows of the weights given
    to `counts`. Equal scores make one threshold.
    """

    def __init__(self, scores: Floats, novel: Flags, events: NDArray) -> None:
        thresholds = np.unique(scores)[::-1]
        self.kept = thinned(len(thresholds))
        self.events, self.reach = [], []
        for side in (novel, ~novel):
            order = np.argsort(-scores[side], kind="stable")
            self.events.append(events[side][order])
            reached = np.searchsorted(-scores[side][order], -thresholds, side="right")
            self.reach.append(np.concatenate([[0], reached]))

    def __len__(self) -> int:
        return sum(map(len, self.events))

    def counts(self) -> tuple[Floats, Floats]:
        """Novel and native units at or above each threshold, (hits, alarms), beginning with 0."""
        hits, alarms = self.reach
        return hits.astype(float), alarms.astype(float)

    def resampled(self, weights: Floats) -> tuple[Floats, Floats]:
        """The same in each resample, where a unit counts as often as its event.

        `weights` has the shape (events, resamples). Of many thresholds some are read (`thinned`),
        which moves a metric by about 0.001: far less than its interval is wide.
        """
        found = []
        for events, reach in zip(self.events, self.reach, strict=True):
            ends, of = np.unique(reach[self.kept], return_inverse=True)
            total = np.zeros((len(ends), weights.shape[1]))
            if len(events):
                between = np.add.reduceat(weights[events], ends[:-1], axis=0, dtype=np.float32)
                np.cumsum(between, axis=0, out=total[1:])
            found.append(total[of])
        return found[0], found[1]


def thinned(n: int) -> NDArray[np.int64]:
    """At most THRESHOLDS of the indices 0 to n, both included; all where they are as few.

    Closer together at both ends, since the strictest thresholds decide recall at few false alarms
    and the laxest what it costs to find nearly all.
    """
    if n < THRESHOLDS:
        return np.arange(n + 1)
    third = THRESHOLDS // 3
    steps = np.geomspace(1, n, third)
    kept = np.concatenate([np.linspace(0, n, third), steps, n - steps])
    return np.unique(kept.round().astype(int))


def by_event(scores: Floats, novel: Flags, events: NDArray) -> tuple:
    """Score events by their highest crop. Native and novel crops of one event stay two units.

    Returns (scores, novel, events) with one element per unit; its events are those given.
    """
    names, number = np.unique(events, return_inverse=True)
    unit, of = np.unique(2 * number + novel, return_inverse=True)
    highest = np.full(len(unit), -np.inf)
    np.maximum.at(highest, of, scores)
    return highest, unit % 2 == 1, names[unit // 2]

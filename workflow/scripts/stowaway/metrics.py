"""How well scores separate novel from native crops, with intervals that respect events."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def roc(scores: Floats, novel: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
    """ROC points from strictest to laxest threshold: a (3, points) array of fpr, tpr, precision.

    `scores` are higher for more novel crops; equal scores make one point. `weights` count each
    crop (for the bootstrap). Starts at (0, 0, 1), as scikit-learn's curves do. Rates are NaN when
    a class is absent.
    """
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    weights = np.ones(len(scores)) if weights is None else weights
    hits = np.cumsum((weights * novel)[order])[last]
    alarms = np.cumsum((weights * ~novel)[order])[last]
    with np.errstate(invalid="ignore", divide="ignore"):
        flagged = hits + alarms
        precision = np.where(flagged > 0, hits / np.where(flagged > 0, flagged, 1), 1)
        points = np.stack([alarms / alarms[-1], hits / hits[-1], precision])
    return np.concatenate([[[0.0], [0.0], [1.0]], points], axis=1)


def auroc(points: Floats) -> float:
    """Area under the ROC: the chance that a novel crop outscores a native one (ties count half)."""
    return float(np.trapezoid(points[1], points[0]))


def average_precision(points: Floats) -> float:
    """Area under precision over recall, as scikit-learn's step-wise `average_precision_score`."""
    return float(np.sum(np.diff(points[1]) * points[2][1:]))


def fpr_at_tpr(points: Floats, tpr: float = 0.95) -> float:
    """The lowest false positive rate of a threshold that finds a share `tpr` of the novel crops."""
    return float(points[0][np.argmax(points[1] >= tpr - 1e-12)])


def recall_at_fpr(points: Floats, fpr: float = 0.05) -> float:
    """The share of novel crops found by the laxest threshold with at most `fpr` false alarms."""
    return float(points[1][points[0] <= fpr + 1e-12].max(initial=0))


METRICS: dict[str, Callable[[Floats], float]] = {
    "auroc": auroc,
    "aupr": average_precision,
    "fpr_at_95_tpr": fpr_at_tpr,
    "recall_at_5_fpr": recall_at_fpr,
}


def by_event(scores: Floats, novel: NDArray[np.bool_], events: NDArray) -> tuple:
    """Score events by their highest crop. Native and novel crops of one event stay two units.

    Returns (scores, novel, events) with one element per unit.
    """
    _, number = np.unique(events, return_inverse=True)
    unit, of = np.unique(2 * number + novel, return_inverse=True)
    highest = np.full(len(unit), -np.inf)
    np.maximum.at(highest, of, scores)
    return highest, unit % 2 == 1, unit // 2


def resamples(events: NDArray, novel: NDArray[np.bool_], n: int, seed: int) -> Iterator[Floats]:
    """Yield `n` crop weights of a bootstrap that draws whole events with replacement.

    Events of natives, of novel crops, and of both are drawn apart, so that both are always there.
    Source: Field & Welsh, Bootstrapping clustered data, J. R. Stat. Soc. B 69 (2007).
    """
    rng = np.random.default_rng(seed)
    names, number = np.unique(events, return_inverse=True)
    kind = np.zeros(len(names), int)
    np.bitwise_or.at(kind, number, np.where(novel, 2, 1))
    strata = [np.flatnonzero(kind == side) for side in (1, 2, 3) if side in kind]
    for _ in range(n):
        count = np.zeros(len(names))
        for stratum in strata:
            np.add.at(count, rng.choice(stratum, len(stratum)), 1)
        yield count[number]


def evaluate(
    scores: Floats, novel: NDArray[np.bool_], events: NDArray, n: int, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Each of METRICS with its 95 % percentile bootstrap interval: name -> (value, low, high).

    All are NaN when there is no novel or no native crop to compare; the bounds are NaN when one
    side has a single event, which says nothing about the next.
    """
    if novel.all() or not novel.any():
        return dict.fromkeys(METRICS, (np.nan,) * 3)
    order = np.argsort(-scores, kind="stable")  # once: sorting what is sorted is cheap
    scores, novel, events = scores[order], novel[order], events[order]
    points = roc(scores, novel)
    draws = [
        [metric(drawn) for metric in METRICS.values()]
        for weights in resamples(events, novel, n, seed)
        for drawn in [roc(scores, novel, weights)]
    ]
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    if min(len(np.unique(events[side])) for side in (novel, ~novel)) < 2:
        low = high = np.full(len(METRICS), np.nan)
    return {
        name: (metric(points), float(low[i]), float(high[i]))
        for i, (name, metric) in enumerate(METRICS.items())
    }


def wilson(hits: float, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson's 95 % score interval of a proportion; (0, 1) when nothing was counted.

    `n` must be independent units: for crops in bursts that is the number of events, and `hits` the
    rate times that.

    Source: Wilson, Probable inference, J. Am. Stat. Assoc. 22 (1927).
    """
    if n == 0:
        return 0.0, 1.0
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * np.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return float(np.clip(middle - half, 0, share)), float(np.clip(middle + half, share, 1))

"""Bootstrap of whole events, for all metrics, arms, seeds and detectors alike."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from stowaway.evaluation.counts import Flags, Floats, Ranked
from stowaway.evaluation.metrics import METRICS

CELLS = 2**24  # units x resamples counted at once, which bounds the memory to some 200 MB


def strata(parts: Iterable[tuple[str, NDArray, Flags]], n: int) -> NDArray[np.int64]:
    """The stratum of each of `n` events: those that play the same part in every arm.

    A part is (arm, event of each crop, whether that crop is novel). In one arm the strata are
    events of natives, events of novel crops, and events of both. In the rotation an event is novel
    in one arm and native in the others, so that its stratum is the species that it shows: each
    draw then has as many events of the novel species of every arm as there are.
    """
    parts = list(parts)
    arms = list(dict.fromkeys(arm for arm, _, _ in parts))
    played = np.zeros((n, len(arms), 2), bool)
    for arm, events, novel in parts:
        played[events[novel], arms.index(arm), 0] = True
        played[events[~novel], arms.index(arm), 1] = True
    played[..., 1] &= played[..., 0]
    return np.unique(played.reshape(n, -1), axis=0, return_inverse=True)[1].reshape(n)


def draw(stratum: NDArray, resamples: int, seed: int) -> NDArray[np.uint8]:
    """How often each resample draws each event, (events, resamples), with replacement.

    As many from each stratum as it has; the one event of a stratum is in every draw, and adds
    nothing to the width of an interval.
    Source: Field & Welsh, Bootstrapping clustered data, J. R. Stat. Soc. B 69 (2007).
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((len(stratum), resamples), np.uint8)
    for number in np.unique(stratum):
        of = np.flatnonzero(stratum == number)
        step = max(1, CELLS // (8 * len(of)))
        for i in range(0, resamples, step):
            size = min(step, resamples - i)
            drawn = rng.multinomial(len(of), np.full(len(of), 1 / len(of)), size)
            weights[of, i : i + size] = drawn.T
    return weights


def resampled(ranked: Ranked, weights: NDArray, metrics: Iterable[Callable]) -> Floats:
    """Each metric in each resample: (metrics, resamples)."""
    metrics = list(metrics)
    step = max(1, CELLS // max(len(ranked), 1))
    parts = [np.empty((len(metrics), 0))]
    for i in range(0, weights.shape[1], step):
        counts = ranked.resampled(weights[:, i : i + step])
        parts.append([metric(*counts) for metric in metrics])
    return np.concatenate(parts, axis=1)


def interval(draws: Floats) -> tuple[Floats, Floats]:
    """The 95 % percentile interval along the last axis, over resamples in which there is a value.

    It says how the value moves with other events of the same places and species, the detectors as
    they were fitted; not with other training crops, nor with other species. NaN without resamples.
    """
    none = np.isnan(draws).all(-1)
    some = np.where(none[..., None], 0, draws) if draws.size else np.zeros((*none.shape, 1))
    low, high = np.nanquantile(some, [0.025, 0.975], axis=-1)
    return np.where(none, np.nan, low), np.where(none, np.nan, high)


def evaluate(
    scores: Floats, novel: Flags, events: NDArray, n: int, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Each of METRICS in one arm with its interval: name -> (value, low, high).

    All are NaN when there is no novel or no native crop to compare; the bounds are NaN when one
    side has a single event, which says nothing about the next.
    """
    if novel.all() or not novel.any():
        return dict.fromkeys(METRICS, (np.nan,) * 3)
    names, number = np.unique(events, return_inverse=True)
    ranked = Ranked(scores, novel, number)
    values = [float(metric(*ranked.counts())) for metric in METRICS.values()]
    low = high = np.full(len(METRICS), np.nan)
    if min(len(np.unique(number[side])) for side in (novel, ~novel)) > 1:
        weights = draw(strata([("arm", number, novel)], len(names)), n, seed)
        low, high = interval(resampled(ranked, weights, METRICS.values()))
    found = zip(METRICS, values, low.tolist(), high.tolist(), strict=True)
    return {name: tuple(rest) for name, *rest in found}

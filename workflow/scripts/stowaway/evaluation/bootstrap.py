"""Bootstrap of whole events, the same draws for all metrics, folds, seeds and detectors."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from stowaway.evaluation.counts import Flags, Floats, Ranked

CELLS = 2**24  # units x resamples counted at once, which bounds the memory to some 200 MB


def event_strata(samples: Iterable[tuple[str, NDArray, Flags]], n: int) -> NDArray[np.int64]:
    """The stratum of each of `n` events: those that are on the same sides in every fold.

    A sample is (fold, event of each crop, whether that crop is novel). In one fold the strata are
    events of natives, events of novel crops, and events of both. With left-out species an event is
    novel in one fold and native in the others, so that its stratum is the species that it shows:
    each draw then has as many events of the novel species of every fold as there are.
    """
    samples = list(samples)
    folds = list(dict.fromkeys(fold for fold, _, _ in samples))
    sides = np.zeros((n, len(folds), 2), bool)
    for fold, events, novel in samples:
        sides[events[novel], folds.index(fold), 0] = True
        sides[events[~novel], folds.index(fold), 1] = True
    sides[..., 1] &= sides[..., 0]
    return np.unique(sides.reshape(n, -1), axis=0, return_inverse=True)[1].reshape(n)


def draw(stratum: NDArray, resamples: int, seed: int) -> NDArray[np.uint8]:
    """How often each resample draws each event, (events, resamples), with replacement.

    As many from each stratum as it has; the one event of a stratum is in every draw, and adds
    nothing to the width of an interval.
    Source: Field & Welsh, Bootstrapping clustered data, J. R. Stat. Soc. B 69 (2007).
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((len(stratum), resamples), np.uint8)
    for number in np.unique(stratum):
        members = np.flatnonzero(stratum == number)
        chances = np.full(len(members), 1 / len(members))
        step = max(1, CELLS // (8 * len(members)))
        for i in range(0, resamples, step):
            size = min(step, resamples - i)
            weights[members, i : i + size] = rng.multinomial(len(members), chances, size).T
    return weights


def resampled(ranked: Ranked, weights: NDArray, metrics: Iterable[Callable]) -> Floats:
    """Each metric in each resample: (metrics, resamples)."""
    metrics = list(metrics)
    step = max(1, CELLS // max(len(ranked), 1))
    values = [np.empty((len(metrics), 0))]
    for i in range(0, weights.shape[1], step):
        counts = ranked.resampled(weights[:, i : i + step])
        values.append([metric(*counts) for metric in metrics])
    return np.concatenate(values, axis=1)


def interval(draws: Floats) -> tuple[Floats, Floats]:
    """The 95 % percentile interval along the last axis, over resamples in which there is a value.

    It says how the value moves with other events of the same locations and species, the detectors
    as they were fitted; not with other training crops, nor with other species. NaN without
    resamples.
    """
    empty = np.isnan(draws).all(-1)
    filled = np.where(empty[..., None], 0, draws) if draws.size else np.zeros((*empty.shape, 1))
    low, high = np.nanquantile(filled, [0.025, 0.975], axis=-1)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)

"""Bootstrap of novel species and of whole events, the same draws for all metrics and detectors."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stowaway.evaluation.metrics import EPSILON, Flags, Floats, Ranked, wilson

CELLS = 2**24  # units x resamples counted at once, which bounds the memory to some 200 MB
Sample = tuple[str, NDArray, Flags, NDArray]  # fold; event, whether novel, and species of each crop


@dataclass
class Draws:
    """How often each resample counts an event, and a fold.

    `weights` has the shape (rows, resamples). The row of an event is its number; `alone` has its
    row in the strata of a single species, where species are not drawn. `folds` has the resamples'
    counts of each fold, by its name.
    """

    weights: NDArray[np.uint8]
    alone: NDArray[np.intp]
    folds: dict[str, NDArray[np.int64]]


def draw_runs(
    samples: Iterable[Sample], n: int, resamples: int, seed: int, left_out: bool
) -> Draws:
    """The draws of the runs of one kind of fold, of `n` events, in two stages with replacement.

    First the novel species, since the claim is about species to come: of `left_out` natives those
    are the folds; else the novel events of a species drawn twice count as those of two. Then the
    events within each of `event_strata`. A single novel species is in every draw: the interval is
    then over its events alone.
    Source: Field & Welsh, Bootstrapping clustered data, J. R. Stat. Soc. B 69 (2007).
    """
    samples = list(samples)
    stratum, species = event_strata(samples, n)
    folds = list(dict.fromkeys(fold for fold, *_ in samples))
    count = len(folds) if left_out else species.max() + 1
    times = draw_clusters(count, resamples, seed)
    if left_out:
        weights = draw(stratum, resamples, seed)
        return Draws(weights, np.arange(n), dict(zip(folds, times, strict=True)))
    novel, alone = np.flatnonzero(species >= 0), np.arange(n)
    alone[novel] = n + np.arange(len(novel))
    strata = np.concatenate([stratum, stratum[novel] + stratum.max() + 1])
    times = np.concatenate([times, np.ones((1, resamples), int)])  # of natives, species -1
    clusters = np.concatenate([species, np.full(len(novel), -1)])
    weights = draw(
        strata, resamples, seed, times[clusters[np.unique(strata, return_index=True)[1]]]
    )
    return Draws(weights, alone, dict.fromkeys(folds, np.ones(resamples, int)))


def event_strata(samples: list[Sample], n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The stratum and the novel species of each of `n` events, as numbers; -1 for natives alone.

    Events of a stratum show the same novel species, the first of several, and are on the same sides
    in every fold. In one fold the strata are events of natives, and of each novel species those
    with and without natives. With left-out species an event is novel in one fold and native in the
    others, so that its stratum is the species that it shows: each draw then has as many events of
    the novel species of every fold as there are.
    """
    folds = list(dict.fromkeys(fold for fold, *_ in samples))
    names = np.unique(np.concatenate([species[novel] for _, _, novel, species in samples]))
    sides, first = np.zeros((n, len(folds), 2), bool), np.full(n, len(names))
    for fold, events, novel, species in samples:
        sides[events[novel], folds.index(fold), 0] = True
        sides[events[~novel], folds.index(fold), 1] = True
        np.minimum.at(first, events[novel], np.searchsorted(names, species[novel]))
    sides[..., 1] &= sides[..., 0]
    first[first == len(names)] = -1
    keys = np.column_stack([sides.reshape(n, -1), first])
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(n), first


def draw_clusters(n: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each resample draws each of `n` clusters, (n, resamples)."""
    chances = np.full(n, 1 / n)
    return np.random.default_rng([seed, 1]).multinomial(n, chances, resamples).T


def draw(
    stratum: NDArray, resamples: int, seed: int, times: NDArray | None = None
) -> NDArray[np.uint8]:
    """How often each resample draws each event, (events, resamples), with replacement.

    As many from each stratum as it has, or `times` as many, (strata, resamples); the one event of a
    stratum is in every draw, and adds nothing to the width of an interval.
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((len(stratum), resamples), np.uint8)
    for position, number in enumerate(np.unique(stratum)):
        members = np.flatnonzero(stratum == number)
        chances = np.full(len(members), 1 / len(members))
        size = np.full(resamples, len(members)) * (1 if times is None else times[position])
        step = max(1, CELLS // (8 * len(members)))
        for i in range(0, resamples, step):
            weights[members, i : i + step] = rng.multinomial(size[i : i + step], chances).T
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

    It says how the value moves with other novel species like these and with other events of the
    same locations, the detectors as they were fitted; not with other training crops. NaN without
    resamples.
    """
    empty = np.isnan(draws).all(-1)
    filled = np.where(empty[..., None], 0, draws) if draws.size else np.zeros((*empty.shape, 1))
    low, high = np.nanquantile(filled, [0.025, 0.975], axis=-1)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


@lru_cache(maxsize=4)
def draw_groups(sizes: tuple[int, ...], resamples: int, seed: int) -> NDArray[np.uint8]:
    """How often each resample draws each group, (groups, resamples): clusters, and groups in each.

    The groups come cluster by cluster, `sizes` of them in each.
    """
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    return draw(cluster, resamples, seed, draw_clusters(len(sizes), resamples, seed))


def share_interval(
    hits: Floats, whole: Floats, groups: NDArray, clusters: NDArray, resamples: int, seed: int
) -> tuple[float, float]:
    """The 95 % interval of sum(hits) / sum(whole), for units that lie in independent `groups`.

    Wilson's where the groups can be counted: all of them are hit or not, and weigh the same, as
    single events of one run; or none or all of them is hit. Otherwise the bootstrap's, which draws
    clusters (novel species; one for natives), then groups within each. All arrays have one element
    per unit. NaN where there is one group, or none.
    """
    (names, group), (species, cluster) = (
        np.unique(x, return_inverse=True) for x in (groups, clusters)
    )
    keys, unit = np.unique(cluster * len(names) + group, return_inverse=True)
    n = len(keys)
    hit, of = (np.bincount(unit, values, n) for values in (hits, whole))
    share = hit / of
    decided = np.minimum(share, 1 - share) < EPSILON
    if n and decided.all() and min(np.ptp(of), np.ptp(share)) < EPSILON:
        return wilson(round(share.sum()), n)
    if n < 2:
        return np.nan, np.nan
    sizes = np.bincount(keys // len(names), minlength=len(species))
    weights = draw_groups(tuple(sizes.tolist()), resamples, seed)
    parts = np.array_split(weights, 1 + weights.size // CELLS, axis=1)
    low, high = interval(np.concatenate([(hit @ part) / (of @ part) for part in parts]))
    return float(low), float(high)

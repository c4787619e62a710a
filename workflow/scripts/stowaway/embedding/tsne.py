"""t-SNE maps of points (van der Maaten & Hinton 2008), and placing other points on them.

The library is openTSNE: interpolation-based t-SNE (Linderman et al. 2019), and placing as Policar
et al. (2021) describe it.
"""

import os

import numpy as np

from stowaway.core.progress import progress

# openTSNE reads this when it is imported. Threads that wait then leave the processor to others,
# which doubles the speed beside other jobs.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from openTSNE import TSNE, TSNEEmbedding  # noqa: E402
from openTSNE.affinity import PerplexityBasedNN  # noqa: E402

IDENTICAL = 1e-5  # of a pixel's range of 1: rounding leaves this much between identical crops

# Half of openTSNE's usual iterations keep the same neighbours. From 10,000 crops on, the repulsion
# is interpolated on a grid. A grid of half as many lines takes a third of the time; the last
# iterations use the full one, which restores what the coarse one blurs.
COARSE = {"early_exaggeration_iter": 125, "n_iter": 250, "ints_in_interval": 2}
FINE = {"n_iter": 50, "ints_in_interval": 1}

PLACING_PERPLEXITY = 5  # low, so that a placed crop goes to the few most similar crops of the map
PLACED_AT_ONCE = 5_000  # crops; each is placed by itself, so that this bounds the memory alone


def allowed_perplexity(wanted: int, n: int) -> int:
    """The wanted perplexity, or the largest that `n` points allow (three neighbours for each)."""
    return max(1, min(wanted, (n - 1) // 3))


def too_similar(points: np.ndarray) -> bool:
    """Whether the (n, d) points are too few or too similar for a map."""
    return len(points) < 4 or np.ptp(points, axis=0).max() < IDENTICAL


def embed(
    points: np.ndarray, perplexities: list[int], seed: int, threads: int
) -> dict[int, np.ndarray]:
    """Perplexity wanted -> t-SNE coordinates (n, 2) of (n, d) points; all 0 if `too_similar`.

    Neighbours are computed once, for the largest perplexity, and exactly. Up to 100,000 points the
    exact search is as quick as an approximate one, and it does not depend on the number of threads.
    """
    if too_similar(points):
        return {perplexity: np.zeros((len(points), 2)) for perplexity in perplexities}
    points = points.astype(float)
    allowed = {wanted: allowed_perplexity(wanted, len(points)) for wanted in perplexities}
    affinities = PerplexityBasedNN(
        points, max(allowed.values()), method="exact", n_jobs=threads, verbose=True
    )
    coordinates = {}
    for wanted in perplexities:
        affinities.set_perplexity(allowed[wanted])
        tsne = TSNE(random_state=seed, n_jobs=threads, verbose=True, **COARSE)
        fitted = tsne.fit(points, affinities).optimize(momentum=0.8, **FINE)
        coordinates[wanted] = np.asarray(fitted)
    return coordinates


def place(
    points: np.ndarray, others: np.ndarray, coordinates: np.ndarray, seed: int, threads: int
) -> np.ndarray:
    """Coordinates (m, 2) of `others` (m, d) on the map of `points` (n, d) at `coordinates` (n, 2).

    Each of the others is attracted by the most similar points and repelled by all points, as these
    were when the map was made. The others do not influence each other: the coordinates of a crop
    do not depend on which crops are placed with it.
    """
    if too_similar(points) or not len(others):
        return np.zeros((len(others), 2))
    perplexity = allowed_perplexity(PLACING_PERPLEXITY, len(points))
    affinities = PerplexityBasedNN(points.astype(float), perplexity, method="exact", n_jobs=threads)
    centre = (coordinates.max(0) + coordinates.min(0)) / 2  # openTSNE subtracts it
    fixed = TSNEEmbedding(coordinates - centre, affinities, random_state=seed, n_jobs=threads)
    starts = range(0, len(others), PLACED_AT_ONCE)
    placed = [
        np.asarray(fixed.transform(batch.astype(float), perplexity=perplexity))
        for batch in progress(
            (others[start : start + PLACED_AT_ONCE] for start in starts),
            "placing",
            "batches",
            len(starts),
        )
    ]
    return np.concatenate(placed) + centre

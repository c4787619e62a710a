"""t-SNE as the workflow makes it against scikit-learn's, with how well each keeps neighbours.

Usage: python benchmarks/tsne.py [points ...]    (default: 3000 10000 30000 110000)
Points have 50 dimensions. Both take the processor's cores; each runs in a process of its own.
scikit-learn's is left out above 30,000 points, where it takes hours. Writes tsne.csv, in which the
rows of other numbers of points stay.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from bench import SCRIPTS, report, run

DIMENSIONS, PERPLEXITY, NEIGHBOURS, SAMPLE = 50, 50, 10, 3_000
LARGEST_OF_SKLEARN = 30_000


def crops(n: int) -> np.ndarray:
    """(n, 50) points like principal components of crops: kinds, of events, of near-copies.

    The deviation falls with the component as on the demo island's, where that of component i is
    about i^-0.5; there are 60 kinds (a species before a camera by day or night), events of up to
    12 crops, and crops of one event differ by a fifth of what events of one kind do.
    """
    rng = np.random.default_rng(0)
    spread = np.arange(1, DIMENSIONS + 1) ** -0.5
    kinds = rng.normal(size=(60, DIMENSIONS))
    event = np.repeat(np.arange(n), rng.integers(1, 13, n))[:n]
    kind = rng.integers(0, 60, n)[event]
    events = 0.5 * rng.normal(size=(n, DIMENSIONS))[event]
    return spread * (kinds[kind] + events + 0.1 * rng.normal(size=(n, DIMENSIONS)))


def workflow(points: np.ndarray) -> np.ndarray:
    """The function of the rule embed_crops."""
    sys.path.append(str(SCRIPTS))
    from stowaway.embedding.tsne import embed

    (coordinates,) = embed(points, [PERPLEXITY], 1, os.cpu_count()).values()
    return coordinates


def sklearn(points: np.ndarray) -> np.ndarray:
    """Barnes-Hut; its gradient takes every core by itself."""
    from sklearn.manifold import TSNE

    return TSNE(perplexity=PERPLEXITY, random_state=1, n_jobs=os.cpu_count()).fit_transform(points)


def neighbours_kept(points: np.ndarray, coordinates: np.ndarray) -> tuple[float, float]:
    """Trustworthiness, and the share of each point's 10 nearest that are its 10 nearest on the map.

    Of 3,000 points drawn at random, each compared with all n: the mean over a sample of what
    `sklearn.manifold.trustworthiness` sums over all, which needs n^2 numbers in memory.
    """
    n, k = len(points), NEIGHBOURS
    lengths = [(x**2).sum(1) for x in (points, coordinates)]
    sample = np.random.default_rng(0).choice(n, min(SAMPLE, n), replace=False)
    excess = same = 0
    for i in sample:
        original, mapped = (  # squared distances, less what is the same for all
            length - 2 * x @ x[i] for length, x in zip(lengths, (points, coordinates), strict=True)
        )
        original[i] = mapped[i] = np.inf
        near = np.argpartition(mapped, k)[:k]
        ranks = 1 + (original < original[near][:, None]).sum(1)  # 1 is the nearest
        excess += np.maximum(ranks - k, 0).sum()
        same += (ranks <= k).sum()
    m = len(sample)
    return 1 - 2 * excess / (m * k * (2 * n - 3 * k - 1)), same / (m * k)


def measured(n: int, name: str) -> dict:
    """One row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "map.npy"
        threads = {"OMP_NUM_THREADS": str(os.cpu_count())}  # as Snakemake sets it for its jobs
        cost = run(sys.executable, __file__, name, str(n), out, env=os.environ | threads)
        trust, same = neighbours_kept(crops(n), np.load(out))
    row = {"points": n, "by": name, "seconds": round(cost.seconds, 1)}
    row |= {"CPU s": round(cost.cpu_seconds, 1), "memory MB": round(cost.peak_mb)}
    row |= {"trustworthiness": round(trust, 4), "neighbours kept": round(same, 3)}
    print(row, file=sys.stderr)
    return row


def main(sizes: list[int]) -> None:
    import openTSNE
    import sklearn

    rows = []
    for n in sizes:
        ours = measured(n, "workflow")
        if n <= LARGEST_OF_SKLEARN:
            theirs = measured(n, "sklearn")
            ours["times faster"] = round(theirs["seconds"] / ours["seconds"], 1)
            rows += [ours, theirs | {"times faster": None}]
        else:
            rows.append(ours | {"times faster": None})
    report("tsne", rows, by="points", openTSNE=openTSNE.__version__, sklearn=sklearn.__version__)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ("workflow", "sklearn"):
        np.save(sys.argv[3], globals()[sys.argv[1]](crops(int(sys.argv[2]))))
    else:
        main([int(n) for n in sys.argv[1:]] or [3_000, 10_000, 30_000, 110_000])

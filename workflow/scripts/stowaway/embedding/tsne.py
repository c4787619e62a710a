"""What making a map and placing crops on it share."""

import os

import numpy as np

# Read when openTSNE is loaded: its threads wait for each other without using the processor, which
# doubles its speed where other jobs do.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from openTSNE import TSNE, TSNEEmbedding  # noqa: E402
from openTSNE.affinity import PerplexityBasedNN  # noqa: E402

__all__ = ["TSNE", "PerplexityBasedNN", "TSNEEmbedding", "alike", "allowed_perplexity"]

SAME = 1e-5  # of a pixel's range of 1: what is left of identical crops after rounding


def allowed_perplexity(wanted: int, n: int) -> int:
    """The wanted perplexity, or the largest that `n` points allow (three neighbours for each)."""
    return max(1, min(wanted, (n - 1) // 3))


def alike(points: np.ndarray) -> bool:
    """Whether the (n, d) points are too few or too alike for a map: all of them are put at 0."""
    return len(points) < 4 or np.ptp(points, axis=0).max() < SAME

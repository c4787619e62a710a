"""Ways to tell how far features lie from those of the natives; higher score = more novel.

Each has `fit(features, labels, events)` with (n, dimensions) floats, n species and n events, and
`score(features)` -> (n,). In means and covariances each event counts the same, whatever its number
of frames.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

Floats = NDArray[np.floating]
KEPT = 128  # principal components, fewer where there are fewer crops


class Detector(Protocol):
    """What every method here has, and a fusion of them."""

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> "Detector": ...

    def score(self, features: Floats) -> Floats: ...


class Neighbours:
    """Distance to the k-th nearest native, features of length 1. Sun et al., ICML 2022."""

    def __init__(self, k: int = 5) -> None:
        self.k = k

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> "Neighbours":
        k = min(self.k, len(features))
        self.index = NearestNeighbors(n_neighbors=k).fit(normalize(features))
        return self

    def score(self, features: Floats) -> Floats:
        return self.index.kneighbors(normalize(features))[0][:, -1]


class ClassMean:
    """1 - cosine to the nearest species' mean direction."""

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> "ClassMean":
        self.names = np.unique(labels)
        self.means = normalize(_means(normalize(features), labels, event_weights(events)))
        return self

    def score(self, features: Floats) -> Floats:
        return 1 - (normalize(features) @ self.means.T).max(1)


class Mahalanobis:
    """Squared distance to the nearest species' mean, in the covariance that species share.

    The covariance is shrunk as by Ledoit and Wolf 2004. Lee et al., NeurIPS 2018; `relative` takes
    off the distance to all natives together: Ren et al. 2021. Without `classes` the natives are
    one cloud: little is lost where species have few events, and labels may be wrong.
    """

    def __init__(self, classes: bool = True, relative: bool = False) -> None:
        self.classes, self.relative = classes, relative

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> "Mahalanobis":
        weights = event_weights(events)
        self.middle = np.average(features, axis=0, weights=weights).astype(float)
        x, weigh = features - self.middle, np.sqrt(weights)[:, None]
        labels = labels if self.classes else np.full(len(x), "")
        self.means = _means(x, labels, weights)
        _, number = np.unique(labels, return_inverse=True)
        within = ledoit_wolf((x - self.means[number]) * weigh, assume_centered=True)[0]
        self.within = _inverse(within)
        if self.relative:
            # Not shrunk apart from `within`: the less shrunk one would outweigh the other.
            between = self.means[number] * weigh
            self.overall = _inverse(within + between.T @ between / len(x))
        return self

    def score(self, features: Floats) -> Floats:
        x = features - self.middle
        nearest = np.min([_squared(x - mean, self.within) for mean in self.means], axis=0)
        return nearest - _squared(x, self.overall) if self.relative else nearest


class Residual:
    """Length of what the natives' principal components do not explain."""

    def __init__(self, share: float = 0.9) -> None:
        self.share = share

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> "Residual":
        self.components = PCA(self.share, svd_solver="full").fit(features)
        return self

    def score(self, features: Floats) -> Floats:
        explained = self.components.inverse_transform(self.components.transform(features))
        return np.linalg.norm(features - explained, axis=1)


class Components:
    """A detector of scikit-learn, on principal components of length 1 each."""

    def __init__(self, model) -> None:
        self.model = model

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> "Components":
        kept = min(KEPT, *features.shape, max(1, len(features) - 1))
        self.components = PCA(kept, whiten=True, random_state=0).fit(features)
        if hasattr(self.model, "n_components"):  # a mixture of no more parts than crops
            self.model.n_components = min(self.model.n_components, len(features))
        self.model.fit(self.components.transform(features))
        return self

    def score(self, features: Floats) -> Floats:
        return -self.model.score_samples(self.components.transform(features))


def event_weights(events: NDArray) -> Floats:
    """A weight per crop, mean 1, by which each event weighs the same: frames are near-copies."""
    _, number, count = np.unique(events, return_inverse=True, return_counts=True)
    weights = 1 / count[number]
    return weights * len(weights) / weights.sum()


def _means(features: Floats, labels: NDArray, weights: Floats) -> Floats:
    """The mean of each label, in their order."""
    of = [labels == name for name in np.unique(labels)]
    return np.stack([np.average(features[m], axis=0, weights=weights[m]) for m in of])


def _squared(away: Floats, precision: Floats) -> Floats:
    return np.einsum("nd,nd->n", away @ precision, away)


def _inverse(covariance: Floats) -> Floats:
    """The inverse, also of the zero that equal crops have."""
    floor = 1e-9 * np.trace(covariance) / len(covariance) + 1e-12
    return np.linalg.inv(covariance + floor * np.eye(len(covariance)))

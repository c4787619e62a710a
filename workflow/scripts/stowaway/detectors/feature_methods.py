"""Methods that score how far features lie from those of the natives; higher is more novel.

In species means and Mahalanobis covariances each event counts the same, whatever its number of
frames; the PCA residual and the probes' scaling count crops.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

Floats = NDArray[np.floating]


class FeatureDetector(ABC):
    """What every method has, and a fusion of them. Fitted, it is the plain arrays of `ARRAYS`."""

    ARRAYS: tuple[str, ...]

    @abstractmethod
    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> Self:
        """Fit on natives: (n, dimensions) features, and the species and the event of each."""

    @abstractmethod
    def score(self, features: Floats) -> Floats:
        """(n, dimensions) features -> (n,) scores."""

    def arrays(self) -> dict[str, NDArray]:
        """All that `from_arrays` needs to make the same detector again."""
        return {name: getattr(self, name) for name in self.ARRAYS}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray]) -> Self:
        """The detector whose `arrays()` these are. Raises `KeyError` where one is missing."""
        detector = cls.__new__(cls)
        for name in cls.ARRAYS:
            setattr(detector, name, arrays[name])
        return detector


class Neighbours(FeatureDetector):
    """Distance to the k-th nearest native, features of length 1. Sun et al., ICML 2022."""

    K = 5
    ARRAYS = ("natives",)

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> Self:
        self.natives = normalize(features)
        return self

    def score(self, features: Floats) -> Floats:
        return self._index.kneighbors(normalize(features))[0][:, -1]

    @cached_property
    def _index(self) -> NearestNeighbors:
        return NearestNeighbors(n_neighbors=min(self.K, len(self.natives))).fit(self.natives)


class ClassMean(FeatureDetector):
    """1 - cosine to the nearest species' mean direction."""

    ARRAYS = "species", "means"

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> Self:
        self.species = np.unique(labels)
        self.means = normalize(_means(normalize(features), labels, event_weights(events)))
        return self

    def score(self, features: Floats) -> Floats:
        return 1 - (normalize(features) @ self.means.T).max(1)

    def nearest(self, features: Floats) -> tuple[NDArray[np.str_], Floats]:
        """The two species whose mean directions are nearest, the nearest first, and their cosines.

        (n, dimensions) -> (n, 2) names and (n, 2) cosines. Of one species, the second is '', NaN.
        """
        cosines = normalize(features) @ self.means.T
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :2]
        names, cosines = self.species[order], np.take_along_axis(cosines, order, 1)
        if order.shape[1] < 2:
            names = np.column_stack([names, np.full(len(names), "")])
            cosines = np.column_stack([cosines, np.full(len(names), np.nan)])
        return names, cosines


class Mahalanobis(FeatureDetector):
    """Squared distance to the nearest species' mean, in the covariance that species share.

    Lee et al., NeurIPS 2018; the covariance is shrunk as by Ledoit and Wolf, J. Multivariate
    Analysis 2004.
    """

    ARRAYS = "middle", "means", "precision"

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> Self:
        self.middle, self.means, within, _ = _moments(features, labels, events)
        self.precision = _inverse(within)
        return self

    def score(self, features: Floats) -> Floats:
        return self.distances(features).min(1)

    def distances(self, features: Floats) -> Floats:
        """(n, dimensions) features -> (n, species) squared distances to the species' means."""
        centred = features - self.middle
        return np.stack([_squared(centred - mean, self.precision) for mean in self.means], 1)


class RelativeMahalanobis(Mahalanobis):
    """Mahalanobis, less the squared distance to all natives together. Ren et al., 2021."""

    ARRAYS = *Mahalanobis.ARRAYS, "overall_precision"

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> Self:
        self.middle, self.means, within, between = _moments(features, labels, events)
        self.precision = _inverse(within)
        # `within` is shrunk, and `between` added to it: a total that is shrunk by itself would have
        # another strength, and the difference of the two distances would measure that
        self.overall_precision = _inverse(within + between)
        return self

    def score(self, features: Floats) -> Floats:
        return super().score(features) - _squared(features - self.middle, self.overall_precision)


class Gaussian(Mahalanobis):
    """Mahalanobis where all natives are one cloud.

    It ignores labels: for species of too few events for a mean of their own, or unreliable labels.
    """

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> Self:
        return super().fit(features, np.full(len(features), ""), events)


class Residual(FeatureDetector):
    """Length of what the natives' principal components, of 90 % of the variance, do not explain."""

    SHARE = 0.9
    ARRAYS = "middle", "components"

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> Self:
        fitted = PCA(self.SHARE, svd_solver="full").fit(features)
        self.middle, self.components = fitted.mean_, fitted.components_
        return self

    def score(self, features: Floats) -> Floats:
        centred = features - self.middle
        explained = centred @ self.components.T @ self.components
        return np.linalg.norm(centred - explained, axis=1)


def event_weights(events: NDArray) -> Floats:
    """A weight per crop, mean 1, by which each event weighs the same: frames are near-copies."""
    _, number, count = np.unique(events, return_inverse=True, return_counts=True)
    weights = 1 / count[number]
    return weights * len(weights) / weights.sum()


def class_weights(species: NDArray, events: NDArray) -> Floats:
    """A weight per crop, mean 1: species weigh the same, and so do the events of a species."""
    each = event_weights(np.char.add(np.char.add(species, "/"), events))
    _, number = np.unique(species, return_inverse=True)
    weights = each / np.bincount(number, each)[number]
    return weights * len(weights) / weights.sum()


def with_event(scores: Floats, events: NDArray) -> Floats:
    """Each crop's scores, (n,) or (n, k), averaged with the mean of its event's crops.

    The frames of an event mostly show one animal, some of them badly. An event is scored by its
    highest crop, and so by the mean of its highest and its mean score: one odd frame of many says
    less than an odd event, and an odd animal among others still stands out.
    """
    _, number, count = np.unique(events, return_inverse=True, return_counts=True)
    sums = np.zeros((len(count), *scores.shape[1:]))
    np.add.at(sums, number, scores)
    count = count.reshape(-1, *[1] * (scores.ndim - 1))
    return (scores + (sums / count)[number]) / 2


def _means(features: Floats, labels: NDArray, weights: Floats) -> Floats:
    """The mean of each label, in their order."""
    of_label = [labels == name for name in np.unique(labels)]
    return np.stack([np.average(features[m], axis=0, weights=weights[m]) for m in of_label])


def _moments(features: Floats, labels: NDArray, events: NDArray) -> tuple[Floats, ...]:
    """The mean (d,) of all, the means (labels, d) less that, the covariances (d, d) within and
    between labels; the former is shrunk."""
    weights = event_weights(events)
    middle = np.average(features, axis=0, weights=weights).astype(float)
    centred, root = features - middle, np.sqrt(weights)[:, None]
    means = _means(centred, labels, weights)
    own_mean = means[np.unique(labels, return_inverse=True)[1]]
    within = ledoit_wolf((centred - own_mean) * root, assume_centered=True)[0]
    between = own_mean * root
    return middle, means, within, between.T @ between / len(features)


def _squared(away: Floats, precision: Floats) -> Floats:
    return np.einsum("nd,nd->n", away @ precision, away)


def _inverse(covariance: Floats) -> Floats:
    """The inverse, also of the zero that equal crops have."""
    floor = 1e-9 * np.trace(covariance) / len(covariance) + 1e-12
    return np.linalg.inv(covariance + floor * np.eye(len(covariance)))

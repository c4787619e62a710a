"""A linear classifier of native species on features, whose doubt is the novelty."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from stowaway.detectors.feature_methods import FeatureDetector, Floats, event_weights


class LinearProbe(FeatureDetector):
    """Logistic regression of the native species on standardised features.

    Subclasses differ in how they score its doubt. With one species there is nothing to doubt
    between, and all scores are 0.
    """

    ARRAYS = "mean", "scale", "weights", "bias"

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> Self:
        scaler = StandardScaler().fit(features)
        self.mean, self.scale = scaler.mean_, scaler.scale_
        if len(np.unique(labels)) < 2:
            self.weights, self.bias = np.empty((0, features.shape[1])), np.empty(0)
            return self
        x = self._standardised(features)
        model = LogisticRegression(C=0.1, max_iter=500, class_weight="balanced")
        model.fit(x, labels, sample_weight=event_weights(events))
        self.weights, self.bias = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # one logit tells both apart: half of it for either
            self.weights = np.concatenate([-self.weights, self.weights]) / 2
            self.bias = np.concatenate([-self.bias, self.bias]) / 2
        return self

    def score(self, features: Floats) -> Floats:
        if len(self.weights) == 0:
            return np.zeros(len(features))
        x = self._standardised(features)
        return self._doubt(x, self._logits(x))

    def _doubt(self, x: Floats, logits: Floats) -> Floats:
        """(n, dimensions) standardised features and (n, species) logits -> (n,) scores."""
        raise NotImplementedError

    def _standardised(self, features: Floats) -> Floats:
        return (features - self.mean) / self.scale

    def _logits(self, x: Floats) -> Floats:
        return x @ self.weights.T + self.bias


class Energy(LinearProbe):
    """Minus the log-sum-exp of the logits. Liu et al., NeurIPS 2020."""

    def _doubt(self, x: Floats, logits: Floats) -> Floats:
        highest = logits.max(1)
        return -highest - np.log(np.exp(logits - highest[:, None]).sum(1))


class Logit(LinearProbe):
    """Minus the highest logit. Hendrycks et al., ICML 2022."""

    def _doubt(self, x: Floats, logits: Floats) -> Floats:
        return -logits.max(1)


class Probability(Energy):
    """1 - the highest probability. Hendrycks and Gimpel, ICLR 2017."""

    def _doubt(self, x: Floats, logits: Floats) -> Floats:
        return 1 - np.exp(logits.max(1) + super()._doubt(x, logits))


class VirtualLogit(Energy):
    """The energy and, scaled as a logit, the length of the features outside the natives' span.

    That is their length in the smaller half of the natives' directions, seen from the point where
    all logits are nearest to 0. Wang et al. (ViM), CVPR 2022.
    """

    ARRAYS = *LinearProbe.ARRAYS, "origin", "null_space", "alpha"

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> Self:
        super().fit(features, labels, events)
        x = self._standardised(features)
        self.origin = -np.linalg.pinv(self.weights) @ self.bias
        away = x - self.origin
        directions = np.linalg.eigh(away.T @ away).eigenvectors  # the smallest first
        self.null_space = directions[:, : x.shape[1] - min(x.shape) // 2]
        self.alpha = np.float64(1)
        if len(self.weights):
            residual = max(self._residual(x).mean(), 1e-12)
            self.alpha = self._logits(x).max(1).mean() / residual
        return self

    def _doubt(self, x: Floats, logits: Floats) -> Floats:
        return super()._doubt(x, logits) + self.alpha * self._residual(x)

    def _residual(self, x: Floats) -> Floats:
        return np.linalg.norm((x - self.origin) @ self.null_space, axis=1)

"""Several ways to tell how novel features are, as one."""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.svm import OneClassSVM

from stowaway.detectors.feature_methods import (
    ClassMean,
    Components,
    Floats,
    Mahalanobis,
    Neighbours,
    Residual,
    event_weights,
)
from stowaway.detectors.linear_probe import Head

METHODS = {
    "knn": Neighbours,
    "class_mean": ClassMean,
    "mahalanobis": Mahalanobis,
    "relative_mahalanobis": lambda: Mahalanobis(relative=True),
    "gaussian": lambda: Mahalanobis(classes=False),
    "pca_residual": Residual,
    "head_energy": lambda: Head("energy"),
    "head_logit": lambda: Head("logit"),
    "head_msp": lambda: Head("msp"),
    "head_vim": lambda: Head("vim"),
    "isolation_forest": lambda: Components(IsolationForest(random_state=0)),
    "one_class_svm": lambda: Components(OneClassSVM(nu=0.1)),
    "mixture": lambda: Components(
        GaussianMixture(4, covariance_type="diag", reg_covar=1e-3, random_state=0)
    ),
}


class Fusion:
    """Several methods as one, each by the share of natives that it has scored lower.

    The shares come from a rehearsal: each native species in turn plays the novel one (of three or
    more: a classifier needs two that are left), and the methods, fitted without it and without a
    part of the others' events, score both. The fused score is the mean share, or, `learned`, a
    logistic regression from the shares to novel in rehearsal.
    """

    def __init__(self, of: list[str], learned: bool = False) -> None:
        self.of, self.learned = list(of), learned

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> "Fusion":
        scores, novel, weights = self._rehearsal(features, labels, events)
        self.known = np.sort(scores[~novel], axis=0)
        self.model = None
        if self.learned and novel.any():
            self.model = LogisticRegression(class_weight="balanced")
            self.model.fit(self._shares(scores), novel, sample_weight=weights)
        self.members = self._fit(features, labels, events)
        return self

    def score(self, features: Floats) -> Floats:
        shares = self._shares(np.stack([member.score(features) for member in self.members], 1))
        return shares.mean(1) if self.model is None else self.model.decision_function(shares)

    def _rehearsal(self, features: Floats, labels: NDArray, events: NDArray) -> tuple:
        """(n, methods) scores, whether each was of a species played novel, event weights."""
        species, names = np.unique(labels), np.unique(events)
        parts = max(2, len(species))
        fold = (
            np.random.default_rng(0).permutation(len(names))[np.searchsorted(names, events)] % parts
        )
        found = []
        for part in range(parts):
            played = labels == species[part] if len(species) > 2 else np.zeros(len(labels), bool)
            held = played | (fold == part)
            if held.all() or not (held & ~played).any():
                continue
            fitted = self._fit(features[~held], labels[~held], events[~held])
            scores = np.stack([method.score(features[held]) for method in fitted], 1)
            found.append((scores, played[held], event_weights(events[held])))
        if not found:  # a single event: its own scores are all there is
            fitted = self._fit(features, labels, events)
            scores = np.stack([method.score(features) for method in fitted], 1)
            found = [(scores, np.zeros(len(labels), bool), event_weights(events))]
        return tuple(np.concatenate(part) for part in zip(*found, strict=True))

    def _fit(self, features: Floats, labels: NDArray, events: NDArray) -> list:
        return [METHODS[name]().fit(features, labels, events) for name in self.of]

    def _shares(self, scores: Floats) -> Floats:
        """The share of known natives below each score; beyond them all it grows with the distance.

        The unit of that distance is the known scores' range above their median, so that the
        strangest crops do not tie.
        """
        shares = []
        for known, score in zip(self.known.T, scores.T, strict=True):
            top, reach = known[-1], max(known[-1] - np.median(known), 1e-12)
            beyond = np.maximum(score - top, 0) / reach
            shares.append(np.searchsorted(known, score) / len(known) + np.minimum(beyond, 10))
        return np.stack(shares, 1)

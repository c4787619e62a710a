"""Detectors on features: fitted on native crops and their species, higher score = more novel.

Each has `fit(features, labels)` with (n, dimensions) floats and n species, and `score(features)`.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.svm import OneClassSVM

Floats = NDArray[np.floating]
KEPT = 128  # principal components, fewer where there are fewer crops


def _components(features: Floats) -> PCA:
    return PCA(min(KEPT, *features.shape, len(features) - 1), random_state=0).fit(features)


class Neighbours:
    """Distance to the k-th nearest native, features of length 1. Sun et al., ICML 2022."""

    def __init__(self, k: int = 5) -> None:
        self.k = k

    def fit(self, features: Floats, labels: NDArray) -> "Neighbours":
        k = min(self.k, len(features))
        self.index = NearestNeighbors(n_neighbors=k).fit(normalize(features))
        return self

    def score(self, features: Floats) -> Floats:
        return self.index.kneighbors(normalize(features))[0][:, -1]


class ClassMean:
    """1 - cosine to the nearest species' mean direction."""

    def fit(self, features: Floats, labels: NDArray) -> "ClassMean":
        unit = normalize(features)
        self.means = normalize([unit[labels == name].mean(0) for name in np.unique(labels)])
        return self

    def score(self, features: Floats) -> Floats:
        return 1 - (normalize(features) @ self.means.T).max(1)


class Mahalanobis:
    """Squared distance to the nearest species' mean, in the covariance that species share.

    On principal components, the covariance shrunk as by Ledoit and Wolf 2004. Lee et al., NeurIPS
    2018; `relative` takes off the distance to all natives together: Ren et al. 2021.
    """

    def __init__(self, relative: bool = False) -> None:
        self.relative = relative

    def fit(self, features: Floats, labels: NDArray) -> "Mahalanobis":
        self.components = _components(features)
        x = self.components.transform(features)
        _, number = np.unique(labels, return_inverse=True)
        self.means = np.stack([x[number == i].mean(0) for i in range(number.max() + 1)])
        within = ledoit_wolf(x - self.means[number], assume_centered=True)[0]
        between = self.means[number].T @ self.means[number] / len(x)
        self.within = np.linalg.pinv(within, hermitian=True)  # of equal crops, zero
        # Not shrunk apart from `within`: the less shrunk one would outweigh the other.
        self.overall = np.linalg.pinv(within + between, hermitian=True)
        return self

    def score(self, features: Floats) -> Floats:
        x = self.components.transform(features)
        away = x[:, None] - self.means
        nearest = np.einsum("ncd,de,nce->nc", away, self.within, away, optimize=True).min(1)
        if self.relative:
            nearest -= np.einsum("nd,de,ne->n", x, self.overall, x, optimize=True)
        return nearest


class Residual:
    """Length of what the natives' principal components do not explain."""

    def __init__(self, share: float = 0.9) -> None:
        self.share = share

    def fit(self, features: Floats, labels: NDArray) -> "Residual":
        self.components = PCA(self.share, svd_solver="full").fit(features)
        return self

    def score(self, features: Floats) -> Floats:
        explained = self.components.inverse_transform(self.components.transform(features))
        return np.linalg.norm(features - explained, axis=1)


class Head:
    """A linear classifier of the native species, and how unsure it is.

    `energy` is minus the log-sum-exp of its logits (Liu et al., NeurIPS 2020), `logit` minus the
    highest (Hendrycks et al., ICML 2022), `msp` 1 - the highest probability (Hendrycks and Gimpel,
    ICLR 2017).
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def fit(self, features: Floats, labels: NDArray) -> "Head":
        self.scaler = StandardScaler().fit(features)
        self.model = LogisticRegression(C=0.1, max_iter=500, class_weight="balanced")
        self.alone = len(np.unique(labels)) < 2  # one species: nothing to be unsure between
        if not self.alone:
            self.model.fit(self.scaler.transform(features), labels)
        return self

    def score(self, features: Floats) -> Floats:
        if self.alone:
            return np.zeros(len(features))
        z = self.model.decision_function(self.scaler.transform(features))
        z = np.stack([-z, z], 1) / 2 if z.ndim == 1 else z
        highest = z.max(1)
        energy = highest + np.log(np.exp(z - highest[:, None]).sum(1))
        return {"energy": -energy, "logit": -highest, "msp": 1 - np.exp(highest - energy)}[
            self.kind
        ]


class Components:
    """A detector of scikit-learn, on principal components of length 1 each."""

    def __init__(self, model) -> None:
        self.model = model

    def fit(self, features: Floats, labels: NDArray) -> "Components":
        self.components = _components(features).set_params(whiten=True)
        self.model.fit(self.components.transform(features))
        return self

    def score(self, features: Floats) -> Floats:
        return -self.model.score_samples(self.components.transform(features))


DETECTORS = {
    "knn": Neighbours,
    "class_mean": ClassMean,
    "mahalanobis": Mahalanobis,
    "relative_mahalanobis": lambda: Mahalanobis(relative=True),
    "pca_residual": Residual,
    "head_energy": lambda: Head("energy"),
    "head_logit": lambda: Head("logit"),
    "head_msp": lambda: Head("msp"),
    "isolation_forest": lambda: Components(IsolationForest(random_state=0)),
    "one_class_svm": lambda: Components(OneClassSVM(nu=0.1)),
    "mixture": lambda: Components(
        GaussianMixture(4, covariance_type="diag", reg_covar=1e-3, random_state=0)
    ),
}


def rank_average(scores: list[Floats], reference: list[Floats]) -> Floats:
    """Fusion: the mean share of `reference` scores (of natives) that each score exceeds."""
    shares = [
        np.searchsorted(np.sort(known), score) / len(known)
        for score, known in zip(scores, reference, strict=True)
    ]
    return np.mean(shares, axis=0)

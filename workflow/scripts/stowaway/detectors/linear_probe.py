"""A linear classifier of native species on features, whose doubt is the novelty."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from stowaway.detectors.feature_methods import Floats, event_weights


class Head:
    """A linear classifier of the native species, and how unsure it is.

    `energy` is minus the log-sum-exp of its logits (Liu et al., NeurIPS 2020), `logit` minus the
    highest (Hendrycks et al., ICML 2022), `msp` 1 - the highest probability (Hendrycks and Gimpel,
    ICLR 2017), `vim` the energy and, scaled as a logit, the length of the features in the smaller
    half of the natives' directions (Wang et al., CVPR 2022).
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> "Head":
        self.scaler = StandardScaler().fit(features)
        self.model = LogisticRegression(C=0.1, max_iter=500, class_weight="balanced")
        self.alone = len(np.unique(labels)) < 2  # one species: nothing to be unsure between
        if not self.alone:
            x = self.scaler.transform(features)
            self.model.fit(x, labels, sample_weight=event_weights(events))
            self.origin = -np.linalg.pinv(self.model.coef_) @ self.model.intercept_
            away = x - self.origin
            directions = np.linalg.eigh(away.T @ away).eigenvectors  # the smallest first
            self.null = directions[:, : x.shape[1] - min(x.shape) // 2]
            residual = np.linalg.norm(away @ self.null, axis=1).mean()
            self.alpha = self._logits(x).max(1).mean() / max(residual, 1e-12)
        return self

    def score(self, features: Floats) -> Floats:
        if self.alone:
            return np.zeros(len(features))
        x = self.scaler.transform(features)
        z = self._logits(x)
        highest = z.max(1)
        energy = -highest - np.log(np.exp(z - highest[:, None]).sum(1))
        if self.kind == "vim":
            return energy + self.alpha * np.linalg.norm((x - self.origin) @ self.null, axis=1)
        return {"energy": energy, "logit": -highest, "msp": 1 - np.exp(highest + energy)}[self.kind]

    def _logits(self, x: Floats) -> Floats:
        z = self.model.decision_function(x)
        return np.stack([-z, z], 1) / 2 if z.ndim == 1 else z

"""Detectors on features: by name, fused, fitted on native crops, saved and read; no pickles."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import skops.io
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.svm import OneClassSVM
from sklearn.tree._tree import Tree  # what a forest is made of

from .methods import (
    ClassMean,
    Components,
    Floats,
    Head,
    Mahalanobis,
    Neighbours,
    Residual,
    event_weights,
)
from .packs import batches
from .run import BadInput, replacing

if TYPE_CHECKING:
    import pandas as pd

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
FUSIONS = ("rank_average", "logistic")
SCORED_AT_ONCE = 4_096
FITTED_ON = ["train", "val"]  # nothing is chosen on `val` for detectors on features
MOST = 20_000  # crops to fit on: enough for a covariance, and few enough for memory and time


class Fusion:
    """Several methods as one, each by the share of natives that it has scored lower.

    The shares come from a rehearsal: each native species in turn plays the novel one, and the
    methods, fitted without it and without a part of the others' events, score both. The fused score
    is the mean share, or, `learned`, a logistic regression from the shares to novel in rehearsal.
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
            played = labels == species[part] if len(species) > 1 else np.zeros(len(labels), bool)
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


Detector = ClassMean | Components | Fusion | Head | Mahalanobis | Neighbours | Residual
TRUSTED = [f"{kind.__module__}.{kind.__name__}" for kind in (*get_args(Detector), Tree)]


def fit(
    settings: dict, features: Floats, rows: NDArray, labels: NDArray, events: NDArray
) -> Detector:
    """The detector of a config entry, fitted on the `rows` of `features`, n species and n events.

    `features` is (crops, dimensions), memory-mapped or not. Of more than MOST crops a sample is
    fitted on, events being equally likely, with a fixed seed.
    """
    if len(rows) > MOST:
        chance = event_weights(events) / len(events)
        kept = np.random.default_rng(0).choice(len(events), MOST, replace=False, p=chance)
        rows, labels, events = rows[kept], labels[kept], events[kept]
    method = settings["method"]
    if method in FUSIONS:
        detector = Fusion(settings["of"], learned=method == "logistic")
    else:
        detector = METHODS[method]()
    return detector.fit(np.asarray(features[rows], float), labels, events)


def score(detector: Detector, features: Floats, rows: NDArray) -> Floats:
    """The score of each of the `rows` of `features`; memory holds a batch of them."""
    parts = [
        detector.score(np.asarray(features[some], float)) for some in batches(rows, SCORED_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def nearest_species(table: "pd.DataFrame", features: Floats, rows: NDArray) -> NDArray:
    """The native species whose mean direction is nearest to each crop.

    `table` has the `species`, `role` and `event` of each, `rows` its row of `features`.
    """
    known = table["role"].isin(FITTED_ON).to_numpy()
    labels, events = table["species"][known].to_numpy(str), table["event"][known].to_numpy(str)
    means = fit({"method": "class_mean"}, features, rows[known], labels, events).means
    near = [(features[some] @ means.T).argmax(1) for some in batches(rows, SCORED_AT_ONCE)]
    return np.unique(labels)[np.concatenate(near)]


def save(detector: Detector, path: Path) -> None:
    """Write the detector as arrays and plain values in a zip, not as a pickle."""
    with replacing(path, "wb") as file:
        skops.io.dump(detector, file)


def load(path: Path) -> Detector:
    """The detector in the file. Raises `BadInput` where it holds anything but this module's."""
    try:
        return skops.io.load(path, trusted=TRUSTED)
    except Exception as error:  # a damaged zip and an unknown type raise as they like
        why = str(error).splitlines()[0]
        raise BadInput(f"{path}: not a detector of stowaway; fit it again ({why})") from None

"""Several methods as one detector, each by the share of natives that it scores lower."""

from collections import defaultdict
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stowaway.detectors.feature_methods import (
    ClassMean,
    FeatureDetector,
    Floats,
    Gaussian,
    Mahalanobis,
    Neighbours,
    RelativeMahalanobis,
    Residual,
)
from stowaway.detectors.linear_probe import Energy, Logit, Probability, VirtualLogit

Detectors = dict[str, FeatureDetector]  # by name
METHODS: dict[str, type[FeatureDetector]] = {
    "knn": Neighbours,
    "class_mean": ClassMean,
    "mahalanobis": Mahalanobis,
    "relative_mahalanobis": RelativeMahalanobis,
    "gaussian": Gaussian,
    "pca_residual": Residual,
    "head_energy": Energy,
    "head_logit": Logit,
    "head_msp": Probability,
    "head_vim": VirtualLogit,
}


class Fusion(FeatureDetector):
    """The mean, over the methods, of the share of held-out natives that score lower, in 0..11.

    Beyond the highest held-out native a share exceeds 1, so that the strangest crops do not tie.

    The held-out natives' scores come from a cross-validation by event: each part of the events is
    scored by methods that are fitted without it and, of three or more species, without one native
    species too (a linear probe needs two), so that they meet the natives as they would with a
    species missing.
    """

    def __init__(self, methods: list[str]) -> None:
        self.methods = list(methods)

    def fit(self, features: Floats, labels: NDArray, events: NDArray) -> Self:
        self.native_scores = np.sort(self._cross_validated(features, labels, events), axis=0)
        self.members = self._fit_members(features, labels, events)
        return self

    def score(self, features: Floats) -> Floats:
        return self._shares(_score_members(self.members, features)).mean(1)

    def arrays(self) -> dict[str, NDArray]:
        return {"native_scores": self.native_scores, **join_arrays(self.members)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray]) -> Self:
        members = split_arrays(arrays)
        fusion = cls(list(members))
        fusion.native_scores, fusion.members = arrays["native_scores"], members
        return fusion

    def _cross_validated(self, features: Floats, labels: NDArray, events: NDArray) -> Floats:
        """(held-out natives, methods) scores."""
        species, names = np.unique(labels), np.unique(events)
        parts = max(2, len(species))
        part_of_event = np.random.default_rng(0).permutation(len(names)) % parts
        part_of = part_of_event[np.searchsorted(names, events)]
        scores = []
        for part in range(parts):
            left_out = labels == species[part] if len(species) > 2 else np.zeros(len(labels), bool)
            held_out = (part_of == part) & ~left_out
            fitted = ~held_out & ~left_out
            if fitted.any() and held_out.any():
                members = self._fit_members(features[fitted], labels[fitted], events[fitted])
                scores.append(_score_members(members, features[held_out]))
        if not scores:  # a single event: its own scores are all there is
            scores = [_score_members(self._fit_members(features, labels, events), features)]
        return np.concatenate(scores)

    def _fit_members(self, features: Floats, labels: NDArray, events: NDArray) -> Detectors:
        return {name: METHODS[name]().fit(features, labels, events) for name in self.methods}

    def _shares(self, scores: Floats) -> Floats:
        """(n, methods) scores -> the share of held-out natives below each, as in `shares`."""
        pairs = zip(scores.T, self.native_scores.T, strict=True)
        return np.stack([shares(own, natives) for own, natives in pairs], 1)


def shares(scores: Floats, natives: Floats) -> Floats:
    """The share of held-out natives, sorted, that score lower, in 0..1 and beyond.

    Beyond them all it grows with the distance, in units of the natives' range above their median,
    so that the strangest crops do not tie; by 10 at most.
    """
    top = natives[-1]
    beyond = np.maximum(scores - top, 0) / max(top - np.median(natives), 1e-12)
    return np.searchsorted(natives, scores) / len(natives) + np.minimum(beyond, 10)


def _score_members(members: Detectors, features: Floats) -> Floats:
    """(n, dimensions) features -> (n, methods) scores."""
    return np.stack([member.score(features) for member in members.values()], 1)


DETECTOR_OF = METHODS | {"rank_average": Fusion}


def join_arrays(detectors: Detectors) -> dict[str, NDArray]:
    """The arrays of all detectors as `<name>/<array>`, and what each is as `<name>/method`."""
    method_of = {kind: method for method, kind in DETECTOR_OF.items()}
    arrays = {}
    for name, detector in detectors.items():
        arrays[f"{name}/method"] = np.array(method_of[type(detector)])
        arrays |= {f"{name}/{key}": array for key, array in detector.arrays().items()}
    return arrays


def split_arrays(arrays: dict[str, NDArray]) -> Detectors:
    """The detectors that `join_arrays` took. Raises `KeyError` where an array is missing."""
    arrays_of = defaultdict(dict)
    for name, slash, key in (path.partition("/") for path in arrays):
        if slash:
            arrays_of[name][key] = arrays[f"{name}/{key}"]
    return {
        name: DETECTOR_OF[str(own["method"])].from_arrays(own) for name, own in arrays_of.items()
    }

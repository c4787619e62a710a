"""The watch list: how like a species that one fears a crop is, learnt from a few examples.

One linear head on frozen features tells the natives' species and the watched ones apart.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from stowaway.core.files import read_arrays, reading
from stowaway.detectors.feature_methods import Floats, class_weights, with_event
from stowaway.detectors.fusion import shares

STRENGTHS = 0.3, 1.0, 3.0, 10.0  # of the regularisation, in units of the features' mean variance
FOLDS = 5
AT_ONCE = 4_096  # crops that are scored together
ARRAYS = "species mean scale weights bias is_watched strength native_scores".split()


class WatchHead:
    """A ridge regression of each crop's species, one output per native and watched species.

    Each species weighs the same, and each event of a species. The strength of the regularisation is
    the one with the least error in a cross-validation over events. A crop's score for a watched
    species is that species' output less the highest output of a native, averaged with the mean of
    its event (`with_event`). Least squares on one output per class: Hastie, Tibshirani & Friedman,
    The Elements of Statistical Learning (2009), 4.2.
    """

    def fit(self, features: Floats, species: NDArray, events: NDArray, watched: NDArray) -> Self:
        """Fit on natives and examples: (n, dimensions) features, and the species, the event and
        whether it is an example of each.

        Raises `ValueError` without natives. `native_scores` (native events, watched species) are
        the scores of natives' events by heads that were fitted without them, each column sorted.
        """
        if watched.all():
            raise ValueError("there is no native")
        x, weights = _unit(features), class_weights(species, events)
        parts = _parts(species, events)
        held = [self._held_out(x, species, watched, weights, parts, one) for one in STRENGTHS]
        targets = species[:, None] == self.species
        errors = [np.average(((o - targets) ** 2).mean(1), weights=weights) for o in held]
        best = int(np.argmin(errors))
        self.strength = np.float64(STRENGTHS[best])
        self._fit(x, species, watched, weights, self.strength)
        held = self._margins(held[best])
        names = events[~watched]
        blended = with_event(held[~watched], names)
        _, number = np.unique(names, return_inverse=True)
        highest = np.full((number.max() + 1, blended.shape[1]), -np.inf)
        np.maximum.at(highest, number, blended)
        self.native_scores = np.sort(highest, axis=0)
        return self

    @property
    def watched(self) -> NDArray[np.str_]:
        """The watched species, in the order of the scores' columns."""
        return self.species[self.is_watched]

    def score(self, features: Floats, events: NDArray) -> Floats:
        """(n, dimensions) features and the event of each -> (n, watched species) scores."""
        parts = [features[start : start + AT_ONCE] for start in range(0, len(features), AT_ONCE)]
        margins = [self._margins(self._outputs(_unit(part))) for part in parts or [features]]
        return with_event(np.concatenate(margins), events)

    def arrays(self) -> dict[str, NDArray]:
        """All that `from_arrays` needs to make the same head again."""
        return {name: np.asarray(getattr(self, name)) for name in ARRAYS}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray]) -> Self:
        """The head whose `arrays()` these are. Raises `KeyError` where one is missing."""
        head = cls()
        for name in ARRAYS:
            setattr(head, name, arrays[name])
        return head

    def _fit(
        self, x: Floats, species: NDArray, watched: NDArray, weights: Floats, strength: float
    ) -> None:
        scaler = StandardScaler().fit(x, sample_weight=weights)
        self.mean, self.scale = scaler.mean_, scaler.scale_
        self.species = np.unique(species)
        self.is_watched = np.isin(self.species, species[watched])
        # the trace of the weighted Gram matrix over n: the strength is relative to the data
        alpha = strength * weights.sum() * x.shape[1] / len(x)
        targets = (species[:, None] == self.species).astype(float)
        model = Ridge(alpha).fit((x - self.mean) / self.scale, targets, sample_weight=weights)
        self.weights, self.bias = model.coef_.reshape(len(self.species), -1), model.intercept_

    def _held_out(
        self,
        x: Floats,
        species: NDArray,
        watched: NDArray,
        weights: Floats,
        parts: NDArray,
        strength: float,
    ) -> Floats:
        """(n, species) outputs of heads that were fitted without the crop's part of the events."""
        names = np.unique(species)
        held = np.full((len(x), len(names)), 0.0)
        for part in np.unique(parts[parts >= 0]):
            out = parts == part
            self._fit(x[~out], species[~out], watched[~out], weights[~out], strength)
            held[np.ix_(out, np.isin(names, self.species))] = self._outputs(x[out])
        self._fit(x, species, watched, weights, strength)
        alone = parts < 0  # the only event of its species: it cannot be left out
        held[alone] = self._outputs(x[alone])
        return held

    def _outputs(self, x: Floats) -> Floats:
        """(n, dimensions) features at length 1 -> (n, species) outputs."""
        return (x - self.mean) / self.scale @ self.weights.T + self.bias

    def _margins(self, outputs: Floats) -> Floats:
        """(n, species) outputs -> (n, watched species) how far each is above the best native's."""
        natives = outputs[:, ~self.is_watched].max(1, keepdims=True)
        return outputs[:, self.is_watched] - natives


def load_head(path: Path) -> WatchHead | None:
    """The head whose arrays a file has; None where it has none, since no species is watched.

    Raises `BadInput` for a damaged file.
    """
    arrays = read_arrays(path, finite=True)
    with reading(path):
        return WatchHead.from_arrays(arrays) if arrays else None


def _unit(features: Floats) -> Floats:
    """(n, dimensions) features at length 1; n may be 0."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def _parts(species: NDArray, events: NDArray) -> NDArray[np.intp]:
    """The part of each crop, of FOLDS with events whole; -1 for a species' only event.

    The events of a species are dealt one after the other, so that each part has as many of them.
    """
    parts = np.full(len(events), -1)
    names, event_of = np.unique(events, return_inverse=True)
    part_of = np.full(len(names), -1)
    rng = np.random.default_rng(0)
    for name in np.unique(species):
        own = np.flatnonzero(species == name)
        order = rng.permutation(np.unique(event_of[own]))
        if len(order) > 1:
            dealt = np.arange(len(order)) % FOLDS
            part_of[order] = np.where(part_of[order] < 0, dealt, part_of[order])
            parts[own] = part_of[event_of[own]]
    return parts


def whole_events(events: NDArray) -> Iterator[NDArray[np.intp]]:
    """Yield the places of the crops of some events after the other, of AT_ONCE crops or so."""
    _, number, count = np.unique(events, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    parts = ends[:-1][np.diff(ends // AT_ONCE) > 0]
    yield from np.split(np.argsort(number, kind="stable"), parts)


def lead_scores(
    novelty: Floats, usual: Floats, watch: Floats, native_scores: Floats
) -> tuple[Floats, NDArray[np.intp]]:
    """One score of a crop from its novelty and its likeness to watched species; and which it is.

    `novelty` (n,) and `watch` (n, k) are scores of crops, `usual` (m,) and `native_scores` (l, k)
    those of held-out native events, sorted. Each score becomes the share of these events that score
    lower (`shares`), and the highest share leads: (n,) scores in 0..11, and (n,) the index of the
    watched species, -1 for novelty. A NaN never leads. The calibration natives get scores in the
    same way, so that their p-values are corrected for taking the highest.
    """
    columns = [shares(novelty, usual)]
    columns += [shares(own, natives) for own, natives in zip(watch.T, native_scores.T, strict=True)]
    scores = np.stack([novelty, *watch.T], 1)
    table = np.where(np.isnan(scores), -np.inf, np.stack(columns, 1))
    best = table.argmax(1)
    return table[np.arange(len(table)), best], best - 1

"""All detectors on features of a fold: fitted together, and saved in one file of plain arrays."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stowaway.core.files import Damaged, read_arrays, reading, replacing
from stowaway.core.tables import read_table
from stowaway.data.packs import batches
from stowaway.data.roles import FITTED_ROLES
from stowaway.detectors.feature_methods import (
    ClassMean,
    FeatureDetector,
    Floats,
    class_weights,
    with_event,
)
from stowaway.detectors.fusion import (
    DETECTOR_OF,
    Detectors,
    Fusion,
    join_arrays,
    split_arrays,
)

if TYPE_CHECKING:
    import pandas as pd

NATIVE_MEANS = "native means"  # with a blank, which no detector's name has
TEXT = "/method", "/species"  # the arrays that hold no numbers
SCORED_AT_ONCE = 4_096
MOST_CROPS_TO_FIT = 20_000  # enough for a covariance, and few enough for memory and time


def fit_all(settings: dict[str, dict], features: Floats, crops: "pd.DataFrame") -> Detectors:
    """Fit each detector of `settings` (name -> config entry) on the natives of FITTED_ROLES.

    `features` is (crops of the site, dimensions), memory-mapped or not; `crops` has `row` (of
    `features`), `species`, `event` and `role`. Nothing is chosen on the validation natives here, so
    they are fitted on too. Of more than MOST_CROPS_TO_FIT crops a sample is fitted on, see
    `sample`. The result also has NATIVE_MEANS, for `nearest_species`.
    """
    crops = crops[crops["role"].isin(FITTED_ROLES)]
    labels, events = crops["species"].to_numpy(str), crops["event"].to_numpy(str)
    rows = crops["row"].to_numpy()
    if len(rows) > MOST_CROPS_TO_FIT:
        chosen = sample(labels, events)
        rows, labels, events = rows[chosen], labels[chosen], events[chosen]
    detectors = {name: _unfitted(entry) for name, entry in settings.items()}
    detectors[NATIVE_MEANS] = ClassMean()
    known = np.asarray(features[rows], float)
    return {name: detector.fit(known, labels, events) for name, detector in detectors.items()}


def _unfitted(entry: dict) -> FeatureDetector:
    kind = DETECTOR_OF[entry["method"]]
    return kind(entry["of"]) if kind is Fusion else kind()


def sample(labels: NDArray, events: NDArray, most: int | None = None) -> NDArray:
    """Indices of `most` crops (MOST_CROPS_TO_FIT); species are equally likely, and their events.

    A rare species keeps all or nearly all of its crops. The draw is the same each time.
    """
    chance = class_weights(labels, events)
    # Gumbel's trick: the highest of log(chance) + noise is a draw without replacement
    noise = np.random.default_rng(0).gumbel(size=len(labels))
    return np.sort(np.argsort(-(np.log(chance) + noise))[: most or MOST_CROPS_TO_FIT])


def score_all(
    detectors: Detectors, features: Floats, rows: NDArray, events: NDArray
) -> dict[str, Floats]:
    """Each detector's scores (n,) of n `rows` of `features`; memory holds a batch of them.

    `events` (n,) are their events, with whose mean each score is averaged (`with_event`).
    """
    scores = {name: np.empty(len(rows)) for name in detectors if name != NATIVE_MEANS}
    done = 0
    for batch in batches(rows, SCORED_AT_ONCE):
        values = np.asarray(features[batch], float)
        for name in scores:
            scores[name][done : done + len(batch)] = detectors[name].score(values)
        done += len(batch)
    return {name: with_event(own, events) for name, own in scores.items()}


def nearest_species(detectors: Detectors, features: Floats, rows: NDArray) -> dict[str, NDArray]:
    """The native species that each of n `rows` is nearest to in direction, as columns.

    `predicted` and `second` are the nearest species and the next one ('' where there is none);
    `similarity` and `second_similarity` the cosines to their means, -1..1.
    """
    means = detectors[NATIVE_MEANS]
    pairs = [means.nearest(features[batch]) for batch in batches(rows, SCORED_AT_ONCE)]
    names = np.concatenate([np.empty((0, 2), means.species.dtype), *(pair[0] for pair in pairs)])
    cosines = np.concatenate([np.empty((0, 2)), *(pair[1] for pair in pairs)])
    columns = {"predicted": names[:, 0], "similarity": cosines[:, 0]}
    return columns | {"second": names[:, 1], "second_similarity": cosines[:, 1]}


def network_scores(paths: list[Path], crop_ids: "pd.Series") -> dict[str, Floats]:
    """The scores of crops by networks, whose tables are named after their detector.

    Raises `BadInput` where a table is damaged or lacks a crop.
    """
    columns = {}
    for path in paths:
        novelty = read_table(path, ["crop_id", "score"]).set_index("crop_id")["score"]
        with reading(path):
            columns[path.stem] = novelty.loc[crop_ids].to_numpy()
    return columns


def save_all(path: Path, detectors: Detectors) -> None:
    """Write all detectors, and the means for `nearest_species`, to one .npz of plain arrays."""
    with replacing(path, "wb") as file:
        np.savez(file, **join_arrays(detectors))


def load_all(path: Path, dimensions: int | None = None) -> Detectors:
    """The detectors that `save_all` wrote, of features of so many `dimensions`, if known.

    Raises `BadInput` for a damaged file, and for any other.
    """
    arrays = read_arrays(path, finite=True)
    with reading(path):
        detectors = split_arrays(arrays)
        if NATIVE_MEANS not in detectors:
            raise Damaged("it has no means of the natives")
        for name, array in arrays.items():
            if array.dtype.kind not in "fiub" and not name.endswith(TEXT):
                raise Damaged(f"{name} holds no numbers")
        if dimensions:  # arrays of other shapes fail here, on any features
            one = np.ones((1, dimensions))
            nearest_species(detectors, one, np.arange(1))
            score_all(detectors, one, np.arange(1), np.zeros(1))
    return detectors

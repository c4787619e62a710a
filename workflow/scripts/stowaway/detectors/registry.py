"""Detectors on features: by name, fused, fitted on native crops, saved and read; no pickles."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.tree._tree import Tree  # what a forest is made of

from stowaway.core.files import replacing
from stowaway.core.script import BadInput
from stowaway.data.packs import batches
from stowaway.detectors.feature_methods import Detector, Floats, event_weights
from stowaway.detectors.fusion import METHODS, Fusion

if TYPE_CHECKING:
    import pandas as pd

FUSIONS = ("rank_average", "logistic")
SCORED_AT_ONCE = 4_096
FITTED_ON = ["train", "val"]  # nothing is chosen on `val` for detectors on features
MOST = 20_000  # crops to fit on: enough for a covariance, and few enough for memory and time
KINDS = {Fusion, Tree, *(type(make()) for make in METHODS.values())}
TRUSTED = [f"{kind.__module__}.{kind.__name__}" for kind in KINDS]


def fit(
    settings: dict, features: Floats, rows: NDArray, labels: NDArray, events: NDArray
) -> Detector:
    """The detector of a config entry, fitted on the `rows` of `features`, n species and n events.

    `features` is (crops, dimensions), memory-mapped or not. Of more than MOST crops a sample is
    fitted on, see `sample`.
    """
    if len(rows) > MOST:
        kept = sample(labels, events)
        rows, labels, events = rows[kept], labels[kept], events[kept]
    method = settings["method"]
    if method in FUSIONS:
        detector = Fusion(settings["of"], learned=method == "logistic")
    else:
        detector = METHODS[method]()
    return detector.fit(np.asarray(features[rows], float), labels, events)


def sample(labels: NDArray, events: NDArray) -> NDArray:
    """Indices of MOST crops; species are equally likely, and events of one species.

    Of a rare species all crops are kept, so that none is lost.
    """
    each = event_weights(np.char.add(np.char.add(labels, "/"), events))
    _, number = np.unique(labels, return_inverse=True)
    chance = each / np.bincount(number, each)[number]
    # Gumbel's trick: the highest of log(chance) + noise is a draw without replacement
    noise = np.random.default_rng(0).gumbel(size=len(labels))
    return np.sort(np.argsort(-(np.log(chance) + noise))[:MOST])


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
    fitted = fit({"method": "class_mean"}, features, rows[known], labels, events)
    near = [(features[some] @ fitted.means.T).argmax(1) for some in batches(rows, SCORED_AT_ONCE)]
    return fitted.names[np.concatenate(near)]


def save(detector: Detector, path: Path) -> None:
    """Write the detector as arrays and plain values in a zip, not as a pickle."""
    with replacing(path, "wb") as file:
        _skops().dump(detector, file)


def load(path: Path) -> Detector:
    """The detector in the file. Raises `BadInput` where it holds anything but this module's."""
    skops = _skops()
    try:
        return skops.load(path, trusted=TRUSTED)
    except Exception as error:  # a damaged zip and an unknown type raise as they like
        why = str(error).splitlines()[0]
        raise BadInput(f"{path}: not a detector of stowaway; fit it again ({why})") from None


def _skops():
    """skops.io, for which torch is not there while it is imported.

    It imports every part of scikit-learn, of which one would import torch: two seconds for nothing.
    """
    torch = sys.modules.get("torch")
    sys.modules["torch"] = torch  # None: not to be imported
    try:
        import skops.io
    finally:
        if torch is None:
            del sys.modules["torch"]
    return skops.io

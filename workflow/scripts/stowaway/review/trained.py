"""What a run hands to later ones: models.json, its facts, and models.npz, plain arrays.

The arrays are the detectors on features, the calibration events of the alarm, what the heat maps
compare with, and natives to show beside a suspicious animal.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stowaway.core.files import Damaged, read_arrays, reading, replacing
from stowaway.core.tables import read_table
from stowaway.data.exact_copies import CHECKSUMS
from stowaway.data.roles import Role
from stowaway.detectors.feature_methods import Floats, Gaussian
from stowaway.detectors.fusion import Detectors, join_arrays, split_arrays
from stowaway.evaluation.alarms import events_of
from stowaway.evaluation.examples import fitted_natives
from stowaway.models.facts import again, read_facts
from stowaway.review.label_check import cross_fit

MOST_CALIBRATION = 20_000  # crops: 25 MB of features
CALIBRATION = "crop_id species event group location datetime predicted score".split()


@dataclass
class Gallery:
    """Training natives: (n, dimensions) features, the event and species of each, and a JPEG.

    The JPEGs are an array of bytes, which ends at their last byte, 0xD9, as arrays of bytes drop
    zeros there.
    """

    features: Floats
    events: NDArray[np.str_]
    species: NDArray[np.str_]
    pictures: NDArray[np.bytes_]


@dataclass
class Trained:
    """A run's models. `calibration` has the columns CALIBRATION and CHECKSUMS, a row per crop of
    calibration events, whose features (crops, dimensions) are `calibration_features`.

    `native_scores` are the sorted scores of native events by the detector that leads, fitted
    without them: what the watch list compares novelty with.

    `cells` is the cloud of the cells of natives' maps, None for a backbone without maps, and
    `usual` the distance to it that 95 % of native cells keep.
    """

    facts: dict
    detectors: Detectors
    calibration: pd.DataFrame
    calibration_features: Floats
    native_scores: Floats
    gallery: Gallery
    cells: Gaussian | None
    usual: float
    reviewed: NDArray[np.str_]  # checksums of the crops that people decided on


def whole_groups(crops: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The crops of randomly drawn groups, as many as have MOST_CALIBRATION crops or fewer."""
    sizes = crops.groupby("group").size().sample(frac=1, random_state=seed).cumsum()
    return crops[crops["group"].isin(sizes.index[sizes <= max(MOST_CALIBRATION, sizes.iloc[0])])]


def held_out_scores(
    crops: pd.DataFrame, features: Floats, scores: Path, lead: str, detectors: dict, seed: int
) -> Floats:
    """The sorted scores of native events by the lead, of models that were fitted without them.

    For a network they are those of the validation natives, which its weights were not fitted on.
    """
    if detectors[lead]["kind"] == "features":
        held = cross_fit(fitted_natives(crops), features, detectors[lead], seed)
    else:
        held = read_table(scores, ["crop_id", "event", "role", lead])
        held = held[held["role"] == Role.VAL].rename(columns={lead: "score"})
    return np.sort(events_of(held)["score"].to_numpy())


def save(trained: Trained, arrays: Path, facts: Path) -> None:
    """Write both files; the facts get the checksum of the arrays, so that no pair is mixed up."""
    gallery = trained.gallery
    values = {f"detectors/{name}": array for name, array in join_arrays(trained.detectors).items()}
    values |= {f"calibration/{name}": _plain(trained.calibration[name]) for name in CALIBRATION}
    values["calibration/features"] = trained.calibration_features
    checksums = trained.calibration[[*CHECKSUMS]].to_numpy(str)
    values["calibration/checksums"] = checksums.astype("S")  # ASCII, a quarter as large
    values["native_scores"] = trained.native_scores
    values |= {"gallery/features": gallery.features, "gallery/events": gallery.events}
    values |= {"gallery/species": gallery.species, "reviewed": trained.reviewed}
    values["gallery/pictures"] = gallery.pictures
    if trained.cells:
        values |= {f"cells/{name}": array for name, array in trained.cells.arrays().items()}
        values["cells/usual"] = np.array(trained.usual)
    with replacing(arrays, "wb") as file:
        np.savez(file, **values)
    with replacing(facts) as file:
        checksum = {"arrays_sha256": _checksum(arrays)}
        json.dump(trained.facts | checksum, file, indent=1, ensure_ascii=False)


def _plain(column: pd.Series) -> NDArray:
    return column.to_numpy(float) if column.name == "score" else column.to_numpy(str)


def _checksum(path: Path) -> str:
    with open(path, "rb") as file:
        return sha256(file.read()).hexdigest()


def load(arrays: Path, facts: Path) -> Trained:
    """The models that `save` wrote. Raises `BadInput` where a file is damaged or of another run."""
    known = read_facts(facts)
    with reading(arrays, again(arrays)):
        if known["arrays_sha256"] != _checksum(arrays):
            raise Damaged(f"it is not the one that {Path(facts).name} was written with")
    values = read_arrays(arrays, finite=True, remedy=again(arrays))
    with reading(arrays, again(arrays)):
        detectors = split_arrays(_below(values, "detectors"))
        calibration = pd.DataFrame({n: values[f"calibration/{n}"] for n in CALIBRATION})
        calibration[[*CHECKSUMS]] = values["calibration/checksums"].astype(str)
        cells = _below(values, "cells")
        return Trained(
            known,
            detectors,
            calibration,
            values["calibration/features"],
            values["native_scores"],
            Gallery(**_below(values, "gallery")),
            Gaussian.from_arrays(cells) if cells else None,
            float(cells.get("usual", np.nan)),
            values["reviewed"],
        )


def _below(values: dict[str, NDArray], folder: str) -> dict[str, NDArray]:
    """The arrays whose names begin with `folder`/, without it."""
    start = f"{folder}/"
    return {name.removeprefix(start): a for name, a in values.items() if name.startswith(start)}

"""A detector and packed crops -> principal components of the crops that a map is made of."""

from pathlib import Path

import numpy as np

from stowaway.core.script import run_rule
from stowaway.data.roles import Role
from stowaway.data.splits import load_crops
from stowaway.embedding.components import Encoder, save_axes
from stowaway.embedding.points import save_points


def sample(roles: np.ndarray, max_native: int, seed: int) -> np.ndarray:
    """Positions of the crops on the map: all novel ones, the others sampled to `max_native`."""
    novel = roles == Role.NOVEL
    others = np.flatnonzero(~novel)
    if len(others) > max_native:
        others = np.random.default_rng(seed).choice(others, max_native, replace=False)
    return np.sort(np.concatenate([others, np.flatnonzero(novel)]))


def encode_crops(
    model: Path,
    pack: Path,
    labels: Path,
    splits: Path,
    components: Path,
    axes: Path,
    train_on: str,
    max_native: int,
    seed: int,
    threads: int,
) -> None:
    """Write the crops' points and the axes; unlisted species only of a model trained on all."""
    crops = load_crops(labels, splits)
    encoder = Encoder.open(model, pack, threads, len(crops))
    if train_on == "natives":
        crops = crops[crops["role"] != Role.UNLISTED]
    crops = crops.iloc[sample(crops["role"].to_numpy(), max_native, seed)]
    rows = crops["row"].to_numpy()
    principal_axes = encoder.fit_axes(rows, seed)
    points = encoder.project(principal_axes, rows)
    save_points(components, crops[["crop_id", "species", "role"]], points)
    save_axes(axes, principal_axes)


if __name__ == "__main__":
    run_rule(encode_crops, snakemake)

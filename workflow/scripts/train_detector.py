"""Packed crops and the roles of a fold -> a trained network and its loss history."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.core.script import run_rule
from stowaway.core.tables import write_table
from stowaway.data.packs import Pack
from stowaway.data.roles import Role
from stowaway.data.splits import load_crops
from stowaway.detectors.reconstruction import fit_score
from stowaway.models.checkpoint import build, save_detector
from stowaway.models.device import Device
from stowaway.models.training import train

TRAINED_ROLES = {"natives": [Role.TRAIN], "all": [Role.TRAIN, Role.NOVEL, Role.UNLISTED]}
HELD_OUT_ROLES = [Role.VAL, Role.CALIBRATION, Role.TEST]


def training_rows(crops: pd.DataFrame, train_on: str) -> np.ndarray:
    """The packed rows to train on, by `train_on`: natives, or all.

    An unlisted animal in a group of a held-out role stays out with it: the photo is the same.
    """
    groups = crops.loc[crops["role"].isin(HELD_OUT_ROLES), "group"]
    leaking = (crops["role"] == Role.UNLISTED) & crops["group"].isin(groups)
    return crops.loc[crops["role"].isin(TRAINED_ROLES[train_on]) & ~leaking, "row"].to_numpy()


def fingerprint(settings: dict, rows: list[np.ndarray], pack: Path, modules: list[Path]) -> str:
    """A hash of all that a training's weights depend on: only its own checkpoint has the same."""
    packed = pack.stat()
    known = [settings, *(r.tolist() for r in rows), packed.st_size, packed.st_mtime_ns]
    known += [module.read_text() for module in modules]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def train_detector(
    pack: Path,
    labels: Path,
    splits: Path,
    modules: list[Path],
    model: Path,
    history: Path,
    settings: dict,
    checkpoint: str,
    threads: int,
) -> None:
    """Train as `settings` say, resuming a checkpoint of the same settings, crops and modules."""
    crops = load_crops(labels, splits)
    train_rows = training_rows(crops, settings["train_on"])
    val_rows = crops.loc[crops["role"] == Role.VAL, "row"].to_numpy()
    device = Device.choose(settings["precision"], threads)
    print(f"{len(train_rows)} training and {len(val_rows)} validation crops on {device}")
    pixels, network = Pack(pack, len(crops)), build(settings)
    losses = train(
        network,
        pixels,
        train_rows,
        val_rows,
        epochs=settings["epochs"],
        patience=settings["patience"],
        batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        seed=settings["seed"],
        device=device,
        loss=settings["loss"],
        augmented=settings["augment"],
        checkpoint=Path(checkpoint),
        fingerprint=fingerprint(settings, [train_rows, val_rows], pack, modules),
    )
    write_table(pd.DataFrame(losses), history)
    fitted = fit_score(network, pixels, train_rows, settings, device)
    # what it computed in, so that it scores in the same wherever it is
    save_detector(model, network, settings | {"precision": device.precision_name}, fitted)
    Path(checkpoint).unlink(missing_ok=True)


if __name__ == "__main__":
    run_rule(train_detector, snakemake)

"""Packed crops and splits -> models/<detector>.pt and its loss history."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table
from stowaway.data.packs import open_pack
from stowaway.detectors import reconstruction as scores
from stowaway.models import augmentation as augment
from stowaway.models import autoencoders as networks
from stowaway.models import classifier, losses, training
from stowaway.models.checkpoint import build, save_detector
from stowaway.models.device import Backend
from stowaway.models.distributed import first, launch

TRAINED_ON = {"natives": ["train"], "all": ["train", "invasive", "unlisted"]}


def lessons(table: pd.DataFrame, rows: pd.Series, chosen: pd.Series, species: list[str]) -> dict:
    """The class of each packed crop, -1 for other species, and how often the chosen are shown.

    Every species is shown as often as any other, and so is each of its events, whose frames are
    near-copies.
    """
    classes = np.full(rows.max() + 1, -1)
    classes[rows] = table["species"].map({name: n for n, name in enumerate(species)}).fillna(-1)
    crops = table[chosen].assign(n=1)
    events = crops.groupby("species")["event"].transform("nunique")
    frames = crops.groupby(["species", "event"])["n"].transform("size")
    return {"classes": classes, "weights": (1 / (events * frames)).to_numpy()}


def train_detector(
    pack: Path,
    index: Path,
    splits: Path,
    model_path: Path,
    history_path: Path,
    settings: dict,
    checkpoint: Path,
    threads: int,
) -> None:
    """Train as `settings` say, resuming a checkpoint of the same settings and crops."""
    pixels, row_of = open_pack(pack, index)
    table = read_table(splits, ["crop_id", "species", "role", "group", "event"])
    rows, role = table["crop_id"].map(row_of), table["role"]
    chosen = role.isin(TRAINED_ON[settings["train_on"]])
    # an unlisted animal in a frame or burst of the validation or test part stays out with it
    chosen &= ~table["group"].isin(
        table.loc[role.isin(["val", "calibration", "test"]), "group"]
    ) | (role != "unlisted")
    train_rows, val_rows = rows[chosen].to_numpy(), rows[role == "val"].to_numpy()
    made = pack.stat()
    taught = {}
    if settings["kind"] == "classifier":
        settings |= {"species": sorted(set(table["species"][chosen])), "loss": "cross_entropy"}
        taught = lessons(table, rows, chosen, settings["species"])
    known_by = [settings, train_rows.tolist(), val_rows.tolist(), made.st_size, made.st_mtime_ns]
    modules = augment, classifier, losses, networks, scores, training
    known_by += [Path(module.__file__).read_text() for module in modules]
    backend = Backend.choose(settings["precision"], threads)
    if first():
        print(f"{len(train_rows)} training and {len(val_rows)} validation crops on {backend}")
    model = build(settings)
    history = training.train(
        model,
        pixels,
        train_rows,
        val_rows,
        epochs=settings["epochs"],
        patience=settings["patience"],
        batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        seed=settings["seed"],
        backend=backend,
        loss=settings["loss"],
        **taught,
        augmented=settings["augment"],
        compile=settings["compile"],
        checkpoint=checkpoint,
        fingerprint=hashlib.sha256(json.dumps(known_by).encode()).hexdigest(),
    )
    if not first():
        return
    write_table(pd.DataFrame(history), history_path)
    fitted = scores.fit(model, pixels, train_rows, settings, backend)
    save_detector(model_path, model, settings, fitted)
    checkpoint.unlink(missing_ok=True)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        launch(
            max(1, snakemake.resources.get("gpu", 1)),  # 0: on the processor
            train_detector,
            Path(snakemake.input.pack),
            Path(snakemake.input.index),
            Path(snakemake.input.splits),
            Path(snakemake.output.model),
            Path(snakemake.output.history),
            dict(snakemake.params.settings),
            Path(snakemake.params.checkpoint),
            snakemake.threads,
        )

"""Packed crops and splits -> models/<detector>.pt and its loss history."""

import hashlib
import json
from pathlib import Path

import pandas as pd

from stowaway import networks, training
from stowaway.backend import Backend
from stowaway.detector import build, save_detector
from stowaway.packs import open_pack
from stowaway.run import rule_log
from stowaway.tables import read_table, write_table

TRAINED_ON = {"natives": ["train"], "all": ["train", "invasive", "unlisted"]}


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
    table = read_table(splits, ["crop_id", "role", "group"])
    rows, role = table["crop_id"].map(row_of), table["role"]
    chosen = role.isin(TRAINED_ON[settings["train_on"]])
    # an unlisted animal in a frame or burst of the validation or test part stays out with it
    chosen &= ~table["group"].isin(table.loc[role.isin(["val", "calibration", "test"]), "group"]) | (
        role != "unlisted"
    )
    train_rows, val_rows = rows[chosen].to_numpy(), rows[role == "val"].to_numpy()
    made = pack.stat()
    known_by = [settings, train_rows.tolist(), val_rows.tolist(), made.st_size, made.st_mtime_ns]
    known_by += [Path(module.__file__).read_text() for module in (networks, training)]
    backend = Backend.choose(settings["precision"], threads)
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
        compile=settings["compile"],
        checkpoint=checkpoint,
        fingerprint=hashlib.sha256(json.dumps(known_by).encode()).hexdigest(),
    )
    write_table(pd.DataFrame(history), history_path)
    save_detector(model_path, model, settings)
    checkpoint.unlink(missing_ok=True)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        train_detector(
            Path(snakemake.input.pack),
            Path(snakemake.input.index),
            Path(snakemake.input.splits),
            Path(snakemake.output.model),
            Path(snakemake.output.history),
            dict(snakemake.params.settings),
            Path(snakemake.params.checkpoint),
            snakemake.threads,
        )

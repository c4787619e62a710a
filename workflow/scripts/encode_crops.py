"""A detector and packed crops -> principal components of latents and of reconstructions.

A classifier has features for latents, and no reconstructions.
"""

from pathlib import Path

import numpy as np
import torch

from stowaway.core.files import replacing
from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.data.packs import open_pack
from stowaway.embedding.components import SPACES, fit_axes, project, save_axes
from stowaway.models.checkpoint import load_detector
from stowaway.models.device import Backend


def sample(roles: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Positions of the crops to embed: all invasive ones, the others sampled down to `most`."""
    others = np.flatnonzero(roles != "invasive")
    if len(others) > most:
        others = np.random.default_rng(seed).choice(others, most, replace=False)
    return np.sort(np.concatenate([others, np.flatnonzero(roles == "invasive")]))


def encode_crops(
    model_path: Path,
    pack: Path,
    index: Path,
    splits: Path,
    out: Path,
    out_axes: Path,
    settings: dict,
    max_native: int,
    seed: int,
    threads: int,
) -> None:
    """Unlisted species are embedded for models trained on all; the others never saw them."""
    model, _ = load_detector(model_path)
    backend = Backend.choose(settings["precision"], threads)
    model.to(backend.device, memory_format=torch.channels_last)
    pixels, row_of = open_pack(pack, index)
    table = read_table(splits, ["crop_id", "role"])
    if settings["train_on"] == "natives":
        table = table[table["role"] != "unlisted"]
    table = table.iloc[sample(table["role"].to_numpy(), max_native, seed)]
    rows = table["crop_id"].map(row_of).to_numpy()
    spaces = SPACES[:1] if settings["kind"] == "classifier" else SPACES
    axes = fit_axes(model, backend, pixels, rows, seed)[: len(spaces)]
    found = dict(zip(spaces, project(axes, model, backend, pixels, rows), strict=True))
    with replacing(out, "wb") as file:
        np.savez(file, crop_id=table["crop_id"].to_numpy(str), **found)
    save_axes(out_axes, axes)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        encode_crops(
            Path(snakemake.input.model),
            Path(snakemake.input.pack),
            Path(snakemake.input.index),
            Path(snakemake.input.splits),
            Path(snakemake.output.components),
            Path(snakemake.output.axes),
            dict(snakemake.params.settings),
            snakemake.params.max_native,
            snakemake.params.seed,
            snakemake.threads,
        )

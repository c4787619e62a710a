"""A detector and packed crops -> principal components of latents and of reconstructions.

A classifier has features for latents, and no reconstructions.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA

from stowaway.backend import INFERENCE_BATCH, Backend
from stowaway.detector import load_detector
from stowaway.packs import batches, open_pack
from stowaway.run import progress, replacing, rule_log
from stowaway.tables import read_table

COMPONENTS = 50
FITTED_ON = 1000  # crops; what PCA needs to see does not grow with the data set


def sample(roles: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Positions of the crops to embed: all invasive ones, the others sampled down to `most`."""
    others = np.flatnonzero(roles != "invasive")
    if len(others) > most:
        others = np.random.default_rng(seed).choice(others, most, replace=False)
    return np.sort(np.concatenate([others, np.flatnonzero(roles == "invasive")]))


def features(model, backend: Backend, pixels, rows: np.ndarray) -> Iterator[list[np.ndarray]]:
    """Yield (latents, outputs) of each batch, each as (n, values) float32."""
    with torch.inference_mode():
        for batch in progress(batches(rows, INFERENCE_BATCH), "encoding", "batches"):
            images = backend.images(pixels[batch])
            with backend.autocast():
                latents = model.encode(images)
                outputs = model.decode(latents)
            yield [x.float().flatten(1).cpu().numpy() for x in (latents, outputs)]


def project(model, backend: Backend, pixels, rows: np.ndarray, seed: int) -> list[np.ndarray]:
    """Principal components of latents and outputs: two (n, up to 50) float32 arrays.

    PCA is fitted on a sample of the crops, so memory does not grow with their number.
    """
    few = len(rows) <= FITTED_ON
    fitted = rows if few else np.random.default_rng(seed).choice(rows, FITTED_ON, replace=False)
    spaces = [
        np.concatenate(space)
        for space in zip(*features(model, backend, pixels, fitted), strict=True)
    ]
    reductions = [
        PCA(min(COMPONENTS, *space.shape), svd_solver="randomized", random_state=seed).fit(space)
        for space in spaces
    ]
    if few:
        found = [reduce.transform(space) for reduce, space in zip(reductions, spaces, strict=True)]
    else:
        del spaces
        parts = [
            [reduce.transform(part) for reduce, part in zip(reductions, both, strict=True)]
            for both in features(model, backend, pixels, rows)
        ]
        found = [np.concatenate(space) for space in zip(*parts, strict=True)]
    return [space.astype(np.float32) for space in found]


def encode_crops(
    model_path: Path,
    pack: Path,
    index: Path,
    splits: Path,
    out: Path,
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
    latents, outputs = project(model, backend, pixels, rows, seed)
    spaces = {"latent": latents}
    if settings["kind"] != "classifier":
        spaces["reconstruction"] = outputs
    with replacing(out, "wb") as file:
        np.savez(file, crop_id=table["crop_id"].to_numpy(str), **spaces)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        encode_crops(
            Path(snakemake.input.model),
            Path(snakemake.input.pack),
            Path(snakemake.input.index),
            Path(snakemake.input.splits),
            Path(snakemake.output.components),
            dict(snakemake.params.settings),
            snakemake.params.max_native,
            snakemake.params.seed,
            snakemake.threads,
        )

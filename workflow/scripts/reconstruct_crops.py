"""A trained network and packed crops -> a few crops of every species and their reconstructions."""

from pathlib import Path

import numpy as np
import torch

from stowaway.core.files import replacing
from stowaway.core.script import run_rule
from stowaway.data.packs import Pack
from stowaway.data.roles import Role
from stowaway.data.splits import load_crops
from stowaway.detectors.reconstruction import measure, score_of
from stowaway.models.checkpoint import load_detector
from stowaway.models.device import Device


def reconstruct_crops(
    model: Path,
    pack: Path,
    labels: Path,
    splits: Path,
    reconstructions: Path,
    examples: int,
    seed: int,
    threads: int,
) -> None:
    """Save `examples` crops of each species, of test natives and novel ones.

    `pairs` (n, 2, size, size, 3) uint8 holds each crop and its reconstruction; `species`, `role`
    and `score` (n,) belong to them.
    """
    torch.set_num_threads(threads)
    device = Device(torch.device("cpu"), torch.float32)  # few crops, and exact
    network, saved = load_detector(model)
    settings = saved["settings"]
    crops = load_crops(labels, splits)
    pixels = Pack(pack, len(crops))
    crops = crops[crops["role"].isin([Role.TEST, Role.NOVEL])]
    chosen = crops.sample(frac=1, random_state=seed).groupby("species").head(examples)
    chosen = chosen.sort_values(["species", "crop_id"])
    images = device.images(pixels[chosen["row"].to_numpy()])
    latents, reconstructed = device.reconstruct(network, images)
    measures = measure(images, latents, reconstructed, settings)
    if settings["output"] == "softmax":  # its values sum to 1: stretched, so that they show
        reconstructed = reconstructed / reconstructed.amax((1, 2, 3), keepdim=True)
    pairs = torch.stack([images, reconstructed], 1).permute(0, 1, 3, 4, 2)
    with replacing(reconstructions, "wb") as file:
        np.savez(
            file,
            pairs=(pairs * 255).round().to(torch.uint8).numpy(),
            species=chosen["species"].to_numpy(str),
            role=chosen["role"].to_numpy(str),
            score=score_of(measures, settings["score"], saved["fitted"]).numpy(),
        )


if __name__ == "__main__":
    run_rule(reconstruct_crops, snakemake)

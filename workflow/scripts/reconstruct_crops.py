"""A trained network and packed crops -> a few crops of every species and their reconstructions."""

from pathlib import Path

import numpy as np
import torch

from stowaway.core.files import replacing
from stowaway.core.script import rule_log
from stowaway.data.packs import Pack
from stowaway.data.roles import Role
from stowaway.data.splits import load_crops
from stowaway.detectors.reconstruction import measure, score_of
from stowaway.models.checkpoint import load_detector
from stowaway.models.device import Device


def reconstruct_crops(
    model_path: Path,
    pack: Path,
    labels: Path,
    splits: Path,
    out: Path,
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
    model, saved = load_detector(model_path)
    settings = saved["settings"]
    crops = load_crops(labels, splits)
    crops = crops[crops["role"].isin([Role.TEST, Role.NOVEL])]
    chosen = crops.sample(frac=1, random_state=seed).groupby("species").head(examples)
    chosen = chosen.sort_values(["species", "crop_id"])
    images = device.images(Pack(pack)[chosen["row"].to_numpy()])
    measures = measure(model, images, settings, device)
    with torch.inference_mode():
        reconstructions = model(images)
    if settings["output"] == "softmax":  # its values sum to 1: stretched, so that they show
        reconstructions = reconstructions / reconstructions.amax((1, 2, 3), keepdim=True)
    pairs = torch.stack([images, reconstructions], 1).permute(0, 1, 3, 4, 2)
    with replacing(out, "wb") as file:
        np.savez(
            file,
            pairs=(pairs * 255).round().to(torch.uint8).numpy(),
            species=chosen["species"].to_numpy(str),
            role=chosen["role"].to_numpy(str),
            score=score_of(measures, settings["score"], saved["fitted"]).numpy(),
        )


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        reconstruct_crops(
            model_path=Path(snakemake.input.model),
            pack=Path(snakemake.input.pack),
            labels=Path(snakemake.input.labels),
            splits=Path(snakemake.input.splits),
            out=Path(snakemake.output.pairs),
            examples=snakemake.params.examples,
            seed=snakemake.params.seed,
            threads=snakemake.threads,
        )

"""A detector, the axes of its map and packed crops -> the crops that are not on that map."""

from pathlib import Path

import numpy as np
import torch

from stowaway.core.files import replacing
from stowaway.core.script import BadInput, rule_log
from stowaway.data.packs import open_pack
from stowaway.embedding.components import SPACES, load_axes, project
from stowaway.models.checkpoint import load_detector
from stowaway.models.device import Backend


def encode_others(
    model_path: Path,
    axes_path: Path,
    components: Path,
    pack: Path,
    index: Path,
    out: Path,
    threads: int,
) -> None:
    """Write the other crops as `encode_crops` wrote those of the map, along the same axes."""
    model, saved = load_detector(model_path)
    pixels, row_of = open_pack(pack, index)
    size = saved["settings"]["image_size"]
    if pixels.shape[1] != size:
        raise BadInput(f"{model_path}: it takes crops of {size} px; set its image_size to that")
    backend = Backend.choose(saved["settings"]["precision"], threads)
    model.to(backend.device, memory_format=torch.channels_last)
    axes = load_axes(axes_path, backend)
    with np.load(components) as mapped:
        known = set(mapped["crop_id"].tolist())
    others = [crop for crop in row_of if crop not in known]
    rows = np.array([row_of[crop] for crop in others], int)
    spaces = dict(zip(SPACES, project(axes, model, backend, pixels, rows), strict=False))
    with replacing(out, "wb") as file:
        np.savez(file, crop_id=np.array(others, str), **spaces)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        encode_others(
            Path(snakemake.input.model),
            Path(snakemake.input.axes),
            Path(snakemake.input.components),
            Path(snakemake.input.pack),
            Path(snakemake.input.index),
            Path(snakemake.output.components),
            snakemake.threads,
        )

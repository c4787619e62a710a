"""Packed crops -> features.npy, a row of backbone features for each row of the pack."""

from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from stowaway.core.script import run_rule
from stowaway.data.packs import Pack
from stowaway.models.backbones import open_backbone
from stowaway.models.device import Device, join_batches


def extract_features(pack: Path, features: Path, backbone: dict, threads: int) -> None:
    """Write (crops, dimensions) float32, memory-mapped; memory holds one batch."""
    device = Device.choose("auto", threads)
    network = open_backbone(backbone["name"], backbone["weights"], backbone["layer"])
    network.features.to(device.device)
    pixels = Pack(pack)
    temporary = features.with_name(f".{features.name}.part")

    def extract(images: Tensor) -> dict[str, Tensor]:
        with device.autocast():
            return {"features": network(images)}

    images = device.read_rows(pixels, np.arange(len(pixels)), "features")
    allocate = partial(np.lib.format.open_memmap, temporary, "w+")
    join_batches(map(extract, images), len(pixels), allocate)["features"].flush()
    temporary.replace(features)


if __name__ == "__main__":
    run_rule(extract_features, snakemake)

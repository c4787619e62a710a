"""Packed crops -> features.npy, a row of backbone features for each row of the pack."""

from pathlib import Path

import numpy as np

from stowaway.core.files import replacing
from stowaway.core.script import run_rule
from stowaway.data.packs import Pack, write_header
from stowaway.models.backbones import open_backbone
from stowaway.models.device import Device


def extract_features(pack: Path, features: Path, backbone: dict, threads: int) -> None:
    """Write (crops, dimensions) float32; memory holds one batch."""
    device = Device.choose("auto", threads)
    network = open_backbone(backbone["name"], backbone["weights"], backbone["layer"])
    network.features.to(device.device)
    pixels = Pack(pack)
    with replacing(features, "wb") as file:
        for images in device.read_rows(pixels, np.arange(len(pixels)), "features"):
            with device.autocast():
                values = network(images).float().cpu().numpy()
            if not file.tell():
                write_header(file, (len(pixels), values.shape[1]), np.float32)
            file.write(np.ascontiguousarray(values))


if __name__ == "__main__":
    run_rule(extract_features, snakemake)

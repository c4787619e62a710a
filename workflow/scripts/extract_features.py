"""Packed crops -> features.npy, a row for each row of the pack, and how they were computed."""

import json
from pathlib import Path

import numpy as np

from stowaway.core.files import replacing
from stowaway.core.script import run_rule
from stowaway.data.packs import Pack, write_header
from stowaway.models.backbones import BATCH, NAMED, open_backbone
from stowaway.models.device import Device
from stowaway.models.facts import check_backbone


def extract_features(
    pack: Path, features: Path, facts: Path, backbone: dict, trained: dict | None, threads: int
) -> None:
    """Write (crops, dimensions) float32, and the backbone's facts; memory holds one batch.

    `trained` has the name `run` and the `backbone` of the run whose models score a batch. Then the
    features are computed as they were there, in the same precision too. Raises `BadInput` where the
    backbone is another one.
    """
    device = Device.choose(trained["backbone"]["precision"] if trained else "auto", threads)
    network = open_backbone(*(backbone[key] for key in NAMED))
    known = {key: backbone[key] for key in ("name", "layer", "image_size", "aspect")}
    known |= {"weights_sha256": network.checksum(), "precision": device.precision_name}
    known |= {"trained_on": network.trained_on, "licence": network.licence}
    if trained:
        check_backbone(trained["run"], trained["backbone"], known)
    network.features.to(device.device)
    pixels = Pack(pack)
    with replacing(features, "wb") as file:
        for images in device.read_rows(pixels, np.arange(len(pixels)), "features", BATCH):
            with device.autocast():
                values = network(images).float().cpu().numpy()
            if not file.tell():
                write_header(file, (len(pixels), values.shape[1]), np.float32)
            file.write(np.ascontiguousarray(values))
    with replacing(facts) as file:
        json.dump(known, file, indent=1)


if __name__ == "__main__":
    run_rule(extract_features, snakemake)

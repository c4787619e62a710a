"""Packed crops -> features.npy, a row of backbone features for each row of the pack."""

from pathlib import Path

import numpy as np

from stowaway.core.progress import progress
from stowaway.core.script import rule_log
from stowaway.data.packs import Pack, batches
from stowaway.models.backbones import open_backbone
from stowaway.models.device import INFERENCE_BATCH, Backend


def pack_features(pack: Path, out: Path, backbone: dict, threads: int) -> None:
    """Write (crops, dimensions) float32, memory-mapped; memory holds one batch."""
    backend = Backend.choose("auto", threads)
    network = open_backbone(backbone["name"], backbone["weights"], backbone["layer"])
    network.features.to(backend.device)
    pixels = Pack(pack)
    temporary, array = out.with_name(f".{out.name}.part"), None
    every = batches(np.arange(len(pixels)), INFERENCE_BATCH)
    read = backend.read(pixels, progress(every, "features", "batches"))
    for rows, images in zip(every, read, strict=True):
        with backend.autocast():
            features = network(images).float().cpu().numpy()
        if array is None:
            shape = len(pixels), features.shape[1]
            array = np.lib.format.open_memmap(temporary, "w+", np.float32, shape)
        array[rows] = features
    array.flush()
    temporary.replace(out)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        pack_features(
            Path(snakemake.input.pack),
            Path(snakemake.output.features),
            snakemake.params.backbone,
            snakemake.threads,
        )

"""A detector and packed crops -> a few crops of every species and their reconstructions."""

from pathlib import Path

import numpy as np
import torch

from stowaway.core.files import replacing
from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.data.packs import open_pack
from stowaway.detectors.reconstruction import look, score_of
from stowaway.models.checkpoint import load_detector
from stowaway.models.device import Backend


def reconstruct_crops(
    model_path: Path, pack: Path, index: Path, splits: Path, out: Path, examples: int, seed: int
) -> None:
    """Save test natives and invasive crops, `examples` of each species, as uint8 pairs."""
    model, saved = load_detector(model_path)
    backend = Backend(torch.device("cpu"), torch.float32)
    pixels, row_of = open_pack(pack, index)
    table = read_table(splits, ["crop_id", "species", "role"])
    table = table[table["role"].isin(["test", "invasive"])]
    chosen = table.sample(frac=1, random_state=seed).groupby("species").head(examples)
    chosen = chosen.sort_values(["species", "crop_id"])
    images = backend.images(pixels[chosen["crop_id"].map(row_of).to_numpy()])
    settings = saved["settings"]
    seen = look(model, images, settings, backend)
    scores = score_of(seen, settings["score"], saved["fitted"]).float().numpy()
    with torch.inference_mode():
        outputs = model(images)
    if settings["output"] == "softmax":  # its values sum to 1: stretch to be seen
        outputs = outputs / outputs.amax((1, 2, 3), keepdim=True)
    pairs = torch.stack([images, outputs], 1).permute(0, 1, 3, 4, 2)
    with replacing(out, "wb") as file:
        np.savez(
            file,
            pairs=(pairs * 255).round().to(torch.uint8).numpy(),
            species=chosen["species"].to_numpy(str),
            role=chosen["role"].to_numpy(str),
            score=scores,
        )


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        torch.set_num_threads(snakemake.threads)
        reconstruct_crops(
            Path(snakemake.input.model),
            Path(snakemake.input.pack),
            Path(snakemake.input.index),
            Path(snakemake.input.splits),
            Path(snakemake.output.pairs),
            snakemake.params.examples,
            snakemake.params.seed,
        )

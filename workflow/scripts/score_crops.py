"""A trained detector and packed crops -> scores/<detector>.csv; higher = more anomalous."""

from pathlib import Path

import torch

from stowaway.backend import INFERENCE_BATCH, Backend
from stowaway.detector import correlation_of, error_of, load_detector, score_of
from stowaway.packs import batches, open_pack
from stowaway.run import progress, rule_log
from stowaway.tables import read_table, write_table


def score_crops(
    model_path: Path, pack: Path, index: Path, splits: Path, out: Path, threads: int
) -> None:
    """Score every crop in the splits table."""
    model, saved = load_detector(model_path)
    settings = saved["settings"]
    backend = Backend.choose(settings["precision"], threads)
    model.to(backend.device, memory_format=torch.channels_last)
    pixels, row_of = open_pack(pack, index)
    table = read_table(splits, ["crop_id", "species", "role", "event"])
    rows = table["crop_id"].map(row_of).to_numpy()
    parts = []
    with torch.inference_mode():
        for batch in progress(batches(rows, INFERENCE_BATCH), "scoring", "batches"):
            images = backend.images(pixels[batch])
            with backend.autocast():
                outputs = model(images)
            outputs = outputs.float()
            error, correlation = error_of(images, outputs), correlation_of(images, outputs)
            score = score_of(error, correlation, settings["score"])
            parts.append(torch.stack([score, error, correlation]).cpu())
    table[["score", "error", "correlation"]] = torch.cat(parts, 1).T.numpy()
    write_table(table, out)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        score_crops(
            Path(snakemake.input.model),
            Path(snakemake.input.pack),
            Path(snakemake.input.index),
            Path(snakemake.input.splits),
            Path(snakemake.output.scores),
            snakemake.threads,
        )

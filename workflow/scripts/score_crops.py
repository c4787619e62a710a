"""A trained detector and packed crops -> scores/<detector>.csv; higher = more anomalous."""

from pathlib import Path

import numpy as np
import torch

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table
from stowaway.data.packs import open_pack
from stowaway.detectors.reconstruction import looks, score_of
from stowaway.models.checkpoint import load_detector
from stowaway.models.device import Backend


def score_crops(
    model_path: Path, pack: Path, index: Path, splits: Path, out: Path, threads: int
) -> None:
    """Score every crop in the splits table; a classifier has no error and no correlation."""
    model, saved = load_detector(model_path)
    settings = saved["settings"]
    backend = Backend.choose(settings["precision"], threads)
    model.to(backend.device, memory_format=torch.channels_last)
    pixels, row_of = open_pack(pack, index)
    table = read_table(splits, ["crop_id", "species", "role", "event"])
    rows = table["crop_id"].map(row_of).to_numpy()
    fitted = {key: value.to(backend.device) for key, value in saved["fitted"].items()}
    # made beforehand: what is kept of each batch would lie between large tensors of the next ones
    found, done = np.empty((len(rows), 3), np.float32), 0
    for seen in looks(model, pixels, rows, settings, backend):
        score = score_of(seen, settings["score"], fitted)
        unknown = torch.full_like(score, torch.nan)
        columns = score, seen.get("error", unknown), seen.get("correlation", unknown)
        found[done : done + len(score)] = torch.stack(columns, 1).float().cpu().numpy()
        done += len(score)
    table[["score", "error", "correlation"]] = found
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

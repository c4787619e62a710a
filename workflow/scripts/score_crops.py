"""A trained detector and packed crops -> scores/<detector>.csv; higher = more anomalous."""

from pathlib import Path

import torch

from stowaway.backend import Backend
from stowaway.detector import load_detector
from stowaway.packs import open_pack
from stowaway.run import rule_log
from stowaway.scores import looks, score_of
from stowaway.tables import read_table, write_table


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
    parts = []
    for seen in looks(model, pixels, rows, settings, backend):
        score = score_of(seen, settings["score"], fitted)
        unknown = torch.full_like(score, torch.nan)
        columns = score, seen.get("error", unknown), seen.get("correlation", unknown)
        parts.append(torch.stack(columns).float().cpu())
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

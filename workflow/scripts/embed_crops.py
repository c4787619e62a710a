"""Principal components -> one t-SNE of natives and invaders together, per space."""

from pathlib import Path

import numpy as np
import pandas as pd
from openTSNE import TSNE

from stowaway.run import rule_log
from stowaway.tables import read_table, write_table

SAME = 1e-5  # of a pixel's range of 1: what is left of identical crops after rounding


def allowed_perplexity(wanted: int, n: int) -> int:
    """The wanted perplexity, or the largest that `n` points allow (three neighbours for each)."""
    return max(1, min(wanted, (n - 1) // 3))


def embed(points: np.ndarray, perplexity: int, seed: int, threads: int) -> np.ndarray:
    """t-SNE coordinates (n, 2) of (n, d) points; fewer than four, or identical, are all at 0."""
    if len(points) < 4 or np.ptp(points, axis=0).max() < SAME:
        return np.zeros((len(points), 2))
    tsne = TSNE(
        perplexity=allowed_perplexity(perplexity, len(points)),
        metric="euclidean",
        random_state=seed,
        n_jobs=threads,
        verbose=True,
    )
    return np.asarray(tsne.fit(points.astype(float)))


def embed_crops(
    components: Path, splits: Path, out: Path, perplexity: int, seed: int, threads: int
) -> None:
    """Write crop, species, role, the perplexity used, and the coordinates in each space."""
    with np.load(components) as saved:
        table = pd.DataFrame({"crop_id": saved["crop_id"]})
        spaces = {space: saved[space] for space in saved.files if space != "crop_id"}
    table = table.merge(
        read_table(splits, ["crop_id", "species", "role"]), on="crop_id", how="left"
    )
    table["perplexity"] = allowed_perplexity(perplexity, len(table))
    for space, points in spaces.items():
        table[[f"{space}_x", f"{space}_y"]] = embed(points, perplexity, seed, threads).round(4)
    write_table(table, out)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        embed_crops(
            Path(snakemake.input.components),
            Path(snakemake.input.splits),
            Path(snakemake.output.embedding),
            int(snakemake.wildcards.perplexity),
            snakemake.params.seed,
            snakemake.threads,
        )

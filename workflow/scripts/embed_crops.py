"""Principal components -> t-SNE of natives and invaders together, per space and perplexity."""

from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table
from stowaway.embedding.tsne import TSNE, PerplexityBasedNN, alike, allowed_perplexity

# Iterations: half of openTSNE's usual ones keep the same neighbours. Of 10,000 crops on, the push
# between crops is interpolated on a grid; one of half as many lines takes a third of the time, and
# the last iterations on the full one bring back what it blurs.
COARSE = {"early_exaggeration_iter": 125, "n_iter": 250, "ints_in_interval": 2}
FINE = {"n_iter": 50, "ints_in_interval": 1}


def embed(
    points: np.ndarray, perplexities: list[int], seed: int, threads: int
) -> dict[int, np.ndarray]:
    """Perplexity wanted -> t-SNE coordinates (n, 2) of (n, d) points; of `alike` ones all at 0.

    Neighbours are found once, for the largest perplexity, and exactly: up to 100,000 points that is
    as quick as approximately, and the same whatever the number of threads.
    """
    if alike(points):
        return {perplexity: np.zeros((len(points), 2)) for perplexity in perplexities}
    points = points.astype(float)
    allowed = {wanted: allowed_perplexity(wanted, len(points)) for wanted in perplexities}
    affinities = PerplexityBasedNN(
        points, max(allowed.values()), method="exact", n_jobs=threads, verbose=True
    )
    found = {}
    for wanted in perplexities:
        affinities.set_perplexity(allowed[wanted])
        rough = TSNE(random_state=seed, n_jobs=threads, verbose=True, **COARSE)
        found[wanted] = np.asarray(rough.fit(points, affinities).optimize(momentum=0.8, **FINE))
    return found


def embed_crops(
    components: Path, splits: Path, outs: dict[int, Path], seed: int, threads: int
) -> None:
    """Write crop, species, role, the perplexity used, and the coordinates in each space.

    `outs` has the file of each perplexity.
    """
    with np.load(components) as saved:
        table = pd.DataFrame({"crop_id": saved["crop_id"]})
        spaces = {space: saved[space] for space in saved.files if space != "crop_id"}
    table = table.merge(
        read_table(splits, ["crop_id", "species", "role"]), on="crop_id", how="left"
    )
    maps = {space: embed(points, [*outs], seed, threads) for space, points in spaces.items()}
    for perplexity, out in outs.items():
        table["perplexity"] = allowed_perplexity(perplexity, len(table))
        for space, found in maps.items():
            table[[f"{space}_x", f"{space}_y"]] = found[perplexity].round(4)
        write_table(table, out)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        embed_crops(
            Path(snakemake.input.components),
            Path(snakemake.input.splits),
            dict(zip(snakemake.params.perplexities, map(Path, snakemake.output), strict=True)),
            snakemake.params.seed,
            snakemake.threads,
        )

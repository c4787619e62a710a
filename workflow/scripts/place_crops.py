"""A map and the components of other crops -> where these lie on it; no crop of the map moves."""

from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.core.progress import progress
from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table
from stowaway.data.packs import batches
from stowaway.embedding.tsne import PerplexityBasedNN, TSNEEmbedding, alike, allowed_perplexity

NEAREST = 5  # perplexity of a placed crop: it goes to few of the map's crops, the likest
AT_ONCE = 5_000  # crops; each is placed by itself, so it matters to the memory alone


def place(
    points: np.ndarray, others: np.ndarray, coordinates: np.ndarray, seed: int, threads: int
) -> np.ndarray:
    """Coordinates (m, 2) of `others` (m, d) on the map of `points` (n, d) at `coordinates` (n, 2).

    Each is drawn to the likest of `points` and pushed off by all of them, as these were when the
    map was made; `others` do not see each other, so that the same crop lies at the same place
    whatever comes with it.
    """
    if alike(points) or not len(others):
        return np.zeros((len(others), 2))
    perplexity = allowed_perplexity(NEAREST, len(points))
    affinities = PerplexityBasedNN(points.astype(float), perplexity, method="exact", n_jobs=threads)
    middle = (coordinates.max(0) + coordinates.min(0)) / 2  # openTSNE takes it off
    known = TSNEEmbedding(coordinates - middle, affinities, random_state=seed, n_jobs=threads)
    parts = [
        np.asarray(known.transform(others[some].astype(float), perplexity=perplexity))
        for some in progress(batches(np.arange(len(others)), AT_ONCE), "placing", "batches")
    ]
    return np.concatenate(parts) + middle


def place_crops(
    components: Path,
    embedding: Path,
    others: Path,
    labels: Path,
    out: Path,
    seed: int,
    threads: int,
) -> None:
    """Write crop, species and coordinates in each space of the crops that are not on the map."""
    known = read_table(embedding)
    with np.load(components) as mapped, np.load(others) as saved:
        table = pd.DataFrame({"crop_id": saved["crop_id"]})
        species = read_table(labels, ["crop_id", "species_label"]).set_index("crop_id")
        table["species"] = table["crop_id"].map(species["species_label"])
        for space in [name for name in mapped.files if name != "crop_id"]:
            columns = [f"{space}_x", f"{space}_y"]
            at = known.set_index("crop_id").loc[mapped["crop_id"], columns].to_numpy()
            table[columns] = place(mapped[space], saved[space], at, seed, threads).round(4)
    write_table(table, out)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        place_crops(
            Path(snakemake.input.components),
            Path(snakemake.input.embedding),
            Path(snakemake.input.others),
            Path(snakemake.input.labels),
            Path(snakemake.output.placed),
            snakemake.params.seed,
            snakemake.threads,
        )

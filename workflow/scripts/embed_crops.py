"""Principal components of crops -> their t-SNE coordinates, per space and perplexity."""

from pathlib import Path

from stowaway.core.script import run_rule
from stowaway.core.tables import write_table
from stowaway.embedding.points import load_points
from stowaway.embedding.tsne import allowed_perplexity, embed


def embed_crops(
    components: Path, maps: list[Path], perplexities: list[int], seed: int, threads: int
) -> None:
    """Write a map for each perplexity: crop, species, role, perplexity used, and coordinates."""
    table, spaces = load_points(components)
    coordinates = {
        space: embed(points, perplexities, seed, threads) for space, points in spaces.items()
    }
    for perplexity, path in zip(perplexities, maps, strict=True):
        table["perplexity"] = allowed_perplexity(perplexity, len(table))
        for space, by_perplexity in coordinates.items():
            table[[f"{space}_x", f"{space}_y"]] = by_perplexity[perplexity].round(4)
        write_table(table, path)


if __name__ == "__main__":
    run_rule(embed_crops, snakemake)

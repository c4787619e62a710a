"""A map and the points of other crops -> their coordinates on it; no crop of the map moves."""

from pathlib import Path

from stowaway.core.files import reading
from stowaway.core.script import run_rule
from stowaway.core.tables import read_table, write_table
from stowaway.embedding.points import load_points
from stowaway.embedding.tsne import place


def place_crops(
    components: Path, embedding: Path, others: Path, placed: Path, seed: int, threads: int
) -> None:
    """Write crop, species and coordinates in each space of the other crops."""
    mapped, spaces = load_points(components)
    coordinates = read_table(embedding).set_index("crop_id")
    table, points = load_points(others)
    for space in spaces:
        columns = [f"{space}_x", f"{space}_y"]
        with reading(embedding):
            at = coordinates.loc[mapped["crop_id"], columns].to_numpy()
        table[columns] = place(spaces[space], points[space], at, seed, threads).round(4)
    write_table(table, placed)


if __name__ == "__main__":
    run_rule(place_crops, snakemake)

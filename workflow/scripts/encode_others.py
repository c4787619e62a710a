"""A detector, the axes of a map and packed crops -> the points of the crops to place on the map."""

from pathlib import Path

from stowaway.core.script import run_rule
from stowaway.core.tables import read_table
from stowaway.embedding.components import Encoder, load_axes
from stowaway.embedding.points import load_points, save_points


def encode_others(
    model: Path,
    axes: Path,
    mapped: Path,
    pack: Path,
    labels: Path,
    others: Path,
    own_map: bool,
    threads: int,
) -> None:
    """Write the points of this run's crops; on its own map, only of those not `mapped` already.

    Another run may use the same crop ids for other crops, so all are placed on its map. Row i of
    the labels is row i of the pack.
    """
    crops = read_table(labels, ["crop_id", "species_label"])
    crops = crops.rename(columns={"species_label": "species"})
    encoder = Encoder.open(model, pack, threads, len(crops))
    if own_map:
        crops = crops[~crops["crop_id"].isin(load_points(mapped)[0]["crop_id"])]
    points = encoder.project(load_axes(axes, encoder.device.device), crops.index.to_numpy())
    save_points(others, crops[["crop_id", "species"]], points)


if __name__ == "__main__":
    run_rule(encode_others, snakemake)

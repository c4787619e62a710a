"""From a detector and packed crops to a map, and other crops on it."""

import numpy as np
import pandas as pd
import pytest

from embed_crops import embed_crops
from encode_crops import encode_crops, sample
from encode_others import encode_others
from place_crops import place_crops
from stowaway.data.roles import Role
from stowaway.embedding.points import load_points, save_points
from stowaway.models.checkpoint import build, save_detector

SETTINGS = {
    "kind": "dense",
    "image_size": 16,
    "layers": [32, 8, 32],
    "output": "sigmoid",
    "precision": "float32",
    "seed": 3,
}
CROPS = 64
ROLES = [Role.TRAIN] * 30 + [Role.VAL] * 4 + [Role.TEST] * 14 + [Role.NOVEL] * 8
ROLES += [Role.UNLISTED] * 8


def write_labels(path, ids) -> None:
    """Labels of crops that are an event each; every column that a crop with a role needs."""
    species = [{"novel": "rat", "unlisted": "bug"}.get(role, "fox") for role in ROLES]
    labels = pd.DataFrame({"image_path": "x.jpg", "species_label": species, "crop_id": ids})
    labels["event"] = [f"e{n}" for n in range(CROPS)]
    labels["location"] = labels["datetime"] = ""
    labels["crop_width"] = labels["crop_height"] = 16
    for column in ("image_id", "photo_checksum", "crop_checksum"):
        labels[column] = [f"{column}{n}" for n in range(CROPS)]
    labels["label"] = species
    labels.to_csv(path, index=False)


@pytest.fixture
def run(tmp_path, moving_squares):
    """A folder with a detector, packed crops, their labels and their roles."""
    save_detector(tmp_path / "m.pt", build(SETTINGS), SETTINGS, {})
    np.save(tmp_path / "16.npy", moving_squares)
    write_labels(tmp_path / "labels.csv", [f"c{n}" for n in range(CROPS)])
    labels = pd.read_csv(tmp_path / "labels.csv")
    splits = labels[["event"]].assign(
        species=labels["species_label"], group=labels["event"], role=ROLES, location="", boxes=1
    )
    splits.to_csv(tmp_path / "splits.csv", index=False)
    return tmp_path


def encode(run, train_on="natives", max_native=20):
    inputs = (run / name for name in ("m.pt", "16.npy", "labels.csv", "splits.csv"))
    encode_crops(*inputs, run / "c.npz", run / "axes.npz", train_on, max_native, 1, 1)
    return load_points(run / "c.npz")


def encode_the_others(run, own_map: bool, labels="labels.csv"):
    names = "m.pt", "axes.npz", "c.npz", "16.npy", labels, "others.npz"
    encode_others(*(run / name for name in names), own_map, 1)
    return load_points(run / "others.npz")


def test_natives_are_sampled_and_novel_crops_never():
    roles = np.array(ROLES)
    chosen = roles[sample(roles, 20, 1)]
    assert (chosen == "novel").sum() == 8
    assert len(chosen) == 28
    assert np.array_equal(sample(roles, 20, 1), sample(roles, 20, 1))
    assert np.array_equal(sample(roles, 1000, 1), np.arange(CROPS))


def test_unlisted_species_are_on_the_map_of_a_model_of_all_alone(run):
    crops, points = encode(run, max_native=1000)
    assert crops["role"].tolist() == ROLES[:56]
    assert crops["crop_id"].tolist() == [f"c{n}" for n in range(56)]
    assert {space: len(p) for space, p in points.items()} == {"latent": 56, "reconstruction": 56}
    assert encode(run, "all", 1000)[0]["role"].tolist() == ROLES


def test_on_its_own_map_the_crops_that_are_not_there_are_placed(run):
    mapped, _ = encode(run)
    others, points = encode_the_others(run, own_map=True)
    assert len(mapped) == 28
    ids = set(mapped["crop_id"])
    assert others["crop_id"].tolist() == [f"c{n}" for n in range(CROPS) if f"c{n}" not in ids]
    assert others["species"].tolist()[-8:] == ["bug"] * 8
    assert len(points["latent"]) == len(points["reconstruction"]) == CROPS - 28


def test_on_another_runs_map_crops_with_the_ids_of_that_map_are_placed_too(run):
    mapped, points = encode(run)
    ids = [*mapped["crop_id"], *(f"new{n}" for n in range(CROPS - len(mapped)))]
    write_labels(run / "april.csv", ids)
    others, others_points = encode_the_others(run, own_map=False, labels="april.csv")
    assert others["crop_id"].tolist() == ids
    rows = [int(name[1:]) for name in mapped["crop_id"]]  # rows of the pack
    for space in points:  # row i of april.csv is row i of the pack
        assert np.allclose(others_points[space][rows], points[space], atol=1e-4)


def test_a_map_for_each_perplexity_has_both_spaces_of_natives_and_novel_together(tmp_path):
    rng = np.random.default_rng(0)
    ids = [f"c{n}" for n in range(30)][::-1]
    crops = pd.DataFrame({"crop_id": ids, "species": "fox", "role": "test"})
    crops.loc[:3, ["species", "role"]] = "rat", "novel"
    spaces = {"latent": rng.random((30, 4)), "reconstruction": rng.random((30, 4))}
    save_points(tmp_path / "c.npz", crops, spaces)
    maps = [tmp_path / "p50.csv", tmp_path / "p3.csv"]
    embed_crops(tmp_path / "c.npz", maps, [50, 3], 1, 1)
    for path, perplexity in zip(maps, (9, 3), strict=True):
        table = pd.read_csv(path)
        assert ",".join(table) == (
            "crop_id,species,role,perplexity,latent_x,latent_y,reconstruction_x,reconstruction_y"
        )
        assert table[list(crops)].equals(crops)
        assert set(table["perplexity"]) == {perplexity}
        assert table["latent_x"].nunique() == 30


def test_a_copy_of_a_crop_of_the_map_is_placed_on_it(tmp_path):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(90, 5)) + 12 * np.eye(5)[np.arange(90) % 3]
    crops = pd.DataFrame({"crop_id": [f"c{n}" for n in range(90)], "species": "fox", "role": "val"})
    save_points(tmp_path / "c.npz", crops, {"latent": points})
    embed_crops(tmp_path / "c.npz", [tmp_path / "p.csv"], [10], 1, 1)
    new = pd.DataFrame({"crop_id": ["new"], "species": ["NA"]})
    save_points(tmp_path / "others.npz", new, {"latent": points[5:6]})
    table = pd.read_csv(tmp_path / "p.csv")
    table[::-1].to_csv(tmp_path / "p.csv", index=False)  # rows are matched by crop
    names = "c.npz", "p.csv", "others.npz", "placed.csv"
    place_crops(*(tmp_path / name for name in names), 1, 1)
    placed = pd.read_csv(tmp_path / "placed.csv", keep_default_na=False)
    assert list(placed) == ["crop_id", "species", "latent_x", "latent_y"]
    assert placed.loc[0, ["crop_id", "species"]].tolist() == ["new", "NA"]
    columns = ["latent_x", "latent_y"]
    distance = np.linalg.norm(placed.loc[0, columns] - table.loc[5, columns])
    assert distance < 0.1 * np.ptp(table[columns].to_numpy())

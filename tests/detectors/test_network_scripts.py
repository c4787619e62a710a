"""Networks of every kind and score, from packed crops to the tables, on crops drawn here."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from reconstruct_crops import reconstruct_crops
from score_crops import score_crops
from stowaway.data.roles import Role
from stowaway.models.checkpoint import load_detector
from train_detector import fingerprint, train_detector, training_rows

COMMON = {"image_size": 32, "epochs": 3, "patience": None, "batch_size": 8, "learning_rate": 1e-3}
COMMON |= {"train_on": "natives", "precision": "float32", "seed": 1, "output": "sigmoid"}
COMMON |= {"loss": "mse", "augment": False}
KINDS = {
    "dense": {"kind": "dense", "layers": [32, 8, 32]},
    "convolutional": {"kind": "convolutional", "layers": [8, 8]},
}
SCORES = ["error", "correlation", "complexity", "latent_knn"]


@pytest.fixture
def site(tmp_path):
    """Red ants, green bees and, novel, noisy rats: 32 px crops, three frames to an event."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 60, (60, 32, 32, 3), dtype=np.uint8)
    pixels[:24, 8:24, 8:24, 0] = 220
    pixels[24:48, 4:28, 12:20, 1] = 220
    pixels[48:] = rng.integers(0, 256, (12, 32, 32, 3))
    np.save(tmp_path / "32.npy", pixels)
    labels = pd.DataFrame({"crop_id": [f"c{n}" for n in range(60)]})
    labels["species_label"] = ["ant"] * 24 + ["bee"] * 24 + ["rat"] * 12
    labels["event"] = [f"e{n // 3}" for n in range(60)]
    labels["image_id"] = [f"i{n}" for n in range(60)]
    labels.to_csv(tmp_path / "labels.csv", index=False)
    splits = labels.rename(columns={"species_label": "species"})[["event", "species"]]
    splits = splits.assign(
        group=splits["event"],
        location="A",
        role=["train" if n % 24 < 15 else "val" if n % 24 < 18 else "test" for n in range(60)],
    )
    splits.loc[48:, "role"] = "novel"
    splits.drop_duplicates().to_csv(tmp_path / "splits.csv", index=False)
    return tmp_path


def trained(site, settings: dict, name: str = "x") -> list:
    """Train, and return what every later step takes first: model, pack, labels, splits."""
    inputs = [site / "32.npy", site / "labels.csv", site / "splits.csv"]
    model, history = site / f"{name}.pt", site / f"{name}.history.csv"
    train_detector(*inputs, [Path(__file__)], model, history, settings, site / "checkpoint", 1)
    assert not (site / "checkpoint").exists()
    return [model, *inputs]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("score", SCORES)
def test_every_score_goes_from_pixels_to_the_tables(site, kind, score):
    inputs = trained(site, COMMON | KINDS[kind] | {"score": score})
    score_crops(*inputs, site / "scores.csv", 1)
    scores = pd.read_csv(site / "scores.csv")
    assert list(scores) == ["crop_id", "score", "error", "correlation"]
    assert scores["crop_id"].tolist() == [f"c{n}" for n in range(60)]
    assert np.isfinite(scores.drop(columns="crop_id")).all(axis=None)
    assert scores["score"].nunique() > 30
    if score in ("error", "correlation"):
        expected = scores["error"] if score == "error" else 1 - scores["correlation"]
        np.testing.assert_allclose(scores["score"], expected, rtol=1e-5)
    reconstruct_crops(*inputs, site / "pairs.npz", 2, 1, 1)
    pairs = np.load(site / "pairs.npz")
    assert pairs["pairs"].shape == (6, 2, 32, 32, 3) and pairs["pairs"].dtype == np.uint8
    assert pairs["species"].tolist() == ["ant", "ant", "bee", "bee", "rat", "rat"]
    assert pairs["role"].tolist() == ["test"] * 4 + ["novel"] * 2
    chosen = [
        np.abs(np.load(inputs[1]) - pair).sum((1, 2, 3)).argmin() for pair in pairs["pairs"][:, 0]
    ]
    np.testing.assert_allclose(pairs["score"], scores["score"][chosen], rtol=1e-3, atol=1e-4)


def test_a_seed_gives_the_same_file(site):
    settings = COMMON | KINDS["convolutional"] | {"score": "latent_knn", "augment": True}
    models = [load_detector(trained(site, settings, name)[0])[1] for name in ("x", "y")]
    for part in ("state_dict", "fitted"):
        torch.testing.assert_close(models[0][part], models[1][part], rtol=0, atol=0)
    assert models[0]["settings"] == settings


def test_a_training_on_all_leaves_out_who_shares_a_photo_with_held_out_natives():
    crops = pd.DataFrame(
        [
            ("a", Role.TRAIN),
            ("a", Role.UNLISTED),
            ("b", Role.VAL),
            ("b", Role.UNLISTED),
            ("c", Role.TEST),
            ("c", Role.NOVEL),
            ("c", Role.UNLISTED),
            ("d", Role.CALIBRATION),
            ("e", Role.UNLISTED),
        ],
        columns=["group", "role"],
    )
    crops["row"] = np.arange(9) + 10
    assert training_rows(crops, "natives").tolist() == [10]
    assert training_rows(crops, "all").tolist() == [10, 11, 15, 18]


def test_a_fingerprint_changes_with_all_that_weights_depend_on(tmp_path):
    pack, module = tmp_path / "p.npy", tmp_path / "m.py"
    pack.write_bytes(b"x")
    module.write_text("a = 1")

    def of(settings=COMMON, train=3, val=2):
        return fingerprint(settings, [np.arange(train), np.arange(val)], pack, [module])

    first = of()
    assert of() == first
    prints = {first, of(COMMON | {"seed": 2}), of(train=2, val=3)}
    module.write_text("a = 2")
    prints.add(of())
    pack.write_bytes(b"xy")
    prints.add(of())
    assert len(prints) == 5

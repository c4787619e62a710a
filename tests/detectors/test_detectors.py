"""Detectors of every kind and score, from packed crops to the tables, on crops drawn here."""

import numpy as np
import pandas as pd
import pytest
import torch
from test_config import SCHEMA, config, merged  # noqa: F401 - a fixture

from encode_crops import encode_crops
from evaluate_detector import evaluate_detector
from reconstruct_crops import reconstruct_crops
from score_crops import score_crops
from stowaway.core.config import check_config
from stowaway.detectors.reconstruction import look
from stowaway.models.checkpoint import build, load_detector
from stowaway.models.device import Backend
from train_detector import lessons, train_detector

CPU = Backend(torch.device("cpu"), torch.float32)
COMMON = {"image_size": 32, "epochs": 3, "patience": None, "batch_size": 8, "learning_rate": 1e-3}
COMMON |= {"train_on": "natives", "precision": "float32", "compile": False, "seed": 1}
KINDS = {
    "dense": {"kind": "dense", "layers": [32, 8, 32], "output": "sigmoid"},
    "convolutional": {"kind": "convolutional", "layers": [8, 8], "output": "sigmoid"},
    "classifier": {"kind": "classifier", "layers": [8, 16]},
}
SCORES = {
    "dense": ["error", "correlation", "complexity", "latent_knn"],
    "convolutional": ["error", "complexity", "latent_knn"],
    "classifier": ["energy", "logit", "msp", "vim", "latent_knn"],
}


@pytest.fixture
def complete(config):  # noqa: F811
    """A function that gives a detector's settings as the workflow does, defaults and all."""

    def made(kind: str, **changes) -> dict:
        entry = COMMON | KINDS[kind] | changes
        return check_config(merged(config, {"detectors": {"x": entry}}), SCHEMA)["detectors"]["x"]

    return made


@pytest.fixture
def site(tmp_path):
    """Red ants, green bees and, novel, noisy rats: 32 px crops, three frames to an event."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 60, (60, 32, 32, 3), dtype=np.uint8)
    pixels[:24, 8:24, 8:24, 0] = 220
    pixels[24:48, 4:28, 12:20, 1] = 220
    pixels[48:] = rng.integers(0, 256, (12, 32, 32, 3))
    np.save(tmp_path / "32.npy", pixels)
    table = pd.DataFrame({"crop_id": [f"c{n}" for n in range(60)]})
    table["species"] = ["ant"] * 24 + ["bee"] * 24 + ["rat"] * 12
    table["event"] = table["group"] = [f"e{n // 3}" for n in range(60)]
    table["role"] = [
        "train" if n % 24 < 15 else "val" if n % 24 < 18 else "test" for n in range(60)
    ]
    table.loc[48:, "role"] = "invasive"
    table.to_csv(tmp_path / "splits.csv", index=False)
    table[["crop_id"]].assign(row=range(60)).to_csv(tmp_path / "32.csv", index=False)
    return tmp_path


def trained(site, settings: dict, name: str = "x") -> list:
    """Train, and return what every later step takes first: model, pack, index, splits."""
    first = [site / "32.npy", site / "32.csv", site / "splits.csv"]
    model, history = site / f"{name}.pt", site / f"{name}.history.csv"
    train_detector(*first, model, history, dict(settings), site / f"{name}.checkpoint", 1)
    return [model, *first]


@pytest.mark.parametrize(
    ("kind", "score"), [(kind, score) for kind, scores in SCORES.items() for score in scores]
)
def test_every_score_goes_from_pixels_to_the_tables(site, complete, kind, score):
    settings = complete(kind, score=score)
    inputs = trained(site, settings)
    score_crops(*inputs, site / "scores.csv", 1)
    scores = pd.read_csv(site / "scores.csv")
    assert np.isfinite(scores["score"]).all() and scores["score"].nunique() > 30
    assert scores["error"].notna().all() == (kind != "classifier")
    outs = [site / f"{name}.csv" for name in ("metrics", "accuracy", "curves")]
    evaluate_detector(site / "scores.csv", *outs, "x", settings, 100, 1)
    rules = set(pd.read_csv(outs[1])["rule"])
    expected = {"deviation", "quartile", "correlation"}
    assert rules == (expected - {"correlation"} if kind == "classifier" else expected)
    if score in ("error", "complexity") and kind == "convolutional":
        reconstruct_crops(*inputs, site / "pairs.npz", 2, 1)
        assert len(np.load(site / "pairs.npz")["score"]) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_what_tsne_gets(site, complete, kind):
    settings = complete(kind, score=SCORES[kind][0])
    encode_crops(*trained(site, settings), site / "c.npz", site / "a.npz", settings, 20, 1, 1)
    spaces = np.load(site / "c.npz").files[1:]
    assert spaces == (["latent"] if kind == "classifier" else ["latent", "reconstruction"])


def test_a_classifier_learns_the_species_and_its_file_names_them(site, complete):
    settings = complete("classifier", score="vim", epochs=15, augment=True, learning_rate=5e-3)
    inputs = trained(site, settings)
    model, saved = load_detector(inputs[0])
    assert saved["settings"]["species"] == saved["arguments"]["species"] == ["ant", "bee"]
    assert set(saved["fitted"]) == {"origin", "null", "alpha"}
    images = CPU.images(np.load(site / "32.npy")[:48])
    guessed = look(model, images, {"loss": "cross_entropy"}, CPU)["logits"].argmax(1).numpy()
    assert (guessed == np.repeat([0, 1], 24)).mean() > 0.9
    alone = look(model, images[:1], {"loss": "cross_entropy"}, CPU)["logits"]
    assert alone.argmax() == guessed[0]
    trained(site, settings, "again")
    columns = ["epoch", "train_loss", "val_loss"]
    again = pd.read_csv(site / "again.history.csv")[columns]
    assert again.equals(pd.read_csv(site / "x.history.csv")[columns])
    other = load_detector(site / "again.pt")[1]["state_dict"]
    assert all(torch.equal(value, other[key]) for key, value in saved["state_dict"].items())


def test_every_species_and_event_is_shown_equally_often():
    table = pd.DataFrame(
        {
            "species": ["ant"] * 4 + ["bee", "rat"],
            "event": ["e1", "e1", "e1", "e2", "e3", "e4"],
        }
    )
    chosen = table["species"] != "rat"
    made = lessons(table, pd.Series([5, 4, 3, 2, 1, 0]), chosen, ["ant", "bee"])
    assert made["classes"].tolist() == [-1, 1, 0, 0, 0, 0]
    assert made["weights"] == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2, 1])


def test_a_pretrained_classifier_starts_from_the_backbone():
    from stowaway.models.backbones import open_backbone

    backbone = {"name": "efficientnet_lite0", "weights": None, "layer": "bottleneck"}
    settings = {"kind": "classifier", "start": "pretrained", "image_size": 64}
    settings["species"] = ["ant", "bee", "cat"]
    model = build(settings | {"backbone": backbone, "seed": 1}).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = open_backbone(**backbone).features(images)
        torch.testing.assert_close(model.encode(images), expected, atol=1e-4, rtol=1e-4)
        assert model(images).shape == (2, 3)

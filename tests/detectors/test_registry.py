"""All detectors on features of a fold: fitted on its natives alone, saved in one file, read."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fit_detectors import fit_detectors
from stowaway.core.script import BadInput
from stowaway.detectors import registry
from stowaway.detectors.feature_methods import Mahalanobis
from stowaway.detectors.fusion import METHODS, Fusion
from stowaway.detectors.registry import fit_all, load_all, nearest_species, save_all, score_all

SETTINGS = {name: {"kind": "features", "method": name} for name in METHODS}
SETTINGS["fused"] = {"kind": "features", "method": "rank_average", "of": ["knn", "head_vim"]}
NAMES = np.array(["ant", "bee", "cat", "rat"])


@pytest.fixture
def site():
    """Features (200, 20) of three natives and a novel species, and their crops in a mixed order."""
    rng = np.random.default_rng(0)
    number = np.arange(200) // 50
    features = (5 * np.eye(20)[number] + rng.normal(size=(200, 20))).astype(np.float32)
    crops = pd.DataFrame({"crop_id": [f"c{n}" for n in range(200)], "row": range(200)})
    crops["species"], crops["event"] = NAMES[number], [f"e{n // 2}" for n in range(200)]
    roles = np.array("train train train val calibration test".split())
    crops["role"] = np.where(number == 3, "novel", roles[np.arange(200) // 2 % 6])
    return features, crops.sample(frac=1, random_state=1)


def test_detectors_are_fitted_on_training_and_validation_natives_alone(site):
    features, crops = site
    fitted = crops[crops["role"].isin(["train", "val"])]
    arguments = fitted["species"].to_numpy(str), fitted["event"].to_numpy(str)
    expected = Mahalanobis().fit(features[fitted["row"]].astype(float), *arguments)
    found = fit_all({"x": {"method": "mahalanobis"}}, features, crops)
    rows = crops["row"].to_numpy()
    scores = score_all(found, features, rows, rows)
    np.testing.assert_allclose(scores["x"], expected.score(features[rows]), rtol=1e-6)
    novel = (crops["role"] == "novel").to_numpy()
    assert scores["x"][novel].min() > np.median(scores["x"][~novel])


def test_all_detectors_are_one_file_of_plain_arrays(site, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "SCORED_AT_ONCE", 30)
    features, crops = site
    detectors = fit_all(SETTINGS, features, crops)
    rows = crops["row"].to_numpy()[:70]
    scores = score_all(detectors, features, rows, rows)
    assert list(scores) == list(SETTINGS)
    save_all(tmp_path / "d.npz", detectors)
    again = load_all(tmp_path / "d.npz")
    assert isinstance(again["fused"], Fusion) and again["fused"].methods == ["knn", "head_vim"]
    for name, values in score_all(again, features, rows, rows).items():
        assert np.array_equal(values, scores[name]), name
    near = nearest_species(again, features, rows)
    for name, values in nearest_species(detectors, features, rows).items():
        assert np.array_equal(values, near[name]), name
    species = near["predicted"]
    native = (crops["role"] != "novel").to_numpy()[:70]
    assert (species[native] == crops["species"].to_numpy(str)[:70][native]).all()
    assert score_all(again, features, rows[:0], rows[:0])["knn"].shape == (0,)
    assert nearest_species(again, features, rows[:0])["predicted"].shape == (0,)


def test_the_script_fits_and_saves(site, tmp_path):
    features, crops = site
    np.save(tmp_path / "features.npy", features)
    crops = crops.sort_values("row")
    labels = crops[["crop_id", "event"]].assign(
        species_label=crops["species"], image_id=crops["crop_id"]
    )
    labels.to_csv(tmp_path / "labels.csv", index=False)
    splits = crops[["event", "species", "role"]].assign(group=crops["event"], location="A")
    splits.drop_duplicates().to_csv(tmp_path / "splits.csv", index=False)
    tables = tmp_path / "labels.csv", tmp_path / "splits.csv"
    fit_detectors(tmp_path / "features.npy", *tables, tmp_path / "d.npz", SETTINGS, 1)
    rows = np.arange(200)
    found = score_all(load_all(tmp_path / "d.npz"), features, rows, rows)
    expected = score_all(fit_all(SETTINGS, features, crops), features, rows, rows)
    for name in SETTINGS:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, atol=1e-9)


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harmed",)


def test_a_file_of_something_else_is_refused(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("other.npz", x=np.zeros(3))
    np.savez("pickle.npz", **{"knn/method": np.array(Harmful(), object)})
    with open("array.npz", "wb") as file:
        np.save(file, np.zeros(3))
    Path("torn.npz").write_bytes(b"PK")
    save_all("whole.npz", fit_all({"knn": SETTINGS["knn"]}, *site))
    arrays = dict(np.load("whole.npz"))
    np.savez("unknown.npz", **arrays | {"knn/method": np.array("isolation_forest")})
    del arrays["knn/natives"]
    np.savez("less.npz", **arrays)
    for name in ("other", "pickle", "array", "torn", "none", "unknown", "less"):
        with pytest.raises(BadInput, match=f"{name}.npz: damaged"):
            load_all(f"{name}.npz")
    assert not Path("harmed").exists()


def test_a_rare_species_is_in_the_sample_and_keeps_its_name(monkeypatch):
    rng = np.random.default_rng(0)
    labels = np.repeat(["ant", "bee", "cat"], [1000, 3, 997])
    events = np.array([f"{name}{n // 10}" for n, name in enumerate(labels)])
    features = rng.normal(0, 0.1, (2000, 5)) + np.eye(5)[np.repeat([0, 1, 2], [1000, 3, 997])]
    monkeypatch.setattr(registry, "MOST_CROPS_TO_FIT", 200)
    chosen = registry.sample(labels, events)
    assert len(chosen) == len(set(chosen)) == 200 and (labels[chosen] == "bee").sum() == 3
    crops = pd.DataFrame({"row": range(2000), "species": labels, "event": events, "role": "train"})
    detectors = fit_all({"knn": {"method": "knn"}}, features, crops)
    assert len(detectors["knn"].natives) == 200
    assert (nearest_species(detectors, features, np.arange(2000))["predicted"] == labels).all()

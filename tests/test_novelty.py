"""Detectors on features, nuisances, backbones and their comparison, against naive computations."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

from measure_nuisance import COLUMNS, measure_nuisance
from pack_features import pack_features
from score_arm import score_arm
from stowaway.backbones import open_backbone
from stowaway.novelty import DETECTORS, Head, Mahalanobis, Neighbours, rank_average
from stowaway.run import BadInput
from stowaway.splits import Leak
from stowaway.tables import rows


@pytest.fixture
def blobs():
    """Three native species as distant clouds in 40 dimensions, and a fourth cloud, novel."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 4, (4, 40))
    labels = np.repeat(["ant", "bee", "cat"], 30)
    natives = np.repeat(centres[:3], 30, axis=0) + rng.normal(size=(90, 40))
    fresh = np.repeat(centres[:3], 10, axis=0) + rng.normal(size=(30, 40))
    novel = centres[3] + rng.normal(size=(30, 40))
    return natives, labels, fresh, novel


@pytest.mark.parametrize("name", DETECTORS)
def test_each_detector_finds_a_distant_cloud(name, blobs):
    natives, labels, fresh, novel = blobs
    scores = DETECTORS[name]().fit(natives, labels).score(np.concatenate([fresh, novel]))
    assert scores.shape == (60,) and np.isfinite(scores).all()
    assert roc_auc_score(np.arange(60) >= 30, scores) > 0.9
    again = DETECTORS[name]().fit(natives, labels).score(np.concatenate([fresh, novel]))
    np.testing.assert_array_equal(scores, again)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("case", ["one species", "identical crops", "few crops"])
def test_edge_cases_give_finite_scores(name, case, blobs):
    natives, labels, fresh, _ = blobs
    if case == "one species":
        natives, labels = natives[:30], labels[:30]
    elif case == "identical crops":
        natives = np.ones_like(natives)
    else:
        natives, labels = natives[::15], labels[::15]
    assert np.isfinite(DETECTORS[name]().fit(natives, labels).score(fresh)).all()


def test_neighbours_as_a_loop_finds_them(blobs):
    natives, labels, fresh, _ = blobs
    unit = [x / np.sqrt((x * x).sum()) for x in natives]
    naive = [
        sorted(np.sqrt(((x / np.sqrt((x * x).sum()) - y) ** 2).sum()) for y in unit)[2]
        for x in fresh
    ]
    np.testing.assert_allclose(Neighbours(3).fit(natives, labels).score(fresh), naive)


def test_mahalanobis_is_the_textbook_distance(blobs):
    """On all components and with the detector's own covariance, by an explicit solve per crop."""
    natives, labels, fresh, _ = blobs
    detector = Mahalanobis().fit(natives, labels)
    x, covariance = detector.components.transform(fresh), np.linalg.inv(detector.within)
    naive = [min(d @ np.linalg.solve(covariance, d) for d in row - detector.means) for row in x]
    np.testing.assert_allclose(detector.score(fresh), naive)
    means = [
        detector.components.transform(natives[labels == n]).mean(0) for n in ("ant", "bee", "cat")
    ]
    np.testing.assert_allclose(detector.means, means)


def test_relative_mahalanobis_takes_off_the_distance_to_all(blobs):
    natives, labels, fresh, _ = blobs
    plain, relative = (Mahalanobis(r).fit(natives, labels) for r in (False, True))
    x = plain.components.transform(fresh)
    overall = [row @ np.linalg.solve(np.linalg.inv(plain.overall), row) for row in x]
    np.testing.assert_allclose(relative.score(fresh), plain.score(fresh) - overall)


def test_head_scores_are_those_of_torch(blobs):
    natives, labels, fresh, _ = blobs
    head = Head("energy").fit(natives, labels)
    logits = torch.from_numpy(head.model.decision_function(head.scaler.transform(fresh)))
    np.testing.assert_allclose(head.score(fresh), -torch.logsumexp(logits, 1))
    head.kind = "msp"
    np.testing.assert_allclose(
        head.score(fresh), 1 - torch.softmax(logits, 1).max(1)[0], atol=1e-12
    )
    two = Head("msp").fit(natives[:60], labels[:60])
    probability = two.model.predict_proba(two.scaler.transform(fresh)).max(1)
    np.testing.assert_allclose(two.score(fresh), 1 - probability, atol=1e-12)


def test_fusion_is_the_mean_share_of_natives_below():
    fused = rank_average(
        [np.array([0.0, 5, 9]), np.array([3.0, 1, 2])], [np.arange(10.0), np.arange(4.0)]
    )
    np.testing.assert_allclose(fused, [(0 + 0.75) / 2, (0.5 + 0.25) / 2, (0.9 + 0.5) / 2])


def test_nuisances_of_known_pictures(tmp_path):
    grey = np.full((40, 20, 3), 100, np.uint8)
    red = grey * np.array([2, 0, 0], np.uint8)
    lines = ["image_path,crop_id"]
    for name, pixels in (("grey", grey), ("red", red)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.jpg", quality=100, subsampling=0)
        lines.append(f"{tmp_path}/{name}.jpg,{name}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    measure_nuisance(tmp_path / "labels.csv", tmp_path / "nuisance.csv", 1)
    found = {row["crop_id"]: row for row in rows(tmp_path / "nuisance.csv")}
    assert list(found["grey"]) == COLUMNS
    assert [float(found["grey"][name]) for name in COLUMNS[1:6]] == [100, 0, 0, 800, 0.5]
    assert float(found["red"]["brightness"]) == pytest.approx(200 / 3, abs=1)
    assert float(found["red"]["colourfulness"]) == pytest.approx(0.3 * np.hypot(200, 100), abs=1)


def test_backbone_features_are_of_the_crop_and_its_mirror(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    pixels[4] = pixels[3, :, ::-1]
    np.save(tmp_path / "pack.npy", pixels)
    backbone = {"name": "efficientnet_lite0", "weights": None}
    pack_features(tmp_path / "pack.npy", tmp_path / "features.npy", backbone, 2)
    features = np.load(tmp_path / "features.npy")
    assert features.shape == (5, 1280) and features.dtype == np.float32
    np.testing.assert_allclose(features[3], features[4], atol=1e-4)
    assert np.abs(features[0] - features[1]).max() > 0.1


def test_a_torchvision_network_by_a_file_of_weights(tmp_path):
    from torchvision.models import get_model

    torch.manual_seed(0)
    whole = get_model("resnet18", weights=None).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pt")
    crops = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    features = open_backbone("resnet18", str(tmp_path / "weights.pt"))(crops)
    assert features.shape == (2, 512)
    for name in ("no_such_network", "efficientnet_lite9"):
        with pytest.raises(BadInput, match=f"backbone.name: {name} cannot be had"):
            open_backbone(name, None)
    with pytest.raises(BadInput, match="resnet18 cannot be had"):
        open_backbone("resnet18", str(tmp_path / "none.pt"))


@pytest.fixture
def island():
    """Labels of three native species and a novel one, ten events of three crops each; features."""
    rng = np.random.default_rng(1)
    lines, features = [], []
    for number, name in enumerate(["ant", "bee", "cat", "rat"]):
        for n in range(30):
            event = f"{name}{n // 3}"
            lines.append((f"{name}{n}", name, event, f"place{n % 4}", f"i{name}{n}"))
            features.append(rng.normal(0, 1, 40) + 5 * np.eye(40)[number])
    table = pd.DataFrame(lines, columns=["crop_id", "species", "event", "location", "image_id"])
    values = rng.random((len(table), len(COLUMNS) - 1))
    nuisance = pd.DataFrame(values, columns=COLUMNS[1:]).assign(crop_id=table["crop_id"])
    return table, np.array(features), nuisance


SPLIT = {"fractions": {"train": 0.6, "val": 0.2, "test": 0.2}, "group": "sequence", "seed": 1}


def test_an_arm_fits_on_training_natives_alone(island, monkeypatch):
    table, features, nuisance = island
    seen = []

    class Spy:
        def fit(self, features, labels):
            seen.append((features, set(labels)))
            return self

        def score(self, features):
            return np.zeros(len(features))

    for name in ("knn", "mahalanobis", "head_energy", "pca_residual"):
        monkeypatch.setitem(DETECTORS, name, Spy)
    species = {"native": ["ant", "cat"], "invasive": ["bee"]}
    scores = score_arm(table, features, nuisance, species, SPLIT)
    assert all(labels == {"ant", "cat"} for _, labels in seen)
    fitted = {tuple(row) for row in seen[0][0]}
    used = table["crop_id"].isin(scores["crop_id"]).to_numpy()
    assert not fitted & {tuple(row) for row in features[used]}
    assert set(scores.loc[scores["role"] == "invasive", "species"]) == {"bee"}
    assert "rat" not in set(scores["species"])
    area = roc_auc_score(scores["role"] == "invasive", scores["class_mean"])
    assert area > 0.9
    table.loc[table["species"] == "bee", "image_id"] = "iant0"
    with pytest.raises(Leak):
        score_arm(table, features, nuisance, species, SPLIT)

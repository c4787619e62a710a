"""Detectors on features, shortcuts, backbones and their comparison, against naive computations."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from pack_features import pack_features
from score_arm import score_arm, shortcut_scores
from stowaway.core.script import BadInput
from stowaway.data.shortcuts import COLUMNS
from stowaway.data.splits import with_roles
from stowaway.detectors import registry as novelty
from stowaway.detectors.feature_methods import Mahalanobis, Neighbours, event_weights
from stowaway.detectors.fusion import METHODS, Fusion
from stowaway.detectors.linear_probe import Head
from stowaway.models.backbones import open_backbone


@pytest.fixture
def blobs():
    """Three native species as distant clouds in 40 dimensions, and a fourth cloud, novel."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 4, (4, 40))
    labels = np.repeat(["ant", "bee", "cat"], 30)
    events = np.array([f"{name}{n // 3}" for n, name in enumerate(labels)])
    natives = np.repeat(centres[:3], 30, axis=0) + rng.normal(size=(90, 40))
    fresh = np.repeat(centres[:3], 10, axis=0) + rng.normal(size=(30, 40))
    novel = centres[3] + rng.normal(size=(30, 40))
    return natives, labels, events, fresh, novel


ALL = {name: {"method": name} for name in METHODS} | {
    name: {"method": name, "of": ["mahalanobis", "knn", "head_energy"]}
    for name in ("rank_average", "logistic")
}


def fitted(name, natives, labels, events):
    return novelty.fit(ALL[name], natives, np.arange(len(natives)), labels, events)


@pytest.mark.parametrize("name", ALL)
def test_each_detector_finds_a_distant_cloud_also_from_its_file(name, blobs, tmp_path):
    natives, labels, events, fresh, novel = blobs
    crops = np.concatenate([fresh, novel])
    detector = fitted(name, natives, labels, events)
    scores = novelty.score(detector, crops, np.arange(60))
    assert scores.shape == (60,) and np.isfinite(scores).all()
    assert roc_auc_score(np.arange(60) >= 30, scores) > 0.9
    novelty.save(detector, tmp_path / "d.skops")
    again = novelty.load(tmp_path / "d.skops").score(crops)
    np.testing.assert_allclose(scores, again, rtol=1e-9)
    np.testing.assert_allclose(scores, fitted(name, natives, labels, events).score(crops))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("case", ["one species", "identical crops", "few crops", "one event"])
def test_edge_cases_give_finite_scores(name, case, blobs):
    natives, labels, events, fresh, _ = blobs
    if case == "one species":
        natives, labels, events = natives[:30], labels[:30], events[:30]
    elif case == "identical crops":
        natives = np.ones_like(natives)
    elif case == "few crops":
        natives, labels, events = natives[::15], labels[::15], events[::15]
    else:
        natives, labels, events = natives[:3], labels[:3], events[:3]
    assert np.isfinite(fitted(name, natives, labels, events).score(fresh)).all()


def test_a_file_of_something_else_is_refused(tmp_path):
    import skops.io
    from sklearn.pipeline import FunctionTransformer

    skops.io.dump(FunctionTransformer(func=print), tmp_path / "other.skops")
    (tmp_path / "torn.skops").write_bytes(b"PK")
    for name in ("other", "torn", "none"):
        with pytest.raises(BadInput, match=f"{name}.skops: not a detector of stowaway"):
            novelty.load(tmp_path / f"{name}.skops")


def test_neighbours_as_a_loop_finds_them(blobs):
    natives, labels, events, fresh, _ = blobs
    unit = [x / np.sqrt((x * x).sum()) for x in natives]
    naive = [
        sorted(np.sqrt(((x / np.sqrt((x * x).sum()) - y) ** 2).sum()) for y in unit)[2]
        for x in fresh
    ]
    np.testing.assert_allclose(Neighbours(3).fit(natives, labels, events).score(fresh), naive)


def test_an_event_weighs_the_same_however_long():
    weights = event_weights(np.array(["a", "a", "a", "b"]))
    np.testing.assert_allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2])
    rng = np.random.default_rng(0)
    crops, labels = rng.normal(size=(6, 3)), np.array(["ant"] * 6)
    events = np.array(list("aabbcc"))
    once = Mahalanobis().fit(crops, labels, events)
    longer = np.concatenate([crops, crops[:2], crops[:2]])
    again = Mahalanobis().fit(longer, np.array(["ant"] * 10), np.array(list("aabbccaaaa")))
    np.testing.assert_allclose(once.means, again.means, atol=1e-12)


def test_mahalanobis_is_the_textbook_distance(blobs):
    """With scikit-learn's covariance, by an explicit solve per crop."""
    natives, labels, events, fresh, _ = blobs
    detector = Mahalanobis().fit(natives, labels, events)
    means = np.array([natives[labels == name].mean(0) for name in ("ant", "bee", "cat")])
    away = natives - means[np.repeat([0, 1, 2], 30)]
    covariance = LedoitWolf(assume_centered=True).fit(away).covariance_
    naive = [min(d @ np.linalg.solve(covariance, d) for d in row - means) for row in fresh]
    np.testing.assert_allclose(detector.score(fresh), naive, rtol=1e-6)
    middle = natives.mean(0)
    overall = covariance + (means - middle).T @ (means - middle) / 3
    relative = Mahalanobis(relative=True).fit(natives, labels, events)
    off = [d @ np.linalg.solve(overall, d) for d in fresh - middle]
    np.testing.assert_allclose(relative.score(fresh), np.array(naive) - off, atol=1e-5)
    whole = Mahalanobis(classes=False).fit(natives, labels, events)
    covariance = LedoitWolf(assume_centered=True).fit(natives - middle).covariance_
    naive = [d @ np.linalg.solve(covariance, d) for d in fresh - middle]
    np.testing.assert_allclose(whole.score(fresh), naive, rtol=1e-6)


def test_head_scores_are_those_of_torch(blobs):
    natives, labels, events, fresh, _ = blobs
    head = Head("energy").fit(natives, labels, events)
    x = head.scaler.transform(fresh)
    logits = torch.from_numpy(head.model.decision_function(x))
    np.testing.assert_allclose(head.score(fresh), -torch.logsumexp(logits, 1))
    head.kind = "msp"
    np.testing.assert_allclose(
        head.score(fresh), 1 - torch.softmax(logits, 1).max(1)[0], atol=1e-12
    )
    head.kind = "vim"
    known = head.scaler.transform(natives) - head.origin
    values, directions = np.linalg.eigh(known.T @ known)
    null = directions[:, np.argsort(values)[:20]]
    residual = np.linalg.norm((x - head.origin) @ null, axis=1)
    virtual = residual * (
        head.model.decision_function(head.scaler.transform(natives)).max(1).mean()
        / np.linalg.norm(known @ null, axis=1).mean()
    )
    np.testing.assert_allclose(head.score(fresh), virtual - torch.logsumexp(logits, 1).numpy())
    two = Head("msp").fit(natives[:60], labels[:60], events[:60])
    probability = two.model.predict_proba(two.scaler.transform(fresh)).max(1)
    np.testing.assert_allclose(two.score(fresh), 1 - probability, atol=1e-12)


def test_fusion_is_the_mean_share_of_natives_below_and_beyond_them_goes_on():
    fusion = Fusion(["knn", "mahalanobis"])
    fusion.known = np.stack([np.arange(10.0), np.linspace(0, 3, 10)], 1)
    shares = fusion._shares(np.array([[0.0, 3.0], [5.0, 1.0], [18.0, 4.5]]))
    np.testing.assert_allclose(shares, [[0, 0.9], [0.5, 0.3], [1 + 9 / 4.5, 1 + 1.5 / 1.5]])


def test_a_learned_fusion_drops_a_method_that_tells_nothing(blobs, monkeypatch):
    natives, labels, events, fresh, novel = blobs

    class Noise:
        def fit(self, features, labels, events):
            return self

        def score(self, features):
            return np.random.default_rng(len(features)).random(len(features))

    monkeypatch.setitem(METHODS, "noise", Noise)
    fusion = Fusion(["mahalanobis", "noise"], learned=True).fit(natives, labels, events)
    weight = fusion.model.coef_[0]
    assert weight[0] > 5 * abs(weight[1])
    areas = roc_auc_score(np.arange(60) >= 30, fusion.score(np.concatenate([fresh, novel])))
    assert areas > 0.95


def test_a_rare_species_is_in_the_sample_and_keeps_its_name(monkeypatch):
    rng = np.random.default_rng(0)
    labels = np.repeat(["ant", "bee", "cat"], [1000, 3, 997])
    events = np.array([f"{name}{n // 10}" for n, name in enumerate(labels)])
    features = rng.normal(0, 0.1, (2000, 5)) + np.eye(5)[np.repeat([0, 1, 2], [1000, 3, 997])]
    monkeypatch.setattr(novelty, "MOST", 200)
    kept = novelty.sample(labels, events)
    assert len(kept) == len(set(kept)) == 200 and (labels[kept] == "bee").sum() == 3
    table = pd.DataFrame({"species": labels, "event": events, "role": "train"})
    assert (novelty.nearest_species(table, features, np.arange(2000)) == labels).all()


def test_a_fusion_of_two_species_still_ranks_by_all_its_methods(blobs):
    natives, labels, events, fresh, novel = blobs
    two = labels != "cat"
    fusion = Fusion(["head_energy", "head_vim"]).fit(natives[two], labels[two], events[two])
    assert (fusion.known.std(0) > 0).all()
    assert np.quantile(fusion._shares(fusion.known), 1) <= 1


def test_more_crops_than_are_fitted_on_are_sampled_by_event(blobs, monkeypatch):
    natives, labels, events, fresh, _ = blobs
    monkeypatch.setattr(novelty, "MOST", 50)
    detector = fitted("knn", natives, labels, events)
    assert detector.index.n_samples_fit_ == 50


def test_backbone_features_are_of_the_crop_and_its_mirror(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    pixels[4] = pixels[3, :, ::-1]
    np.save(tmp_path / "pack.npy", pixels)
    backbone = {"name": "efficientnet_lite0", "weights": None, "layer": "bottleneck"}
    pack_features(tmp_path / "pack.npy", tmp_path / "features.npy", backbone, 2)
    features = np.load(tmp_path / "features.npy")
    assert features.shape == (5, 320) and features.dtype == np.float32
    np.testing.assert_allclose(features[3], features[4], atol=1e-4)
    assert np.abs(features[0] - features[1]).max() > 0.1


def test_a_torchvision_network_by_a_file_of_weights(tmp_path):
    from torchvision.models import get_model

    torch.manual_seed(0)
    whole = get_model("resnet18", weights=None).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pt")
    crops = torch.rand(2, 3, 64, 64)
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
    values = rng.random((len(table), len(COLUMNS)))
    shortcut = pd.DataFrame(values, columns=COLUMNS).assign(crop_id=table["crop_id"])
    return table, np.array(features), shortcut


SPLIT = {
    "fractions": {"train": 0.5, "val": 0.1, "calibration": 0.2, "test": 0.2},
    "group": "sequence",
    "seed": 1,
}


def test_an_arm_fits_on_training_natives_alone(island, monkeypatch):
    table, features, shortcut = island
    table = with_roles(table, {"native": ["ant", "cat"], "invasive": ["bee"]}, SPLIT)
    seen = []

    class Spy:
        def fit(self, features, labels, events):
            seen.append((features, set(labels)))
            return self

        def score(self, features):
            return np.zeros(len(features))

    monkeypatch.setitem(METHODS, "knn", Spy)
    detectors = {"spied": {"method": "knn"}, "class_mean": {"method": "class_mean"}}
    scores = score_arm(table, features, np.arange(len(table)), detectors)
    ((crops, labels),) = seen
    assert labels == {"ant", "cat"}
    judged = table["role"].isin(["calibration", "test", "invasive"])
    assert len(scores["class_mean"]) == judged.sum()
    given = {tuple(row) for row in crops}
    assert not given & {tuple(row) for row in features[judged]}
    novel = table.loc[judged, "role"] == "invasive"
    assert roc_auc_score(novel, scores["class_mean"]) > 0.9


def test_shortcuts_know_the_length_of_an_event_and_how_rare_a_place_is(island):
    table, _, shortcut = island
    table = with_roles(table, {"native": ["ant", "cat"], "invasive": ["bee"]}, SPLIT)
    table.loc[0, "location"] = "nowhere"
    scores = shortcut_scores(table, shortcut)
    assert {f"shortcut_{name}" for name in COLUMNS} < set(scores)
    assert (scores["shortcut_event_size"] == 0).all()  # all have three crops
    assert scores["shortcut_location"][0] == max(scores["shortcut_location"])

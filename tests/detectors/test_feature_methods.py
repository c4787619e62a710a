"""Methods on features and their fusion, against scikit-learn, torch and naive computations."""

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from stowaway.detectors.feature_methods import (
    ClassMean,
    Gaussian,
    Mahalanobis,
    Neighbours,
    RelativeMahalanobis,
    Residual,
    event_weights,
)
from stowaway.detectors.fusion import METHODS, Fusion
from stowaway.detectors.linear_probe import Energy, Logit, Probability, VirtualLogit


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


def test_neighbours_as_a_loop_finds_them(blobs):
    natives, labels, events, fresh, _ = blobs
    unit = [x / np.sqrt((x * x).sum()) for x in natives]
    naive = [
        sorted(np.sqrt(((x / np.sqrt((x * x).sum()) - y) ** 2).sum()) for y in unit)[4]
        for x in fresh
    ]
    np.testing.assert_allclose(Neighbours().fit(natives, labels, events).score(fresh), naive)


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
    relative = RelativeMahalanobis().fit(natives, labels, events)
    off = [d @ np.linalg.solve(overall, d) for d in fresh - middle]
    np.testing.assert_allclose(relative.score(fresh), np.array(naive) - off, atol=1e-5)
    whole = Gaussian().fit(natives, labels, events)
    covariance = LedoitWolf(assume_centered=True).fit(natives - middle).covariance_
    naive = [d @ np.linalg.solve(covariance, d) for d in fresh - middle]
    np.testing.assert_allclose(whole.score(fresh), naive, rtol=1e-6)


def test_class_mean_and_residual_as_a_loop_finds_them(blobs):
    natives, labels, events, fresh, _ = blobs
    unit = natives / np.linalg.norm(natives, axis=1, keepdims=True)
    means = np.array([unit[labels == name].mean(0) for name in ("ant", "bee", "cat")])
    cosines = [[x @ m / np.linalg.norm(x) / np.linalg.norm(m) for m in means] for x in fresh]
    detector = ClassMean().fit(natives, labels, events)
    np.testing.assert_allclose(detector.score(fresh), 1 - np.max(cosines, 1))
    names, near = detector.nearest(fresh)
    order = np.argsort(-np.array(cosines), 1)[:, :2]
    assert (names == np.array(["ant", "bee", "cat"])[order]).all()
    np.testing.assert_allclose(near, np.take_along_axis(np.array(cosines), order, 1))
    names, near = ClassMean().fit(natives, np.full(len(natives), "ant"), events).nearest(fresh)
    assert (names == ["ant", ""]).all() and np.isnan(near[:, 1]).all()
    pca = PCA(0.9).fit(natives)
    left = fresh - pca.inverse_transform(pca.transform(fresh))
    scores = Residual().fit(natives, labels, events).score(fresh)
    np.testing.assert_allclose(scores, np.linalg.norm(left, axis=1))


def test_linear_probe_scores_are_those_of_scikit_learn_and_torch(blobs):
    natives, labels, events, fresh, _ = blobs
    scaler = StandardScaler().fit(natives)
    model = LogisticRegression(C=0.1, max_iter=500, class_weight="balanced")
    model.fit(scaler.transform(natives), labels)  # events are of equal length here
    x = scaler.transform(fresh)
    logits = torch.from_numpy(model.decision_function(x))
    energy = -torch.logsumexp(logits, 1).numpy()
    found = {
        kind: kind().fit(natives, labels, events).score(fresh)
        for kind in (Energy, Logit, Probability, VirtualLogit)
    }
    np.testing.assert_allclose(found[Energy], energy)
    np.testing.assert_allclose(found[Logit], -logits.max(1).values)
    highest = torch.softmax(logits, 1).max(1).values.numpy()
    np.testing.assert_allclose(found[Probability], 1 - highest, atol=1e-12)
    origin = -np.linalg.pinv(model.coef_) @ model.intercept_
    known = scaler.transform(natives) - origin
    values, directions = np.linalg.eigh(known.T @ known)
    null_space = directions[:, np.argsort(values)[:20]]
    alpha = model.decision_function(scaler.transform(natives)).max(1).mean()
    alpha /= np.linalg.norm(known @ null_space, axis=1).mean()
    residual = np.linalg.norm((x - origin) @ null_space, axis=1)
    np.testing.assert_allclose(found[VirtualLogit], alpha * residual + energy)


def test_a_linear_probe_of_two_species_is_scikit_learns_and_of_one_is_nothing(blobs):
    natives, labels, events, fresh, _ = blobs
    natives, labels, events = natives[:60], labels[:60], events[:60]
    scaler = StandardScaler().fit(natives)
    model = LogisticRegression(C=0.1, max_iter=500, class_weight="balanced")
    model.fit(scaler.transform(natives), labels)
    probability = model.predict_proba(scaler.transform(fresh)).max(1)
    found = Probability().fit(natives, labels, events).score(fresh)
    np.testing.assert_allclose(found, 1 - probability, atol=1e-12)
    alone = VirtualLogit().fit(natives[:30], labels[:30], events[:30])
    assert (alone.score(fresh) == 0).all()


def test_fusion_is_the_mean_share_of_natives_below_and_beyond_them_goes_on():
    fusion = Fusion(["knn", "mahalanobis"])
    fusion.native_scores = np.stack([np.arange(10.0), np.linspace(0, 3, 10)], 1)
    shares = fusion._shares(np.array([[0.0, 3.0], [5.0, 1.0], [18.0, 4.5]]))
    np.testing.assert_allclose(shares, [[0, 0.9], [0.5, 0.3], [1 + 9 / 4.5, 1 + 1.5 / 1.5]])


def test_natives_are_compared_with_natives_that_no_member_was_fitted_on(blobs, monkeypatch):
    """Each held-out event is scored by members that saw neither it nor, of three, one species."""
    natives, labels, events, _, _ = blobs
    rows = zip(natives, labels, events, strict=True)
    name_of = {row.tobytes(): (label, event) for row, label, event in rows}
    scored = []

    class Spy(ClassMean):
        def fit(self, features, labels, events):
            self.labels, self.events = set(labels), set(events)
            return self

        def score(self, features):
            names = [name_of[row.tobytes()] for row in features]
            scored.extend((label, event, self.labels, self.events) for label, event in names)
            return np.zeros(len(features))

    monkeypatch.setitem(METHODS, "spy", Spy)
    Fusion(["spy"]).fit(natives, labels, events)
    for label, event, fitted_labels, fitted_events in scored:
        assert event not in fitted_events
        assert label in fitted_labels and len(fitted_labels) == 2
    scored_events = {event for _, event, *_ in scored}
    assert len(scored_events) > 10
    assert len(scored) == 3 * len(scored_events)  # each frame once


def test_a_fusion_of_two_species_still_ranks_by_all_its_methods(blobs):
    natives, labels, events, fresh, novel = blobs
    two = labels != "cat"
    fusion = Fusion(["head_energy", "head_vim"]).fit(natives[two], labels[two], events[two])
    assert (fusion.native_scores.std(0) > 0).all()
    assert np.quantile(fusion._shares(fusion.native_scores), 1) <= 1


ALL = METHODS | {"fusion": lambda: Fusion(["mahalanobis", "knn", "head_energy"])}


@pytest.mark.parametrize("name", ALL)
def test_each_method_finds_a_distant_cloud_and_is_its_arrays(name, blobs):
    natives, labels, events, fresh, novel = blobs
    crops = np.concatenate([fresh, novel])
    detector = ALL[name]().fit(natives, labels, events)
    scores = detector.score(crops)
    assert scores.shape == (60,) and np.isfinite(scores).all()
    assert roc_auc_score(np.arange(60) >= 30, scores) > 0.9
    again = type(detector).from_arrays(detector.arrays())
    assert np.array_equal(scores, again.score(crops))
    assert all(array.dtype.kind in "fU" for array in map(np.asarray, detector.arrays().values()))
    with pytest.raises(KeyError):
        type(detector).from_arrays({})


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
    assert np.isfinite(ALL[name]().fit(natives, labels, events).score(fresh)).all()

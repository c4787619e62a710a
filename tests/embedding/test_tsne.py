"""t-SNE maps, and other crops placed on them."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from stowaway.embedding.tsne import allowed_perplexity, embed, place


def test_tsne_keeps_neighbours_and_is_repeatable_whatever_the_threads():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(90, 10)) + 8 * np.eye(10)[np.arange(90) % 3]
    coordinates = embed(points, [5, 10], 1, 1)
    assert coordinates[10].shape == (90, 2)
    assert trustworthiness(points, coordinates[10], n_neighbors=10) > 0.9
    for threads in (1, 2):
        again = embed(points, [5, 10], 1, threads)
        assert all(np.array_equal(coordinates[p], again[p]) for p in (5, 10))


def test_a_perplexity_is_the_same_alone_and_among_others():
    points = np.random.default_rng(0).normal(size=(90, 10))
    assert np.array_equal(embed(points, [5], 1, 1)[5], embed(points, [5, 20], 1, 1)[5])


def test_few_and_identical_points():
    assert allowed_perplexity(50, 100) == 33
    assert allowed_perplexity(5, 100) == 5
    assert allowed_perplexity(5, 2) == 1
    assert embed(np.ones((1, 4)), [5], 1, 1)[5].tolist() == [[0, 0]]
    rounded = np.ones((40, 4)) + np.random.default_rng(0).uniform(0, 9e-6, (40, 4))
    assert not embed(rounded, [5], 1, 1)[5].any()
    assert not place(rounded, rounded[:3], np.zeros((40, 2)), 1, 1).any()
    assert np.isfinite(embed(np.random.default_rng(0).random((5, 4)), [5], 1, 1)[5]).all()


@pytest.fixture(scope="module")
def three_clusters():
    """Points (150, 10) in three clusters, and their map, off the centre."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(150, 10)) + 12 * np.eye(10)[np.arange(150) % 3]
    return points, embed(points, [10], 1, 1)[10] + [40, -7]


def test_copies_of_the_maps_crops_are_placed_on_them(three_clusters):
    points, at = three_clusters
    distance = np.linalg.norm(place(points, points[:30], at, 1, 1) - at[:30], axis=1)
    assert distance.max() < 0.1 * np.ptp(at)
    assert np.median(distance) < 0.03 * np.ptp(at)


def test_new_crops_are_placed_in_their_cluster_whatever_comes_with_them(
    three_clusters, monkeypatch
):
    points, at = three_clusters
    before = at.copy()
    others = np.random.default_rng(1).normal(size=(30, 10)) + 12 * np.eye(10)[np.arange(30) % 3]
    placed = place(points, others, at, 1, 1)
    centres = np.stack([at[cluster::3].mean(0) for cluster in range(3)])
    nearest = np.linalg.norm(placed[:, None] - centres, axis=2).argmin(1)
    assert np.array_equal(nearest, np.arange(30) % 3)
    assert np.array_equal(at, before)
    assert np.allclose(place(points, others[4:5], at, 1, 1), placed[4:5])
    assert np.ptp(place(points, others[[4] * 9], at, 1, 1), axis=0).max() == 0
    monkeypatch.setattr("stowaway.embedding.tsne.PLACED_AT_ONCE", 7)
    assert np.allclose(place(points, others, at, 1, 2), placed)
    assert place(points, others[:0], at, 1, 1).shape == (0, 2)

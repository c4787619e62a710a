"""Principal components of latents and reconstructions, and their files."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA

from stowaway.core.script import BadInput
from stowaway.embedding.components import SPACES, Encoder, load_axes, save_axes
from stowaway.embedding.points import load_points, save_points
from stowaway.models.checkpoint import build, save_detector
from stowaway.models.device import Device

CPU = Device(torch.device("cpu"), torch.float32)
SETTINGS = {
    "kind": "convolutional",
    "image_size": 16,
    "layers": [8, 8],
    "output": "sigmoid",
    "precision": "float32",
    "seed": 3,
}


def points_of(pixels) -> dict[str, np.ndarray]:
    """All crops along axes fitted on them."""
    encoder, rows = Encoder(build(SETTINGS).eval(), CPU, pixels), np.arange(len(pixels))
    return encoder.project(encoder.fit_axes(rows, 1), rows)


def test_projection_equals_pca_of_all_at_once(moving_squares):
    model = build(SETTINGS).eval()
    points = points_of(moving_squares)
    with torch.no_grad():
        latents = model.encode(CPU.images(moving_squares))
        flat = {"latent": latents, "reconstruction": model.decode(latents)}
    for space in SPACES:
        assert points[space].shape == (64, 50)
        expected = PCA(50, svd_solver="full").fit_transform(flat[space].flatten(1).numpy())
        assert np.allclose(
            np.abs(points[space]), np.abs(expected), atol=0.01 * expected[:, 0].std()
        )
        assert np.array_equal(points[space], points_of(moving_squares)[space])


def test_projection_of_more_crops_than_it_is_fitted_on(moving_squares, monkeypatch):
    monkeypatch.setattr("stowaway.embedding.components.MOST_CROPS_FOR_AXES", 60)
    assert {points.shape for points in points_of(moving_squares).values()} == {(64, 50)}
    assert points_of(moving_squares[:10])["latent"].shape == (10, 10)


def test_saved_axes_project_other_crops_as_the_first_ones(moving_squares, tmp_path):
    save_detector(tmp_path / "m.pt", build(SETTINGS), SETTINGS, {})
    np.save(tmp_path / "16.npy", moving_squares)
    encoder = Encoder.open(tmp_path / "m.pt", tmp_path / "16.npy", 1)
    axes = encoder.fit_axes(np.arange(40), 1)
    save_axes(tmp_path / "axes.npz", axes)
    loaded = load_axes(tmp_path / "axes.npz", CPU.device)
    rows = np.array([63, 7])
    together, apart = encoder.project(axes, np.arange(64)), encoder.project(loaded, rows)
    for space in SPACES:
        assert np.allclose(apart[space], together[space][rows], atol=1e-5)
    assert encoder.project(loaded, rows[:0])["latent"].shape == (0, 40)


def test_a_pack_of_another_size_is_refused(moving_squares, tmp_path):
    save_detector(tmp_path / "m.pt", build(SETTINGS), SETTINGS, {})
    np.save(tmp_path / "32.npy", np.zeros((4, 32, 32, 3), np.uint8))
    with pytest.raises(BadInput, match="crops of 16 px"):
        Encoder.open(tmp_path / "m.pt", tmp_path / "32.npy", 1)


def test_points_come_back_as_they_were_saved(tmp_path):
    crops = pd.DataFrame({"crop_id": ["b", "a"], "species": ["NA", ""]}, index=[5, 2])
    points = {space: np.arange(6.0).reshape(2, 3) for space in SPACES}
    save_points(tmp_path / "p.npz", crops, points)
    loaded_crops, loaded = load_points(tmp_path / "p.npz")
    assert loaded_crops.equals(crops.reset_index(drop=True))
    assert list(loaded) == list(SPACES)
    assert all(np.array_equal(loaded[space], points[space]) for space in SPACES)
    save_points(tmp_path / "p.npz", crops[:0], {"latent": np.empty((0, 3))})
    assert len(load_points(tmp_path / "p.npz")[0]) == 0

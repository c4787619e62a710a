import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from embed_crops import allowed_perplexity, embed, embed_crops
from encode_crops import project, sample
from stowaway.backend import Backend
from stowaway.detector import build

CPU = Backend(torch.device("cpu"), torch.float32)
SETTINGS = {
    "kind": "convolutional",
    "image_size": 16,
    "layers": [8, 8],
    "output": "sigmoid",
    "seed": 3,
}


def test_the_cap_samples_natives_never_invaders():
    roles = np.array(["train"] * 50 + ["invasive"] * 7 + ["test"] * 30 + ["unlisted"] * 3)
    chosen = roles[sample(roles, 20, 1)]
    assert (chosen == "invasive").sum() == 7
    assert len(chosen) == 27
    assert np.array_equal(sample(roles, 20, 1), sample(roles, 20, 1))
    assert len(sample(roles, 1000, 1)) == len(roles)


def test_projection_equals_pca_of_all_at_once(moving_squares):
    model = build(SETTINGS).eval()
    latents, reconstructions = project(model, CPU, moving_squares, np.arange(64), 1)
    assert reconstructions.shape == (64, 50)
    with torch.no_grad():
        flat = model.encode(CPU.images(moving_squares)).flatten(1).numpy()
    expected = PCA(50, svd_solver="full").fit_transform(flat)
    assert np.allclose(np.abs(latents[:, :5]), np.abs(expected[:, :5]), atol=1e-2)


def test_projection_of_more_crops_than_it_is_fitted_on(moving_squares, monkeypatch):
    monkeypatch.setattr("encode_crops.FITTED_ON", 60)
    model = build(SETTINGS).eval()
    latents, reconstructions = project(model, CPU, moving_squares, np.arange(64), 1)
    assert latents.shape == reconstructions.shape == (64, 50)
    again = project(model, CPU, moving_squares[:10], np.arange(10), 1)
    assert again[0].shape == (10, 10)


def test_tsne_keeps_neighbours_and_is_repeatable():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(90, 10)) + 8 * np.eye(10)[np.arange(90) % 3]
    found = embed(points, 10, 1, 1)
    assert found.shape == (90, 2)
    assert trustworthiness(points, found, n_neighbors=10) > 0.9
    assert np.array_equal(found, embed(points, 10, 1, 1))


def test_few_and_identical_points():
    assert allowed_perplexity(50, 100) == 33
    assert allowed_perplexity(5, 100) == 5
    assert allowed_perplexity(5, 2) == 1
    assert embed(np.ones((1, 4)), 5, 1, 1).tolist() == [[0, 0]]
    assert embed(np.ones((40, 4)), 5, 1, 1).shape == (40, 2)
    assert np.isfinite(embed(np.random.default_rng(0).random((5, 4)), 5, 1, 1)).all()


def test_identical_crops_are_one_point():
    same = np.full((40, 16, 16, 3), 100, np.uint8)
    for points in project(build(SETTINGS).eval(), CPU, same, np.arange(40), 1):
        assert not embed(points, 5, 1, 1).any()


def test_the_table_holds_both_spaces_of_natives_and_invaders_together(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"c{n}" for n in range(30)]
    spaces = {"latent": rng.random((30, 4)), "reconstruction": rng.random((30, 4))}
    np.savez(tmp_path / "c.npz", crop_id=np.array(names[::-1]), **spaces)
    splits = "crop_id,species,role\n" + "".join(
        f"c{n},{'rat' if n > 25 else 'fox'},{'invasive' if n > 25 else 'test'}\n" for n in range(30)
    )
    (tmp_path / "splits.csv").write_text(splits)
    embed_crops(tmp_path / "c.npz", tmp_path / "splits.csv", tmp_path / "p.csv", 50, 1, 1)
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0] == (
        "crop_id,species,role,perplexity,latent_x,latent_y,reconstruction_x,reconstruction_y"
    )
    assert lines[1].startswith("c29,rat,invasive,9,")
    assert len(lines) == 31

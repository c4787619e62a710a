"""Maps: what is projected, embedded, and placed on a map that is already there."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from embed_crops import allowed_perplexity, embed, embed_crops
from encode_crops import sample
from encode_others import encode_others
from place_crops import place, place_crops
from stowaway.core.script import BadInput
from stowaway.embedding.components import fit_axes, load_axes, project, save_axes
from stowaway.models.checkpoint import build, save_detector
from stowaway.models.device import Backend

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


def components(model, pixels, rows) -> list[np.ndarray]:
    """Both spaces of the crops, along axes fitted on them."""
    return project(fit_axes(model, CPU, pixels, rows, 1), model, CPU, pixels, rows)


def test_projection_equals_pca_of_all_at_once(moving_squares):
    model = build(SETTINGS).eval()
    latents, reconstructions = components(model, moving_squares, np.arange(64))
    assert latents.shape == reconstructions.shape == (64, 50)
    with torch.no_grad():
        flat = model.encode(CPU.images(moving_squares)).flatten(1).numpy()
    expected = PCA(50, svd_solver="full").fit_transform(flat)
    assert np.allclose(np.abs(latents), np.abs(expected), atol=1e-2 * expected[:, 0].std())
    assert np.array_equal(latents, components(model, moving_squares, np.arange(64))[0])


def test_projection_of_more_crops_than_it_is_fitted_on(moving_squares, monkeypatch):
    monkeypatch.setattr("stowaway.embedding.components.FITTED_ON", 60)
    model = build(SETTINGS).eval()
    latents, reconstructions = components(model, moving_squares, np.arange(64))
    assert latents.shape == reconstructions.shape == (64, 50)
    assert components(model, moving_squares[:10], np.arange(10))[0].shape == (10, 10)


def test_tsne_keeps_neighbours_and_is_repeatable_whatever_the_threads():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(90, 10)) + 8 * np.eye(10)[np.arange(90) % 3]
    found = embed(points, [5, 10], 1, 1)
    assert found[10].shape == (90, 2)
    assert trustworthiness(points, found[10], n_neighbors=10) > 0.9
    for threads in (1, 2):
        again = embed(points, [5, 10], 1, threads)
        assert all(np.array_equal(found[p], again[p]) for p in (5, 10))


def test_a_perplexity_is_the_same_alone_and_among_others():
    points = np.random.default_rng(0).normal(size=(90, 10))
    assert np.array_equal(embed(points, [5], 1, 1)[5], embed(points, [5, 20], 1, 1)[5])


def test_few_and_identical_points():
    assert allowed_perplexity(50, 100) == 33
    assert allowed_perplexity(5, 100) == 5
    assert allowed_perplexity(5, 2) == 1
    assert embed(np.ones((1, 4)), [5], 1, 1)[5].tolist() == [[0, 0]]
    assert embed(np.ones((40, 4)), [5], 1, 1)[5].shape == (40, 2)
    assert np.isfinite(embed(np.random.default_rng(0).random((5, 4)), [5], 1, 1)[5]).all()


def test_identical_crops_are_one_point():
    same = np.full((40, 16, 16, 3), 100, np.uint8)
    for points in components(build(SETTINGS).eval(), same, np.arange(40)):
        assert not embed(points, [5], 1, 1)[5].any()
        assert not place(points, points[:3], np.zeros((40, 2)), 1, 1).any()


def test_the_table_holds_both_spaces_of_natives_and_invaders_together(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"c{n}" for n in range(30)]
    spaces = {"latent": rng.random((30, 4)), "reconstruction": rng.random((30, 4))}
    np.savez(tmp_path / "c.npz", crop_id=np.array(names[::-1]), **spaces)
    splits = "crop_id,species,role\n" + "".join(
        f"c{n},{'rat' if n > 25 else 'fox'},{'invasive' if n > 25 else 'test'}\n" for n in range(30)
    )
    (tmp_path / "splits.csv").write_text(splits)
    outs = {50: tmp_path / "p50.csv", 3: tmp_path / "p3.csv"}
    embed_crops(tmp_path / "c.npz", tmp_path / "splits.csv", outs, 1, 1)
    lines = outs[50].read_text().splitlines()
    assert lines[0] == (
        "crop_id,species,role,perplexity,latent_x,latent_y,reconstruction_x,reconstruction_y"
    )
    assert lines[1].startswith("c29,rat,invasive,9,")
    assert len(lines) == 31
    assert outs[3].read_text().splitlines()[1].startswith("c29,rat,invasive,3,")


@pytest.fixture(scope="module")
def three_heaps():
    """Points (150, 10) in three heaps, and their map, off the centre."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(150, 10)) + 12 * np.eye(10)[np.arange(150) % 3]
    return points, embed(points, [10], 1, 1)[10] + [40, -7]


def test_copies_of_the_maps_crops_are_placed_on_them(three_heaps):
    points, at = three_heaps
    apart = np.linalg.norm(place(points, points[:30], at, 1, 1) - at[:30], axis=1)
    assert apart.max() < 0.1 * np.ptp(at)
    assert np.median(apart) < 0.03 * np.ptp(at)


def test_new_crops_are_placed_in_their_heap_whatever_comes_with_them(three_heaps, monkeypatch):
    points, at = three_heaps
    before = at.copy()
    others = np.random.default_rng(1).normal(size=(30, 10)) + 12 * np.eye(10)[np.arange(30) % 3]
    placed = place(points, others, at, 1, 1)
    middles = np.stack([at[heap::3].mean(0) for heap in range(3)])
    nearest = np.linalg.norm(placed[:, None] - middles, axis=2).argmin(1)
    assert np.array_equal(nearest, np.arange(30) % 3)
    assert np.array_equal(at, before)
    assert np.allclose(place(points, others[4:5], at, 1, 1), placed[4:5])
    assert np.ptp(place(points, others[[4] * 9], at, 1, 1), axis=0).max() == 0
    monkeypatch.setattr("place_crops.AT_ONCE", 7)
    assert np.allclose(place(points, others, at, 1, 2), placed)
    assert place(points, others[:0], at, 1, 1).shape == (0, 2)


def test_the_table_of_placed_crops(tmp_path, three_heaps):
    points, at = three_heaps
    ids = np.array([f"c{n}" for n in range(150)])
    np.savez(tmp_path / "c.npz", crop_id=ids[::-1], latent=points[::-1])
    np.savez(tmp_path / "o.npz", crop_id=np.array(["new"]), latent=points[5:6])
    table = pd.DataFrame({"crop_id": ids, "latent_x": at[:, 0], "latent_y": at[:, 1]})
    table.to_csv(tmp_path / "p.csv", index=False)
    (tmp_path / "labels.csv").write_text("crop_id,species_label\nnew,NA\nc1,fox\n")
    names = ("c.npz", "p.csv", "o.npz", "labels.csv", "placed.csv")
    place_crops(*(tmp_path / name for name in names), 1, 1)
    placed = pd.read_csv(tmp_path / "placed.csv", keep_default_na=False)
    assert list(placed) == ["crop_id", "species", "latent_x", "latent_y"]
    assert placed.loc[0, ["crop_id", "species"]].tolist() == ["new", "NA"]
    assert np.linalg.norm(placed[["latent_x", "latent_y"]] - at[5]) < 0.1 * np.ptp(at)


def test_crops_beside_the_map_are_encoded_as_its_own_were(tmp_path, moving_squares):
    model = build(SETTINGS).eval()
    axes = fit_axes(model, CPU, moving_squares, np.arange(40), 1)
    expected = project(axes, model, CPU, moving_squares, np.arange(64))
    settings = SETTINGS | {"precision": "float32"}
    save_detector(tmp_path / "m.pt", model, settings, {})
    save_axes(tmp_path / "axes.npz", axes)
    np.save(tmp_path / "pack.npy", moving_squares)
    lines = [f"{row},c{row}" for row in range(64)]
    (tmp_path / "pack.csv").write_text("\n".join(["row,crop_id", *lines]))
    assert np.array_equal(load_axes(tmp_path / "axes.npz", CPU)[1].mean, axes[1].mean)

    def encoded(mapped: int) -> dict:
        np.savez(tmp_path / "c.npz", crop_id=np.array([f"c{n}" for n in range(mapped)]))
        names = ("m.pt", "axes.npz", "c.npz", "pack.npy", "pack.csv", "o.npz")
        encode_others(*(tmp_path / name for name in names), 1)
        return dict(np.load(tmp_path / "o.npz"))

    found = encoded(40)
    assert found["crop_id"].tolist() == [f"c{n}" for n in range(40, 64)]
    for space, points in zip(("latent", "reconstruction"), expected, strict=True):
        assert np.allclose(found[space], points[40:], atol=1e-5)
    assert encoded(64)["reconstruction"].shape == (0, 40)
    np.save(tmp_path / "pack.npy", np.zeros((64, 32, 32, 3), np.uint8))
    with pytest.raises(BadInput, match="crops of 16 px"):
        encoded(40)

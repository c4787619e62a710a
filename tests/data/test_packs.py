"""Packs of every size and what else pixels tell, of one decode, against the naive way."""

import numpy as np
import pytest
from PIL import Image

from pack_crops import BLOCK, pack_crops
from stowaway.core.script import BadInput
from stowaway.core.tables import rows
from stowaway.data import shortcuts
from stowaway.data.copies import fingerprint
from stowaway.data.packs import GREY, Crop, Form, Pack, batches, open_pack


def save(path, pixels, **more) -> str:
    Image.fromarray(pixels).save(path, "JPEG", **{"quality": 95, "subsampling": 0} | more)
    return str(path)


def grain(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Soft shapes with a fine grain, as in a photo."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    soft = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), float)
    return (soft + rng.normal(0, 6, soft.shape)).clip(0, 255).astype(np.uint8)


def packed(tmp_path, paths, names, threads=2, boxes=None):
    """Run pack_crops on these files; a function that gives the path of an output."""
    lines = ["image_path,crop_id,crop_width,crop_height"]
    for n, path in enumerate(paths):
        with Image.open(path) as image:
            box = boxes[n] if boxes else image.size
        lines.append(f"{path},c{n},{box[0]},{box[1]}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    packs = [tmp_path / f"{name}.npy" for name in names]
    others = (tmp_path / f"{name}.csv" for name in ("index", "shortcuts", "copies"))
    pack_crops(tmp_path / "labels.csv", packs, *others, threads)


def test_every_pack_holds_each_crop_in_its_row(tmp_path):
    n = 2 * BLOCK + 5
    plain = (np.full((30, 20, 3), value, np.uint8) for value in range(n))
    paths = [save(tmp_path / f"{value}.jpg", p) for value, p in enumerate(plain)]
    packed(tmp_path, paths, ["8", "16"])
    for size in (8, 16):
        pixels, row_of = open_pack(tmp_path / f"{size}.npy", tmp_path / "index.csv")
        assert pixels.shape == (len(pixels), size, size, 3) == (n, size, size, 3)
        found = pixels[np.array([row_of[f"c{i}"] for i in range(n)])]
        assert (found == np.load(tmp_path / f"{size}.npy")).all() and found.dtype == np.uint8
        assert all(abs(int(crop.mean()) - i) <= 1 for i, crop in enumerate(found))
    assert [row["crop_id"] for row in rows(tmp_path / "shortcuts.csv")] == list(row_of)
    assert [row["crop_id"] for row in rows(tmp_path / "copies.csv")] == list(row_of)
    assert not list(tmp_path.glob("*.part"))


def test_a_failed_packing_leaves_no_half_output(tmp_path):
    paths = [save(tmp_path / f"{n}.jpg", grain(30, 20)) for n in range(2)]
    packed(tmp_path, paths, ["8"])
    before = (tmp_path / "8.npy").read_bytes()
    whole = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match="truncated"):
        packed(tmp_path, paths, ["8", "16"])
    assert (tmp_path / "8.npy").read_bytes() == before
    assert not [*tmp_path.glob(".*"), *tmp_path.glob("16*")]


@pytest.mark.parametrize("size", [(1500, 1000), (700, 460), (130, 170), (40, 30)])
def test_each_size_of_one_decode_is_near_a_plain_resize_of_a_full_one(tmp_path, size):
    path = save(tmp_path / "x.jpg", grain(*size))
    forms = [Form(32, False), Form(64, False), Form(128, False), Form(224, True)]
    crop = Crop(path, 224)
    with Image.open(path) as image:
        whole = image.convert("RGB")
    for form in forms:
        sides = [form.size] * 2
        if form.pad:
            sides = [round(form.size * side / max(size)) for side in size]
        plain = np.asarray(whole.resize(sides, Image.Resampling.BILINEAR), float)
        x, y = ((form.size - side) // 2 for side in sides)
        part = crop.as_square(form)[y : y + sides[1], x : x + sides[0]]
        assert np.abs(part - plain).mean() < 1.5
        assert np.abs(part - plain).max() <= 16


@pytest.mark.parametrize(("wide", "tall"), [(60, 20), (20, 60), (1000, 1), (9, 9)])
def test_a_padded_crop_keeps_its_form_between_grey_sides(tmp_path, wide, tall):
    path = save(tmp_path / "x.jpg", np.full((tall, wide, 3), (250, 10, 10), np.uint8))
    pixels = Crop(path, 30).as_square(Form(30, True))
    assert pixels.shape == (30, 30, 3)
    crop = pixels[..., 0] > 200
    expected = [max(1, round(30 * side / max(wide, tall))) for side in (tall, wide)]
    assert [int(crop.any(axis).sum()) for axis in (1, 0)] == expected
    assert (pixels[~crop] == GREY).all()
    assert abs(np.argwhere(crop).mean(0) - 14.5).max() <= 0.5


def test_shortcuts_of_known_pictures(tmp_path):
    grey = np.full((40, 20, 3), 100, np.uint8)
    red = grey * np.array([2, 0, 0], np.uint8)
    paths = [save(tmp_path / f"{n}.jpg", p, quality=100) for n, p in enumerate((grey, red))]
    packed(tmp_path, paths, ["8"], boxes=[(20, 40), (200, 400)])
    found = list(rows(tmp_path / "shortcuts.csv"))
    assert list(found[0]) == ["crop_id", *shortcuts.COLUMNS]
    assert [float(found[0][name]) for name in shortcuts.COLUMNS[:5]] == [100, 0, 0, 800, 0.5]
    assert float(found[1]["brightness"]) == pytest.approx(200 / 3, abs=1)
    assert float(found[1]["colourfulness"]) == pytest.approx(0.3 * np.hypot(200, 100), abs=1)
    assert float(found[1]["area"]) == 200 * 400  # the box's in the photo, not the saved crop's
    weight = (tmp_path / "1.jpg").stat().st_size
    assert float(found[1]["bytes_per_pixel"]) == pytest.approx(weight / 800, rel=1e-5)


@pytest.mark.parametrize("size", [(1500, 1000), (300, 280), (90, 60)])
def test_shortcuts_and_fingerprint_are_those_of_a_decode_for_them_alone(tmp_path, size):
    path = save(tmp_path / "x.jpg", grain(*size))
    with Image.open(path) as image:
        image.draft("RGB", (128, 128))
        alone = image.convert("RGB")
    seen = Crop(path, 224).about(shortcuts.SIDE)
    assert seen.size == alone.size
    pixels = np.asarray(alone, float)
    red, green, blue = np.moveaxis(pixels, 2, 0)
    across, down = red - green, (red + green) / 2 - blue
    colour = np.hypot(across.std(), down.std()) + 0.3 * np.hypot(across.mean(), down.mean())
    found = shortcuts.measures(seen, size, size, 1)[:3]
    assert found == pytest.approx([pixels.mean(), pixels.mean(2).std(), colour], rel=0.02)
    apart = fingerprint(seen.convert("L")) ^ fingerprint(alone.convert("L"))
    assert np.bitwise_count(apart).sum() <= 4


def test_batches_cover_all_rows():
    parts = batches(np.arange(10), 4)
    assert [len(part) for part in parts] == [4, 4, 2]
    assert np.concatenate(parts).tolist() == list(range(10))


def test_rows_of_a_pack_are_read_in_any_order_and_missing_ones_are_named(tmp_path):
    crops = np.arange(4 * 2 * 2 * 3, dtype=np.uint8).reshape(4, 2, 2, 3)
    np.save(tmp_path / "2.npy", crops)
    pack = Pack(tmp_path / "2.npy")
    for asked in ([3, 0, 3], [], [2], [[1, 0], [3, 3]]):
        assert np.array_equal(pack[np.array(asked, int)], crops[asked])
    with pytest.raises(BadInput, match="2.npy: there is no row 4"):
        pack[np.array([0, 4])]

"""Packs of every form and shortcuts, against the naive way."""

import numpy as np
import pytest
from PIL import Image

from measure_shortcuts import measure_shortcuts
from pack_crops import pack_crops
from stowaway.core.script import BadInput
from stowaway.core.tables import rows
from stowaway.data import shortcuts
from stowaway.data.packs import BLOCK, GREY, Form, Pack, batches, in_threads, pack_crop


def save(path, pixels, **more) -> str:
    Image.fromarray(pixels).save(path, "JPEG", **{"quality": 95, "subsampling": 0} | more)
    return str(path)


def grain(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Soft shapes with a fine grain, as in a photo."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    soft = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), float)
    return (soft + rng.normal(0, 6, soft.shape)).clip(0, 255).astype(np.uint8)


def write_labels(folder, paths, boxes=None):
    """A labels.csv of these saved crops, c0, c1 and so on."""
    lines = ["image_path,crop_id,crop_width,crop_height"]
    for n, path in enumerate(paths):
        with Image.open(path) as image:
            width, height = boxes[n] if boxes else image.size
        lines.append(f"{path},c{n},{width},{height}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder / "labels.csv"


def test_a_pack_holds_each_crop_in_the_row_of_the_labels(tmp_path):
    n = 2 * BLOCK + 5
    plain = (np.full((30, 20, 3), value, np.uint8) for value in range(n))
    paths = [save(tmp_path / f"{value}.jpg", p) for value, p in enumerate(plain)]
    labels = write_labels(tmp_path, paths)
    for form, size in (("8", 8), ("16pad", 16)):
        pack_crops(labels, tmp_path / f"{form}.npy", form, 2)
        pack = Pack(tmp_path / f"{form}.npy")
        assert pack.shape == (len(pack), size, size, 3) == (n, size, size, 3)
        crops = pack[np.arange(n)]
        assert (crops == np.load(tmp_path / f"{form}.npy")).all() and crops.dtype == np.uint8
        middle = crops[:, size // 2, size // 2].mean(1)
        assert np.abs(middle - np.arange(n)).max() <= 1
    measure_shortcuts(labels, tmp_path / "shortcuts.csv", 2)
    assert [r["crop_id"] for r in rows(tmp_path / "shortcuts.csv")] == [f"c{i}" for i in range(n)]
    assert not list(tmp_path.glob(".*"))


def test_a_pack_of_one_form_leaves_the_others_alone(tmp_path):
    paths = [save(tmp_path / "0.jpg", grain(30, 20))]
    labels = write_labels(tmp_path, paths)
    pack_crops(labels, tmp_path / "8.npy", "8", 1)
    before = (tmp_path / "8.npy").stat().st_mtime_ns
    pack_crops(labels, tmp_path / "16.npy", "16", 1)
    assert (tmp_path / "8.npy").stat().st_mtime_ns == before


@pytest.mark.parametrize("threads", [1, 3])
def test_work_in_threads_keeps_its_order_and_waits_for_its_reader(threads):
    started = []
    results = in_threads(lambda n: started.append(n) or n * n, range(20 * BLOCK), threads)
    assert next(results) == 0
    assert len(started) <= (threads + 1) * BLOCK  # the rest waits until results are taken
    assert list(results) == [n * n for n in range(1, 20 * BLOCK)]


def test_a_failed_packing_leaves_no_half_output(tmp_path):
    paths = [save(tmp_path / f"{n}.jpg", grain(30, 20)) for n in range(2)]
    labels = write_labels(tmp_path, paths)
    pack_crops(labels, tmp_path / "8.npy", "8", 2)
    before = (tmp_path / "8.npy").read_bytes()
    whole = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(whole[: len(whole) // 2])
    for form in ("8", "16"):
        with pytest.raises(BadInput, match="1.jpg: damaged .* --forcerun crop_images"):
            pack_crops(labels, tmp_path / f"{form}.npy", form, 2)
    assert (tmp_path / "8.npy").read_bytes() == before
    assert not [*tmp_path.glob(".*"), *tmp_path.glob("16*")]


@pytest.mark.parametrize("size", [(1500, 1000), (700, 460), (130, 170), (40, 30)])
def test_a_crop_decoded_small_is_near_a_plain_resize_of_the_whole_one(tmp_path, size):
    path = save(tmp_path / "x.jpg", grain(*size))
    forms = [Form(32, "squeeze"), Form(64, "squeeze"), Form(128, "squeeze"), Form(224, "pad")]
    with Image.open(path) as image:
        whole = image.convert("RGB")
    for form in forms:
        sides = [form.size] * 2
        if form.aspect == "pad":
            sides = [round(form.size * side / max(size)) for side in size]
        plain = np.asarray(whole.resize(sides, Image.Resampling.BILINEAR), float)
        x, y = ((form.size - side) // 2 for side in sides)
        part = pack_crop(path, form)[y : y + sides[1], x : x + sides[0]]
        assert np.abs(part - plain).mean() < 1.5
        assert np.abs(part - plain).max() <= 16


@pytest.mark.parametrize(("wide", "tall"), [(60, 20), (20, 60), (1000, 1), (9, 9)])
def test_a_padded_crop_keeps_its_form_between_grey_sides(tmp_path, wide, tall):
    path = save(tmp_path / "x.jpg", np.full((tall, wide, 3), (250, 10, 10), np.uint8))
    pixels = pack_crop(path, Form(30, "pad"))
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
    labels = write_labels(tmp_path, paths, boxes=[(20, 40), (200, 400)])
    measure_shortcuts(labels, tmp_path / "shortcuts.csv", 2)
    plain, coloured = rows(tmp_path / "shortcuts.csv")
    assert list(plain) == ["crop_id", *shortcuts.COLUMNS]
    assert [float(plain[name]) for name in shortcuts.COLUMNS[:5]] == [100, 0, 0, 800, 0.5]
    assert float(coloured["brightness"]) == pytest.approx(200 / 3, abs=1)
    assert float(coloured["colourfulness"]) == pytest.approx(0.3 * np.hypot(200, 100), abs=1)
    assert float(coloured["area"]) == 200 * 400  # the box's in the photo, not the saved crop's
    weight = (tmp_path / "1.jpg").stat().st_size
    assert float(coloured["bytes_per_pixel"]) == pytest.approx(weight / 800, rel=1e-5)


@pytest.mark.parametrize("size", [(1500, 1000), (300, 280), (90, 60)])
def test_shortcuts_are_near_those_of_the_whole_crop(tmp_path, size):
    path = save(tmp_path / "x.jpg", grain(*size))
    labels = write_labels(tmp_path, [path])
    measure_shortcuts(labels, tmp_path / "shortcuts.csv", 1)
    measured = next(rows(tmp_path / "shortcuts.csv"))
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), float)
    red, green, blue = np.moveaxis(pixels, 2, 0)
    across, down = red - green, (red + green) / 2 - blue
    colour = np.hypot(across.std(), down.std()) + 0.3 * np.hypot(across.mean(), down.mean())
    expected = [pixels.mean(), pixels.mean(2).std(), colour]
    values = [float(measured[name]) for name in shortcuts.COLUMNS[:3]]
    assert values == pytest.approx(expected, rel=0.05)


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
    with pytest.raises(BadInput, match="2.npy: damaged .there is no row 4"):
        pack[np.array([0, 4])]

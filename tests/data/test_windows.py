"""Windows: where they lie, what the crop stage saves of them, and their packs."""

import csv

import numpy as np
import pytest
from PIL import Image

from crop_images import COLUMNS
from pack_crops import pack_crops
from stowaway.core.tables import rows
from stowaway.data.packs import GREY, Form
from stowaway.data.photos import WINDOW_SIDE, open_photo, window_of

SIZE = (200, 100)


@pytest.mark.parametrize(
    ("box", "size", "expected"),
    [
        ((90, 40, 20, 10), SIZE, (86, 31, 28, 28)),  # 20 + 40 %, middle at 100, 45
        ((90, 30, 10, 40), SIZE, (67, 22, 56, 56)),
        ((2, 40, 20, 10), SIZE, (0, 31, 28, 28)),  # slid in from the left,
        ((178, 40, 20, 10), SIZE, (172, 31, 28, 28)),  # from the right,
        ((90, 3, 20, 10), SIZE, (86, 0, 28, 28)),  # the top
        ((90, 88, 20, 10), SIZE, (86, 72, 28, 28)),  # and the bottom
        ((0, 0, 20, 10), SIZE, (0, 0, 28, 28)),  # corners
        ((180, 0, 20, 10), SIZE, (172, 0, 28, 28)),
        ((0, 90, 20, 10), SIZE, (0, 72, 28, 28)),
        ((180, 90, 20, 10), SIZE, (172, 72, 28, 28)),
        ((30, 20, 100, 50), SIZE, (10, 0, 140, 100)),  # the photo is lower than the window,
        ((20, 30, 50, 100), (100, 200), (0, 10, 100, 140)),  # narrower,
        ((10, 5, 150, 90), SIZE, (0, 0, 200, 100)),  # or both
        ((0, 0, 200, 100), SIZE, (0, 0, 200, 100)),
        ((0, 0, 1, 1), (1, 1), (0, 0, 1, 1)),
        ((50, 60, 1, 1), SIZE, (50, 60, 1, 1)),  # 1.4 is 1 pixel,
        ((50, 60, 2, 1), SIZE, (49, 59, 3, 3)),  # 2.8 are 3: one more on the left and the top
    ],
)
def test_a_window_by_hand(box, size, expected):
    assert window_of(box, size) == expected


def test_a_window_is_in_its_photo_and_holds_its_box():
    rng = np.random.default_rng(0)
    for _ in range(2_000):
        size = rng.integers(1, 60, 2).tolist()
        starts = [int(rng.integers(0, side)) for side in size]
        lengths = [int(rng.integers(1, s - x + 1)) for s, x in zip(size, starts, strict=True)]
        window = window_of((*starts, *lengths), size)
        side = round(1.4 * max(lengths))
        for axis in (0, 1):
            first, length = window[axis], window[axis + 2]
            assert 0 <= first <= starts[axis]
            assert starts[axis] + lengths[axis] <= first + length <= size[axis]
            assert length == min(side, size[axis])


def image(width: int, height: int) -> np.ndarray:
    """A picture of which each place has its own colour: red by column, green by row."""
    down, across = np.mgrid[:height, :width]
    return np.dstack([across * 255 // width, down * 255 // height, 0 * down]).astype(np.uint8)


def shard_of(tmp_path, shards, box, photo, **more):
    Image.fromarray(photo).save(tmp_path / "x.png")
    boxes = [{"crop_id": "a/x.jpg", "image_id": "1", "box": box} | more]
    crops, _ = shards.crop(boxes, {"1": tmp_path / "x.png"})
    (row,) = rows(crops)
    return row


def test_the_crop_stage_saves_the_window_beside_the_crop(tmp_path, shards):
    photo = image(200, 100)
    # listed at half the size, and by 5 pixels outside: the window is that of the box in the photo
    row = shard_of(tmp_path, shards, (-5, 20, 15, 5), photo, width=100, height=50)
    assert [row[name] for name in ("x", "y", "crop_width", "crop_height")] == list(
        map(str, (0, 40, 20, 10))
    )
    assert row["image_path"] == str(tmp_path / "crops/a/x.jpg")
    assert row["window_path"] == str(tmp_path / "windows/a/x.jpg")
    for column, (x, y, w, h) in (("image_path", (0, 40, 20, 10)), ("window_path", (0, 31, 28, 28))):
        with Image.open(row[column]) as saved:
            assert saved.size == (w, h)
            expected = photo[y : y + h, x : x + w].astype(int)
            assert np.abs(np.asarray(saved) - expected).mean() < 3
    labels = next(rows(shards.gather().labels))
    assert labels["window_path"] == row["window_path"]
    assert COLUMNS[:2] == ["image_path", "window_path"]
    (tmp_path / "x.png").unlink()  # photos may be dropped
    pack_crops(tmp_path / "labels.csv", tmp_path / "28window.npy", "28window", 1)
    packed = np.load(tmp_path / "28window.npy")[0].astype(int)
    assert np.abs(packed - photo[31:59, :28]).mean() < 3


def test_a_saved_window_is_bounded(tmp_path):
    photo = open_photo_of(tmp_path, 3000, 2000, None)
    assert photo.cut((0, 0, 1500, 1400))[1].size == (1500, 1400)
    assert photo.window((0, 0, 1500, 1400)).size == (WINDOW_SIDE, round(WINDOW_SIDE * 2000 / 2100))
    assert photo.window((0, 0, 700, 90)).size == (980, 980)
    photo = open_photo_of(tmp_path, 3000, 2000, 100, [(1000, 800, 400, 100)])
    assert max(photo.image.size) == 750  # no more than the crop needs
    assert photo.window((1000, 800, 400, 100)).size == (100, 100)
    assert photo.window((0, 0, 3000, 2000)).size == (100, 67)
    photo = open_photo_of(tmp_path, 3000, 2000, 5000)
    assert max(photo.window((0, 0, 3000, 2000)).size) == WINDOW_SIDE


def open_photo_of(tmp_path, width, height, max_side, boxes=()):
    Image.new("RGB", (width, height), "red").save(tmp_path / "x.jpg")
    content = (tmp_path / "x.jpg").read_bytes()
    return open_photo(content, 10**8, None, boxes, max_side)


def test_a_window_of_a_photo_decoded_small_is_that_of_the_photo(tmp_path):
    Image.fromarray(image(1600, 1200)).save(tmp_path / "x.jpg", quality=95)
    content, box = (tmp_path / "x.jpg").read_bytes(), (1200, 300, 400, 200)
    photo = open_photo(content, 10**8, None, [box], 50)
    assert photo.image.size == (200, 150)
    saved = np.asarray(photo.window(photo.cut(box)[0]), float)  # (1040, 120, 560, 560)
    assert saved.shape == (50, 50, 3)
    assert saved[25, :, 0] == pytest.approx(
        (1040 + 11.2 * (np.arange(50) + 0.5)) * 255 / 1600, abs=4
    )
    assert saved[:, 25, 1] == pytest.approx(
        (120 + 11.2 * (np.arange(50) + 0.5)) * 255 / 1200, abs=4
    )


def test_a_window_that_is_no_square_is_padded(tmp_path):
    Image.new("RGB", (40, 20), (255, 0, 0)).save(tmp_path / "w.jpg")
    Image.new("RGB", (9, 9), (0, 255, 0)).save(tmp_path / "c.jpg")
    with open(tmp_path / "labels.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_path", "window_path", "crop_id"])
        table.writerow([tmp_path / "c.jpg", tmp_path / "w.jpg", "c0"])
    red, green = {}, {}
    for form in ("16", "16pad", "16window"):
        pack_crops(tmp_path / "labels.csv", tmp_path / "p.npy", form, 1)
        pixels = np.load(tmp_path / "p.npy")[0]
        red[form], green[form] = (int((pixels[..., of] > 200).sum()) for of in (0, 1))
    assert red == {"16": 0, "16pad": 0, "16window": 128}
    assert green == {"16": 256, "16pad": 256, "16window": 0}
    assert (pixels[[0, 3, 12, 15]] == GREY).all() and (pixels[4:12, :, 0] > 200).all()


def test_forms_are_named_as_their_packs():
    assert Form.named("64") == Form(64, "squeeze")
    assert Form.named("224pad") == Form(224, "pad")
    assert Form.named("224window") == Form(224, "window")
    assert [Form.named(n).column for n in ("64", "64pad", "64window")] == [
        *["image_path"] * 2,
        "window_path",
    ]

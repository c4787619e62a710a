import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from measure_shortcuts import measure_shortcuts
from pack_crops import pack_crops
from stowaway.core.script import BadInput
from stowaway.core.tables import read_table, rows
from stowaway.data.exact_copies import crop_checksum, photo_checksum
from stowaway.data.photos import Unusable, fit_box, open_photo, read_photo

QUADRANTS = np.zeros((40, 60, 3), np.uint8)  # red, green / blue, white
QUADRANTS[:20, :30] = 255, 0, 0
QUADRANTS[:20, 30:] = 0, 255, 0
QUADRANTS[20:, :30] = 0, 0, 255
QUADRANTS[20:, 30:] = 255, 255, 255


def colour(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    return tuple(int(round(v / 255)) for v in image.getpixel((x, y)))


def save_turned(path, orientation):
    """The quadrants stored so that a viewer which obeys EXIF shows them upright."""
    undo = {
        6: Image.Transpose.ROTATE_90,
        3: Image.Transpose.ROTATE_180,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
    }
    image = Image.fromarray(QUADRANTS).transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, quality=100, exif=exif)


@pytest.mark.parametrize("orientation", [2, 3, 6])
def test_exif_orientation_is_obeyed(tmp_path, orientation):
    save_turned(tmp_path / "x.jpg", orientation)
    for listed in (None, (60, 40), (120, 80)):
        image = open_photo(read_photo(tmp_path / "x.jpg"), 10**6, listed).image
        assert image.size == (60, 40)
        assert [colour(image, *at) for at in ((5, 5), (55, 5), (5, 35))] == [
            (1, 0, 0),
            (0, 1, 0),
            (0, 0, 1),
        ]


ODD = {  # a tag of the wrong type: tag, type, count, value
    "orientation as text": (274, 2, 3, b"up\0\0"),
    "width as a float": (256, 11, 1, struct.pack("<f", 1.5)),
    "resolution as text": (282, 2, 3, b"no\0\0"),
}


@pytest.mark.parametrize("odd", ODD)
def test_malformed_exif_loses_no_photo(tmp_path, odd):
    tags = {274: (274, 3, 1, struct.pack("<I", 6))} | {ODD[odd][0]: ODD[odd]}
    entries = b"".join(struct.pack("<HHI4s", *tags[tag]) for tag in sorted(tags))
    header = b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags))
    Image.fromarray(QUADRANTS).save(tmp_path / "x.jpg", exif=header + entries + bytes(4))
    turned = (60, 40) if odd == "orientation as text" else (40, 60)
    assert open_photo(read_photo(tmp_path / "x.jpg"), 10**6, None).image.size == turned


def test_a_photo_gone_from_the_store_is_no_corrupt_image(tmp_path):
    with pytest.raises(BadInput, match="--forcerun download_images"):
        read_photo(tmp_path / "gone.jpg")


def test_boxes_drawn_without_regard_to_exif_keep_the_stored_picture(tmp_path):
    save_turned(tmp_path / "x.jpg", 6)
    assert open_photo(read_photo(tmp_path / "x.jpg"), 10**6, (40, 60)).image.size == (40, 60)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1", "I;16", "YCbCr"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    if mode == "I;16":
        image = Image.fromarray(np.full((40, 60), 256 * 200, np.uint16))
    else:
        image = Image.fromarray(QUADRANTS).convert(mode)
    path = tmp_path / ("x.jpg" if mode in ("CMYK", "YCbCr") else "x.png")
    image.save(path)
    opened = open_photo(read_photo(path), 10**6, None).image
    assert (opened.mode, opened.size) == ("RGB", (60, 40))
    assert colour(opened, 50, 30) == (1, 1, 1)


def test_transparency_is_black(tmp_path):
    Image.new("RGBA", (8, 8), (255, 255, 255, 0)).save(tmp_path / "x.png")
    assert colour(open_photo(read_photo(tmp_path / "x.png"), 10**6, None).image, 4, 4) == (0, 0, 0)


def test_unusable_files_say_why(tmp_path):
    Image.fromarray(QUADRANTS).resize((600, 400)).save(tmp_path / "x.jpg")
    whole = (tmp_path / "x.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("<html>not found</html>")
    (tmp_path / "empty.jpg").write_bytes(b"")
    for name, limit, reason in (
        ("cut.jpg", 10**6, "corrupt"),
        ("text.jpg", 10**6, "not an image"),
        ("empty.jpg", 10**6, "not an image"),
        ("x.jpg", 239_999, "over the limit: 600 x 400 pixels"),
    ):
        with pytest.raises(Unusable, match=reason):
            open_photo(read_photo(tmp_path / name), limit, None)


@pytest.mark.parametrize(
    ("box", "listed", "actual", "expected"),
    [
        ((10, 10, 20, 20), (100, 80), (100, 80), (10, 10, 20, 20)),
        ((10, 10, 20, 20), (100, 80), (50, 40), (5, 5, 10, 10)),
        ((90, 70, 700, 8), None, (100, 80), (90, 70, 10, 8)),
    ],
)
def test_fit_box(box, listed, actual, expected):
    assert fit_box(box, listed, actual) == expected


def test_boxes_that_do_not_fit():
    with pytest.raises(Unusable, match="outside"):
        fit_box((100, 0, 5, 5), None, (100, 80))
    with pytest.raises(Unusable, match="other proportions.*100 x 80, not 100 x 100"):
        fit_box((0, 0, 5, 5), (100, 100), (100, 80))


def test_crops_of_a_shard(tmp_path, shards):
    Image.fromarray(QUADRANTS).save(tmp_path / "good.jpg", quality=100)
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff half")
    size = {"width": 60, "height": 40}
    boxes = [
        {"crop_id": "a/good.box1.jpg", "image_id": "1", "box": (0, 0, 30, 20), **size},
        {"crop_id": "a/good.box2.jpg", "image_id": "1", "box": (30, 20, 30, 20), **size},
        {"crop_id": "a/bad.jpg", "image_id": "2", "box": (0, 0, 5, 5)},
        {"crop_id": "a/none.jpg", "image_id": "3", "box": (0, 0, 5, 5)},
    ]
    boxes[1]["species"] = "rat"
    photos = {"1": tmp_path / "good.jpg", "2": tmp_path / "bad.jpg", "3": "NoSuchKey"}
    crops, rejected = shards.crop(boxes, photos)
    table = list(rows(crops))
    assert [row["crop_id"] for row in table] == ["a/good.box1.jpg", "a/good.box2.jpg"]
    with Image.open(table[0]["image_path"]) as red, Image.open(table[1]["image_path"]) as white:
        assert (colour(red, 15, 10), colour(white, 15, 10)) == ((1, 0, 0), (1, 1, 1))
        assert red.size == (30, 20)
    content = (tmp_path / "good.jpg").read_bytes()
    assert {row["photo_checksum"] for row in table} == {photo_checksum(content)}
    with Image.open(tmp_path / "good.jpg") as photo:
        pixels = photo.crop((30, 20, 60, 40))
        assert table[1]["crop_checksum"] == crop_checksum(pixels) != table[0]["crop_checksum"]
    reasons = {row["crop_id"]: row["reason"] for row in rows(rejected)}
    assert reasons["a/none.jpg"] == "not downloaded: NoSuchKey"
    assert "a/bad.jpg" in reasons

    gathered = shards.gather()
    labels = read_table(gathered.labels)
    assert list(labels)[:2] == ["image_path", "species_label"]
    assert labels["species_label"].tolist() == ["fox", "rat"]
    summary = gathered.summary.read_text()
    assert len(list(rows(gathered.rejected))) == 2
    assert "2 there, 1 missing, 0 failed" in summary
    assert "1 x not downloaded" in summary
    shards.crops = []
    with pytest.raises(BadInput, match="no crop could be made: {.*'not downloaded': 1"):
        shards.gather()


GRAIN = Image.fromarray(np.random.default_rng(0).integers(0, 256, (27, 36, 3), dtype=np.uint8))


def save_large(path, **more) -> np.ndarray:
    """A photo of 1600 x 1200 with soft shapes, and its pixels as a whole decode gives them."""
    GRAIN.resize((1600, 1200), Image.Resampling.BICUBIC).save(path, quality=95, **more)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), float)


@pytest.mark.parametrize(
    ("boxes", "scale"),
    [
        ([(0, 0, 800, 600), (800, 300, 700, 900)], 8),
        ([(0, 0, 800, 600), (100, 100, 290, 210)], 2),
        ([(0, 0, 800, 600), (700, 500, 150, 80), (5000, 5000, 9, 9)], 1),
    ],
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_is_decoded_no_larger_than_its_crops_need(tmp_path, boxes, scale, orientation):
    path, exif = tmp_path / "x.jpg", Image.Exif()
    exif[0x0112] = orientation
    whole = save_large(path, exif=exif)
    if orientation == 6:
        whole = np.rot90(whole, -1)
        boxes = [(1200 - y - h, x, h, w) if x < 5000 else (x, y, w, h) for x, y, w, h in boxes]
    size = whole.shape[1::-1]
    photo = open_photo(read_photo(path), 10**7, size, boxes, 90)
    assert photo.size == size
    assert photo.image.size == tuple(side // scale for side in size)
    for box in boxes[:2]:
        x, y, w, h = box
        fitted, crop = photo.cut(box)
        assert fitted == box  # the box is the photo's, at whatever size it was decoded
        sides = [max(1, round(side / max(1, max(w, h) / 90))) for side in (w, h)]
        assert (list(crop.size), max(crop.size)) == (sides, 90)
        part = Image.fromarray(whole[y : y + h, x : x + w].astype(np.uint8))
        expected = np.asarray(part.resize(sides, Image.Resampling.BILINEAR), float)
        assert np.abs(np.asarray(crop) - expected).mean() < 2


def test_without_a_limit_a_crop_has_the_pixels_of_the_photo(tmp_path):
    whole = save_large(tmp_path / "x.jpg")
    photo = open_photo(read_photo(tmp_path / "x.jpg"), 10**7, None, [(0, 0, 1600, 1200)])
    _, crop = photo.cut((100, 50, 700, 300))
    assert (np.asarray(crop) == whole[50:350, 100:800]).all()


def test_a_small_crop_is_not_enlarged_and_a_narrow_one_keeps_a_pixel(tmp_path):
    Image.new("RGB", (4000, 5), "red").save(tmp_path / "x.png")
    Image.new("RGB", (4000, 5), "red").save(tmp_path / "x.jpg")
    for name in ("x.png", "x.jpg"):
        photo = open_photo(read_photo(tmp_path / name), 10**6, None, [(0, 0, 4000, 5)], 64)
        assert photo.cut((0, 0, 4000, 5))[1].size == (64, 1)
    photo = open_photo(read_photo(tmp_path / "x.png"), 10**6, None, [], 64)
    assert photo.cut((9, 0, 40, 5))[1].width == 40


@pytest.fixture
def decoded(monkeypatch):
    """The size of each image whose pixels were decoded, in order, as often as they were."""
    sizes, load = [], ImageFile.ImageFile.load

    def counted(image):
        if image.tile:
            sizes.append(image.size)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", counted)
    return sizes


def test_each_photo_and_each_crop_is_read_and_decoded_once(tmp_path, shards, decoded, monkeypatch):
    boxes, photos = [], {}
    for n in range(3):
        photos[f"{n}"] = tmp_path / f"{n}.jpg"
        Image.fromarray(QUADRANTS[:, : 60 - n]).save(photos[f"{n}"])
        for left in (0, 5):
            box = {"crop_id": f"{n}.{left}.jpg", "box": (left, 0, 30, 20 - n)}
            boxes.append(box | {"image_id": f"{n}"})
    files, read_bytes = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: files.append(path) or read_bytes(path))
    crops, _ = shards.crop(boxes, photos)
    assert files == list(photos.values())
    assert decoded == [(60, 40), (59, 40), (58, 40)]
    for run in (
        lambda: pack_crops(crops, tmp_path / "16.npy", "16", 2),
        lambda: measure_shortcuts(crops, tmp_path / "shortcuts.csv", 2),
    ):
        decoded.clear()
        run()
        assert sorted(decoded) == [(30, 18), (30, 18), (30, 19), (30, 19), (30, 20), (30, 20)]

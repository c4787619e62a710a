import struct
from io import BytesIO
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
from stowaway.download.journal import Journal

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
        ("cut.jpg", 10**6, "^photo is unreadable: image is corrupt: image file is truncated"),
        ("text.jpg", 10**6, "^photo is unreadable: not a photo: HTML page of 22 bytes$"),
        ("empty.jpg", 10**6, "^photo is unreadable: not a photo: empty file$"),
        ("x.jpg", 239_999, "^image is over the limit: 600 x 400 pixels"),
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
    assert "images: 1 there, 1 missing, 0 failed, 1 unreadable\n" in summary
    assert "boxes lost on the way to the crops: 60.0% of 5\n" in summary
    crops.write_text(crops.read_text().splitlines(keepends=True)[0])
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


def journal_of(folder: Path, shard: int = 0) -> Journal:
    return Journal(folder / f"images/.journal/{shard}.csv")


def stored(folder: Path, contents: dict[str, bytes]) -> dict[str, Path]:
    """Photos in the store, noted as complete in the journal."""
    photos = {}
    with journal_of(folder).opened() as add:
        for name, content in contents.items():
            photos[name] = folder / f"images/{name}.jpg"
            photos[name].write_bytes(content)
            add([f"{name}.jpg", len(content), "", "0" * 16])
    return photos


def jpeg(seed: int = 0) -> bytes:
    file = BytesIO()
    Image.fromarray(np.roll(QUADRANTS, seed, 1)).save(file, "JPEG")
    return file.getvalue()


def boxes_on(*images: str) -> list[dict]:
    return [{"crop_id": f"{n}.jpg", "image_id": n, "box": (0, 0, 9, 9)} for n in images]


LOGIN = b"<!doctype html><title>Log in</title>"


def test_unreadable_photos_are_rows_and_asked_for_again(tmp_path, shards):
    """A login page, half a photo, a file that is gone; the box of a whole photo that is outside."""
    contents = {"good": jpeg(), "page": LOGIN, "half": jpeg()[:700], "gone": b""}
    photos = stored(tmp_path, contents)
    photos["gone"].unlink()
    boxes = boxes_on(*photos)
    boxes.insert(1, {"crop_id": "out.jpg", "image_id": "good", "box": (900, 0, 5, 5)})
    crops, rejected = shards.crop(boxes, photos)
    assert [row["crop_id"] for row in rows(crops)] == ["good.jpg"]
    reasons = {row["crop_id"]: row["reason"] for row in rows(rejected)}
    assert reasons == {
        "out.jpg": "box is outside the image",
        "page.jpg": "photo is unreadable: not a photo: HTML page of 36 bytes",
        "half.jpg": reasons["half.jpg"],
        "gone.jpg": "photo is unreadable: it is gone",
    }
    assert reasons["half.jpg"].startswith("photo is unreadable: image is corrupt: ")
    table = {row["image_id"]: row for row in rows(tmp_path / "0.unreadable.csv")}
    assert list(table) == ["page", "half", "gone"]
    assert table["page"]["error"] == reasons["page.jpg"]
    assert table["page"]["path"] == str(photos["page"])
    assert [path.name for path in sorted((tmp_path / "images").glob("*.jpg"))] == ["good.jpg"]
    noted = {name for name, record in journal_of(tmp_path).records.items() if record[2] == "0" * 16}
    assert noted == {"good.jpg"}
    assert (tmp_path / "0.manifest.csv").exists()


def test_too_many_unreadable_photos_end_the_run_and_another_fetches_them(tmp_path, shards):
    """They count together with the missing ones: 2 of 4 is over 25 %, and so is 1 with 1."""
    photos = stored(tmp_path, {"a": jpeg(), "b": LOGIN, "c": jpeg(2)}) | {"d": "NoSuchKey"}
    words = (
        r"^2 of 4 images \(50.0%\) could not be had or read, over max_failed = 25.0%; "
        r"\S+/0.unreadable.csv lists the 1 unreadable ones; run again to fetch them anew; "
        r"the last, \S+/b.jpg: photo is unreadable: not a photo: HTML page of 36 bytes$"
    )
    with pytest.raises(BadInput, match=words):
        shards.crop(boxes_on(*photos), photos, max_failed=0.25)
    assert not (tmp_path / "0.manifest.csv").exists()  # so the download runs again
    assert not (tmp_path / "0.ok.csv").exists()
    assert [row["image_id"] for row in rows(tmp_path / "0.unreadable.csv")] == ["b"]
    assert journal_of(tmp_path).records["b.jpg"][2] != "0" * 16
    photos["b"].write_bytes(jpeg(1))
    shards.crop(boxes_on(*photos), photos, max_failed=0.25)
    assert not (tmp_path / "0.unreadable.csv").exists()


def test_an_unreadable_photo_of_the_users_own_stays(tmp_path, shards, monkeypatch):
    """Its link in the store goes; in a store that is the source itself, nothing does."""
    (tmp_path / "own.jpg").write_bytes(LOGIN)
    photos = stored(tmp_path, {"a": LOGIN, "b": LOGIN})
    photos["a"].unlink()
    photos["a"].symlink_to(tmp_path / "own.jpg")
    shards.crop(boxes_on("a", "b"), photos, source=[str(tmp_path / "images")])
    assert (tmp_path / "own.jpg").read_bytes() == photos["b"].read_bytes() == LOGIN
    assert not photos["a"].is_symlink()
    assert {record[2] for record in journal_of(tmp_path).records.values()} == {"-" * 16}


@pytest.mark.parametrize("boxes", ["q.jpg q.jpg/y.jpg", "q.jpg/y.jpg q.jpg", f"{'é' * 150}.jpg"])
def test_a_crop_whose_name_cannot_be_is_a_row(tmp_path, shards, boxes):
    photos = {"1": tmp_path / "1.jpg"}
    photos["1"].write_bytes(jpeg())
    names = ["first.jpg", *boxes.split()]
    listed = [
        {"crop_id": name, "image_id": "1", "box": (n, 0, 9, 9)} for n, name in enumerate(names)
    ]
    crops, rejected = shards.crop(listed, photos)
    assert [row["crop_id"] for row in rows(crops)] == names[:-1]
    (row,) = rows(rejected)
    assert row["crop_id"] == names[-1] and row["reason"].startswith("crop cannot be saved: ")
    assert not list((tmp_path / "crops").rglob("*.part"))


def test_pixels_outside_are_counted(tmp_path, shards):
    photos = {"1": tmp_path / "1.jpg"}
    photos["1"].write_bytes(jpeg())
    boxes = [(0, 0, 60, 40), (50, 30, 12, 10), (50, 30, 10, 23), (0, 0, 100, 80)]
    listed = [{"crop_id": f"{n}.jpg", "image_id": "1", "box": b} for n, b in enumerate(boxes)]
    crops, _ = shards.crop(listed, photos, box="pixels")
    assert [row["clipped"] for row in rows(crops)] == ["0", "2", "13", "40"]
    whole = [row | {"width": 120, "height": 80} for row in listed]  # twice as large as it is
    crops, rejected = shards.crop([whole[0], whole[3]], photos)
    assert [row["clipped"] for row in rows(crops)] == ["0", "0"]


@pytest.mark.parametrize(("far", "total", "ends"), [(3, 59, True), (3, 60, False), (2, 4, False)])
def test_many_boxes_that_leave_their_photos_are_asked_about(tmp_path, shards, far, total, ends):
    """3 of 59 are over 5 %, 3 of 60 are not; two may be mistakes however few there are."""
    photos = {"1": tmp_path / "1.jpg"}
    photos["1"].write_bytes(jpeg())
    boxes = [(20, 10, 46, 36)] * far + [(20, 10, 45, 35)] * (total - far)  # by 6 and by 5 pixels
    listed = [{"crop_id": f"{n}.jpg", "image_id": "1", "box": b} for n, b in enumerate(boxes)]
    shards.crop(listed, photos, box="pixels")  # declared: they are what they are
    if not ends:
        shards.crop(listed, photos)
        return
    words = f"{far} of {total} boxes leave their photo by more than 5 pixels.*images.box to corners"
    with pytest.raises(BadInput, match=words):
        shards.crop(listed, photos)
    with pytest.raises(BadInput, match=f"images.box is corners, but {far} of {total} boxes leave"):
        shards.crop(listed, photos, box="corners")

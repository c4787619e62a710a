import csv
import struct

import numpy as np
import pytest
from PIL import Image

from crop_images import crop_images
from label_crops import label_crops
from stowaway.crops import Unusable, fit_box, open_upright, save_crop
from stowaway.packs import GREY, batches, open_pack, pack, small
from stowaway.run import BadInput
from stowaway.tables import read_table, rows

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
        image = open_upright(str(tmp_path / "x.jpg"), 10**6, listed)
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
    assert open_upright(str(tmp_path / "x.jpg"), 10**6, None).size == turned


def test_a_photo_gone_from_the_store_is_no_corrupt_image(tmp_path):
    with pytest.raises(BadInput, match="--forcerun download_images"):
        open_upright(str(tmp_path / "gone.jpg"), 10**6, None)


def test_boxes_drawn_without_regard_to_exif_keep_the_stored_picture(tmp_path):
    save_turned(tmp_path / "x.jpg", 6)
    assert open_upright(str(tmp_path / "x.jpg"), 10**6, (40, 60)).size == (40, 60)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1", "I;16", "YCbCr"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    if mode == "I;16":
        image = Image.fromarray(np.full((40, 60), 256 * 200, np.uint16))
    else:
        image = Image.fromarray(QUADRANTS).convert(mode)
    path = tmp_path / ("x.jpg" if mode in ("CMYK", "YCbCr") else "x.png")
    image.save(path)
    opened = open_upright(str(path), 10**6, None)
    assert (opened.mode, opened.size) == ("RGB", (60, 40))
    assert colour(opened, 50, 30) == (1, 1, 1)


def test_transparency_is_black(tmp_path):
    Image.new("RGBA", (8, 8), (255, 255, 255, 0)).save(tmp_path / "x.png")
    assert colour(open_upright(str(tmp_path / "x.png"), 10**6, None), 4, 4) == (0, 0, 0)


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
            open_upright(str(tmp_path / name), limit, None)


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


def test_crops_of_a_shard(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    Image.fromarray(QUADRANTS).save(images / "good.jpg", quality=100)
    (images / "bad.jpg").write_bytes(b"\xff\xd8\xff half")
    names = (
        "crop_id image_id file_name key x y w h species label location datetime event width height"
    )
    lines = [
        [
            "a/good.box1.jpg",
            "1",
            "good.jpg",
            "k",
            0,
            0,
            30,
            20,
            "fox",
            "fox",
            "A",
            "t",
            "e",
            60,
            40,
        ],
        [
            "a/good.box2.jpg",
            "1",
            "good.jpg",
            "k",
            30,
            20,
            30,
            20,
            "rat",
            "rat",
            "A",
            "t",
            "e",
            60,
            40,
        ],
        ["a/bad.jpg", "2", "bad.jpg", "k", 0, 0, 5, 5, "fox", "fox", "A", "t", "e", "", ""],
        ["a/none.jpg", "3", "none.jpg", "k", 0, 0, 5, 5, "fox", "fox", "A", "t", "e", "", ""],
    ]
    with (tmp_path / "shard.csv").open("w", newline="") as file:
        csv.writer(file).writerows([names.split(), *lines])
    manifest = "image_id,file_name,path,bytes,sha256,status,error\n"
    manifest += f"1,good.jpg,{images}/good.jpg,1,x,ok,\n2,bad.jpg,{images}/bad.jpg,1,x,ok,\n"
    (tmp_path / "manifest.csv").write_text(manifest + "3,none.jpg,,0,,missing,NoSuchKey\n")
    tables = tmp_path / "crops.csv", tmp_path / "rejected.csv"
    crop_images(
        tmp_path / "shard.csv", tmp_path / "manifest.csv", *tables, tmp_path / "crops", 10**6
    )
    made = list(rows(tables[0]))
    assert [row["crop_id"] for row in made] == ["a/good.box1.jpg", "a/good.box2.jpg"]
    with Image.open(made[0]["image_path"]) as red, Image.open(made[1]["image_path"]) as white:
        assert (colour(red, 15, 10), colour(white, 15, 10)) == ((1, 0, 0), (1, 1, 1))
        assert red.size == (30, 20)
    reasons = {row["crop_id"]: row["reason"] for row in rows(tables[1])}
    assert reasons["a/none.jpg"] == "not downloaded: NoSuchKey"
    assert "a/bad.jpg" in reasons

    (tmp_path / "index.csv").write_text(
        "annotation_id,image_id,file_name,label,reason\n1,2,3,4,no box\n"
    )
    gathered = [str(tables[0])], [str(tables[1])], [str(tmp_path / "manifest.csv")]
    outs = tmp_path / "labels.csv", tmp_path / "lost.csv", tmp_path / "summary.txt"
    label_crops(*gathered, str(tmp_path / "index.csv"), *outs)
    labels = read_table(outs[0])
    assert list(labels)[:2] == ["image_path", "species_label"]
    assert labels["species_label"].tolist() == ["fox", "rat"]
    summary = outs[2].read_text()
    assert len(list(rows(outs[1]))) == 2
    assert "2 there, 1 missing, 0 failed" in summary
    assert "1 x not downloaded" in summary
    with pytest.raises(BadInput, match="no crop could be made"):
        label_crops([], gathered[1], gathered[2], str(tmp_path / "index.csv"), *outs)


def test_pack_holds_each_crop_in_its_row(tmp_path):
    paths = []
    for value in range(300):
        paths.append(str(tmp_path / f"{value}.jpg"))
        save_crop(
            Image.new("RGB", (20, 30), (value % 256,) * 3),
            (0, 0, 20, 30),
            tmp_path / f"{value}.jpg",
        )
    assert list(pack(paths, 300, tmp_path / "8.npy", 8, False, 2)) == list(range(300))
    (tmp_path / "8.csv").write_text("row,crop_id\n" + "".join(f"{n},c{n}\n" for n in range(300)))
    pixels, row_of = open_pack(tmp_path / "8.npy", tmp_path / "8.csv")
    assert isinstance(pixels, np.memmap)
    assert (pixels.shape, pixels.dtype) == ((300, 8, 8, 3), np.uint8)
    assert all(abs(int(pixels[row_of[f"c{n}"]].mean()) - n % 256) <= 1 for n in range(300))
    assert not list(tmp_path.glob("*.part"))


def test_small_equals_a_plain_resize_of_a_full_decode(tmp_path):
    Image.fromarray(QUADRANTS).resize((1200, 800)).save(tmp_path / "x.jpg", quality=95)
    with Image.open(tmp_path / "x.jpg") as image:
        full = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR), float)
    assert np.abs(small(str(tmp_path / "x.jpg"), 32) - full).mean() < 1.5


@pytest.mark.parametrize(("wide", "tall"), [(60, 20), (20, 60), (1000, 1), (9, 9)])
def test_a_padded_crop_keeps_its_form_between_grey_sides(tmp_path, wide, tall):
    Image.new("RGB", (wide, tall), (250, 10, 10)).save(tmp_path / "x.jpg", quality=95)
    pixels = small(str(tmp_path / "x.jpg"), 30, pad=True)
    assert pixels.shape == (30, 30, 3)
    crop = pixels[..., 0] > 200
    expected = [max(1, round(30 * side / max(wide, tall))) for side in (tall, wide)]
    assert [int(crop.any(axis).sum()) for axis in (1, 0)] == expected
    assert (pixels[~crop] == GREY).all()
    assert abs(np.argwhere(crop).mean(0) - 14.5).max() <= 0.5


def test_batches_cover_all_rows():
    parts = batches(np.arange(10), 4)
    assert [len(part) for part in parts] == [4, 4, 2]
    assert np.concatenate(parts).tolist() == list(range(10))

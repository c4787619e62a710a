"""Photos as they come: every format's orientation and mode, and what is no photo at all."""

import errno
import os
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stowaway.annotations.json_source import file_kind
from stowaway.data import photos
from stowaway.data.photos import Unreadable, Unusable, open_photo, read_photo, why_no_photo

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
# What EXIF's values mean: the stored picture as rows and columns of the upright one.
STORED = {
    1: PIXELS,
    2: PIXELS[:, ::-1],
    3: PIXELS[::-1, ::-1],
    4: PIXELS[::-1],
    5: PIXELS.transpose(1, 0, 2),
    6: np.rot90(PIXELS, 1),
    7: PIXELS[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(PIXELS, -1),
}
SAVED = {  # without loss, but for JPEG and MPO
    "PNG": ("PNG", {}),
    "TIFF": ("TIFF", {}),
    "TIFF in LZW": ("TIFF", {"compression": "tiff_lzw"}),
    "TIFF in many strips": ("TIFF", {"compression": "tiff_deflate", "strip_size": 40}),
    "WebP": ("WEBP", {"lossless": True}),
    "JPEG": ("JPEG", {"quality": 100, "subsampling": 0}),
    "MPO": ("MPO", {"quality": 100, "subsampling": 0}),
}


def saved(picture: np.ndarray, orientation: int, kind: str) -> bytes:
    exif, file = Image.Exif(), BytesIO()
    exif[0x0112] = orientation
    form, options = SAVED[kind]
    more = {"save_all": True, "append_images": [Image.new("RGB", (9, 9))]} if form == "MPO" else {}
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.save(file, form, exif=exif, **options, **more)
    return file.getvalue()


def raw_tiff(picture: np.ndarray, orientation: int = 1, order: str = ">", bits: int = 0) -> bytes:
    """An uncompressed TIFF in either byte order, two rows in a strip; of 12 `bits`, all are set."""
    height, width = picture.shape[:2]
    data, colours = picture.tobytes(), picture.shape[2] if picture.ndim == 3 else 1
    data = b"\xff" * (len(data) * 3 // 4) if bits == 12 else data
    bits, strips = bits or 8 * picture.dtype.itemsize, height // 2
    row = len(data) // height
    tags = {
        256: (3, [width]),
        257: (3, [height]),
        258: (3, [bits] * colours),
        259: (3, [1]),
        262: (3, [2 if colours == 3 else 1]),
        273: (4, [8 + 2 * row * n for n in range(strips)]),
        274: (3, [orientation]),
        277: (3, [colours]),
        278: (3, [2]),
        279: (4, [2 * row] * strips),
    }
    start = 8 + len(data)
    after, entries, more = start + 2 + 12 * len(tags) + 4, b"", b""
    for tag, (kind, values) in tags.items():
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        entries += struct.pack(f"{order}HHI", tag, kind, len(values))
        if len(packed) > 4:
            entries += struct.pack(f"{order}I", after + len(more))
            more += packed
        else:
            entries += packed.ljust(4, b"\0")
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}I", start)
    return head + data + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + more


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", [*SAVED, "TIFF, big-endian"])
def test_all_orientations_of_all_formats_pixel_by_pixel(kind, orientation):
    """The crop of each box is that of the upright picture, or of the stored one that it refers to.

    JPEG is compared by its own decoder's pixels, which no turn may change.
    """
    stored = np.ascontiguousarray(STORED[orientation])
    if kind == "TIFF, big-endian":
        content = raw_tiff(stored, orientation)
    else:
        content = saved(stored, orientation, kind)
    upright = PIXELS
    if kind in ("JPEG", "MPO"):
        stored = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
        upright = turned_back(stored, orientation)
    for listed in (None, (10, 6)):
        photo = open_photo(content, 100, listed)
        assert photo.size == photo.image.size == (10, 6)
        assert (np.asarray(photo.image) == upright).all()
        fitted, crop = photo.cut((6, 1, 3, 4))
        assert fitted == (6, 1, 3, 4) and (np.asarray(crop) == upright[1:5, 6:9]).all()
    if orientation > 4:
        photo = open_photo(content, 100, (6, 10))
        assert photo.size == photo.image.size == (6, 10)
        assert (np.asarray(photo.cut((1, 6, 4, 3))[1]) == stored[6:9, 1:5]).all()


def turned_back(stored: np.ndarray, orientation: int) -> np.ndarray:
    """The upright picture, by the definition of EXIF's values: how its rows and columns lie."""
    places = np.arange(60).reshape(6, 10)
    turned = {
        1: places,
        2: places[:, ::-1],
        3: places[::-1, ::-1],
        4: places[::-1],
        5: places.T,
        6: np.rot90(places, 1),
        7: places[::-1, ::-1].T,
        8: np.rot90(places, -1),
    }[orientation]
    upright = np.empty((60, 3), np.uint8)
    upright[turned.ravel()] = stored.reshape(60, 3)
    return upright.reshape(6, 10, 3)


@pytest.mark.parametrize("order", ["<", ">"])
def test_grey_of_16_bits_keeps_its_upper_byte_in_either_byte_order(order):
    grey = (np.arange(60, dtype=np.uint16) * 1000).reshape(6, 10)
    for orientation in (1, 3):
        stored = grey[::-1, ::-1] if orientation == 3 else grey
        content = raw_tiff(np.ascontiguousarray(stored.astype(f"{order}u2")), orientation, order)
        image = open_photo(content, 100, None).image
        assert image.mode == "RGB" and (np.asarray(image)[:, :, 1] == grey >> 8).all()


def test_grey_of_12_bits_is_not_black():
    content = raw_tiff(np.zeros((6, 10), np.uint16), order="<", bits=12)
    assert (np.asarray(open_photo(content, 100, None).image) == 255).all()


@pytest.mark.parametrize("mode", ["1", "P", "PA", "CMYK", "L", "LA"])
def test_odd_modes_of_tiff_are_photos(mode):
    file = BytesIO()
    Image.new("RGB", (8, 8), "white").convert("P" if mode == "PA" else mode).save(file, "TIFF")
    assert open_photo(file.getvalue(), 100, None).image.getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["F", "I", "LAB"])
def test_a_mode_without_a_range_is_no_corrupt_photo(mode):
    file = BytesIO()
    Image.new(mode, (8, 8)).save(file, "TIFF")
    with pytest.raises(Unusable, match=f"^image mode {mode} has no defined range$") as error:
        open_photo(file.getvalue(), 100, None)
    assert not isinstance(error.value, Unreadable)


def ftyp(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(40)


KINDS = {
    b"": "empty file",
    b"\n <!DOCTYPE html><title>Log in</title>": "HTML page",
    b"\xef\xbb\xbf<html>": "HTML page",
    b'<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>': "XML",
    b'{"error": "denied"}': "JSON",
    "{}".encode("utf-16"): "JSON",
    b"not found\n": "text",
    "no encontrado: \u00f1".encode(): "text",
    bytes(range(256)): "unknown binary file",
    b"PK\3\4....": "zip",
    ftyp(b"isom"): "video (MP4, MOV)",
    b"RIFF....AVI LIST": "video or sound (RIFF)",
}


@pytest.mark.parametrize("content", KINDS)
def test_what_is_no_photo_is_named(content, tmp_path):
    path, kind = tmp_path / "x.jpg", KINDS[content]
    path.write_bytes(content)
    assert file_kind(content) == kind
    size = f" of {len(content):,} bytes" * bool(content)
    assert why_no_photo(path) == f"not a photo: {kind}{size}"
    with pytest.raises(Unreadable, match=r"^photo is unreadable: not a photo: "):
        open_photo(read_photo(path), 100, None)


def test_photos_of_formats_that_are_not_read_say_what_to_do(tmp_path):
    for brand, name in ((b"heic", "HEIC"), (b"mif1", "HEIC"), (b"avif", "AVIF")):
        (tmp_path / "x.jpg").write_bytes(ftyp(brand))
        why = why_no_photo(tmp_path / "x.jpg")
        assert why == f"not a photo that can be read: {name} of 52 bytes; convert it to JPEG"


@pytest.mark.parametrize("kind", SAVED)
def test_a_photo_passes_by_its_header_and_a_stump_of_it_does_not(kind, tmp_path):
    content = saved(PIXELS, 1, kind)
    (tmp_path / "x").write_bytes(content)
    assert why_no_photo(tmp_path / "x") is None
    (tmp_path / "x").write_bytes(content[:12])
    name = {"MPO": "JPEG", "WebP": "WebP"}.get(kind, kind[:4])
    assert why_no_photo(tmp_path / "x") == f"not a photo that can be read: {name} of 12 bytes"


@pytest.mark.parametrize("kind", SAVED)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_no_part_of_a_photo_passes_as_the_whole(kind, share):
    """Also where a download reserved the room and filled it with zeros, but for a raw TIFF."""
    noise = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    whole = saved(noise, 1, kind)
    part = whole[: int(share * len(whole))]
    for content in [part, part.ljust(len(whole), b"\0")][: 1 + (kind != "TIFF")]:
        with pytest.raises(Unreadable):
            open_photo(content, 10**6, None)


def encoded(image: Image.Image, form: str, **options) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


COMPRESSED = [
    ("JPEG", {}),
    ("JPEG", {"optimize": True}),
    ("JPEG", {"exif": b"Exif\0\0" + bytes(5000)}),
    ("PNG", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True, "exif": b"Exif\0\0" + bytes(5000)}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_deflate"}),
    ("GIF", {}),
]


@pytest.mark.parametrize(("form", "options"), COMPRESSED)
def test_a_hole_of_zeros_within_a_photo_is_damage(form, options):
    """Zeros within the metadata or behind the picture are none."""
    noise = np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(noise), form, **options)
    open_photo(whole + bytes(5000), 10**6, None)
    start = len(whole) // 2
    with pytest.raises(Unreadable, match="corrupt"):
        open_photo(whole[:start] + bytes(4096) + whole[start + 4096 :], 10**6, None)


@pytest.mark.parametrize("colour", ["black", "white"])
@pytest.mark.parametrize(
    ("form", "options"), [*COMPRESSED, ("JPEG", {"progressive": True}), ("BMP", {}), ("TIFF", {})]
)
def test_a_flat_photo_is_whole_though_its_bytes_are_zeros(form, options, colour):
    """As a night's black one: 1,024 zeros and more are in those of JPEG, WebP, PNG, BMP."""
    content = encoded(Image.new("RGB", (4000, 3000), colour), form, **options)
    assert open_photo(content, 10**8, None).size == (4000, 3000)


def test_what_lies_at_the_path_and_is_no_file(tmp_path):
    """A named pipe would wait for a writer for ever."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, why in (
        (".", "it is a folder, or no file"),
        ("pipe", "it is a folder, or no file"),
        ("link", "it is gone"),
        ("none", "it is gone"),
        ("x" * 300, "File name too long"),
    ):
        with pytest.raises(Unreadable, match=f"^photo is unreadable: {why}$"):
            read_photo(tmp_path / name)
    with pytest.raises(Unreadable):
        read_photo(tmp_path / "loop")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_photo_that_the_disk_refuses_is_unreadable(number, tmp_path, monkeypatch):
    def refuse(path):
        raise OSError(number, os.strerror(number))

    (tmp_path / "x.jpg").write_bytes(b"x")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(Unreadable, match=f"^photo is unreadable: {os.strerror(number)}$"):
        read_photo(tmp_path / "x.jpg")


def test_a_photo_that_memory_does_not_hold_is_not_called_corrupt(monkeypatch):
    def full(image):
        raise MemoryError

    monkeypatch.setattr(photos, "_rgb", full)
    with pytest.raises(Unusable, match="does not fit in memory") as error:
        open_photo(saved(PIXELS, 1, "PNG"), 100, None)
    assert not isinstance(error.value, Unreadable)

"""Exact copies: only the first of the same photo, or of the same pixels, is a crop."""

import re
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from stowaway.core.tables import rows
from stowaway.data.exact_copies import copy_finder, crop_checksum, photo_checksum


def pixels(seed: int, width: int = 40, height: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def crop(crop_id: str, image: str, photo: int, crop: int) -> dict[str, str]:
    return {
        "crop_id": crop_id,
        "image_id": image,
        "photo_checksum": f"{photo:032x}",
        "crop_checksum": f"{2**100 + crop:032x}",
    }


def test_checksums_are_those_of_the_bytes_and_of_size_and_pixels():
    assert photo_checksum(b"one") == photo_checksum(b"one") != photo_checksum(b"two")
    assert re.fullmatch("[0-9a-f]{32}", photo_checksum(b""))
    image = Image.fromarray(pixels(1))
    same = Image.frombytes("RGB", image.size, image.tobytes())
    turned = Image.frombytes("RGB", image.size[::-1], image.tobytes())
    other = pixels(1)
    other[5, 5, 0] ^= 1
    assert crop_checksum(image) == crop_checksum(same)
    assert len({crop_checksum(i) for i in (image, turned, Image.fromarray(other))}) == 3


def test_later_copies_name_the_first_one(tmp_path):
    crops = [
        crop("a1", "a", 1, 1),
        crop("a2", "a", 1, 2),  # another box of one photo
        crop("b1", "b", 1, 3),  # another image of the same bytes
        crop("c1", "c", 2, 2),  # another photo, a crop of the same pixels
        crop("d1", "d", 3, 3),  # as b1, which is no crop
        crop("e1", "e", 1, 4),
        crop("f1", "f", 4, 2),
        crop("f2", "f", 4, 2),
    ]
    with copy_finder(tmp_path / "x.sqlite") as why_copy:
        reasons = [why_copy(row) for row in crops]
    assert reasons == [
        None,
        None,
        "same photo as another image: a",
        "same pixels as another crop: a2",
        None,
        "same photo as another image: a",
        "same pixels as another crop: a2",
        "same pixels as another crop: a2",
    ]


def test_the_database_is_gone_at_the_end_whatever_happens(tmp_path):
    path = tmp_path / "x.sqlite"
    for _ in range(2):
        with copy_finder(path) as why_copy:
            assert why_copy(crop("a1", "a", 1, 1)) is None
            assert path.exists()
        assert not list(tmp_path.iterdir())
    path.write_text("of a killed run")
    with pytest.raises(KeyboardInterrupt), copy_finder(path) as why_copy:
        assert why_copy(crop("a1", "a", 1, 1)) is None
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_crops(tmp_path):
    with copy_finder(tmp_path / "x.sqlite") as why_copy:
        tracemalloc.start()
        for n in range(20_000):
            assert why_copy(crop(f"c{n}", f"i{n}", n, n)) is None
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 200_000  # bytes; a dict of the checksums would take 4 MB


def test_copies_are_found_across_shards_and_counted(tmp_path, shards):
    def save(name: str, seed: int):
        Image.fromarray(pixels(seed)).save(tmp_path / name)
        return tmp_path / name

    whole, part, other = (0, 0, 40, 30), (5, 5, 20, 20), (8, 0, 30, 30)
    photos = {"p:1": save("1.png", 1), "p:2": save("2.png", 2)}
    shards.crop(
        [
            {"crop_id": "1.box1", "image_id": "p:1", "box": whole},
            {"crop_id": "1.box2", "image_id": "p:1", "box": part},
            {"crop_id": "2", "image_id": "p:2", "box": whole},
        ],
        photos,
    )
    recoded = tmp_path / "recoded.bmp"  # the pixels of photo 2, other bytes
    Image.fromarray(pixels(2)).save(recoded)
    shards.crop(
        [
            {"crop_id": "3.box1", "image_id": "p:3", "box": whole},
            {"crop_id": "3.box2", "image_id": "p:3", "box": other},
            {"crop_id": "4.box1", "image_id": "p:4", "box": whole},
            {"crop_id": "4.box2", "image_id": "p:4", "box": part},
        ],
        {"p:3": save("3.png", 1), "p:4": recoded},
    )
    gathered = shards.gather()
    assert [r["crop_id"] for r in rows(gathered.labels)] == ["1.box1", "1.box2", "2", "4.box2"]
    assert {r["crop_id"]: r["reason"] for r in rows(gathered.rejected)} == {
        "3.box1": "same photo as another image: p:1",
        "3.box2": "same photo as another image: p:1",
        "4.box1": "same pixels as another crop: 2",
    }
    summary = gathered.summary.read_text()
    assert "crops: 4 of 1 labels\n" in summary
    assert "2 x same photo as another image, 1 x same pixels as another crop\n" in summary
    assert not list(tmp_path.glob(".*"))

    shards.crops.reverse()  # the order of the shards says which is the first
    assert [r["crop_id"] for r in rows(shards.gather().labels)] == [
        "3.box1",
        "3.box2",
        "4.box1",
        "4.box2",
    ]

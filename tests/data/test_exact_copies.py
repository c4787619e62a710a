"""Exact copies: only the first of the same photo, or of the same pixels, is a crop."""

import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stowaway.core.script import BadInput
from stowaway.core.tables import rows
from stowaway.data.exact_copies import copy_finder, crop_checksum, images_of, photo_checksum
from stowaway.download.store import Entry, Store


def pixels(seed: int, width: int = 40, height: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def crop(
    crop_id: str, image: str, photo: int, crop: int, species: str = "fox", event: str = "e"
) -> dict[str, str]:
    return {
        "crop_id": crop_id,
        "image_id": image,
        "species": species,
        "event": event,
        "location": "A",
        "datetime": "2024-05-01 10:00:00",
        "photo_checksum": f"{photo:032x}",
        "crop_checksum": f"{2**100 + crop:032x}",
    }


def reasons(folder: Path, crops: list[dict[str, str]]) -> list[str | None]:
    with copy_finder(folder / "x.sqlite", lambda: iter(crops)) as why_not:
        return [why for boxes in images_of(iter(crops)) for why in why_not(boxes)]


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
    assert reasons(tmp_path, crops) == [
        None,
        None,
        "same photo as another image: a",
        "same pixels as another crop: a2",
        None,
        "same photo as another image: a",
        "same pixels as another crop: a2",
        "same pixels as another crop: a2",
    ]


FOREIGN_A = "same bytes as a photo of another event, time or label: a"


@pytest.mark.parametrize(
    ("photos", "expected"),
    [
        ("a1fox b1fox", [None, "same photo as another image: a"]),
        ("a1fox b2fox", [None, FOREIGN_A]),
        ("a1fox b1rat", [None, FOREIGN_A]),
        ("a1fox b2fox c1fox", [None, FOREIGN_A, "same photo as another image: a"]),
        ("a1fox b2fox c2fox", [None, FOREIGN_A, FOREIGN_A]),
        (
            "a1fox b2fox c3fox",
            ["same bytes as a photo of another event, time or label: b", FOREIGN_A, FOREIGN_A],
        ),
        (
            "a1fox b1fox c2fox d3rat",
            [
                "same bytes as a photo of another event, time or label: c",
                FOREIGN_A,
                FOREIGN_A,
                FOREIGN_A,
            ],
        ),
    ],
)
def test_a_photo_of_another_event_or_label_is_no_copy(photos, expected, tmp_path):
    """Each photo is written as its image, event and label. In three events it is a placeholder."""
    crops = [crop(p[0], p[0], 7, n, p[2:], p[1]) for n, p in enumerate(photos.split())]
    assert reasons(tmp_path, crops) == expected


@pytest.mark.parametrize(
    ("times", "first", "later"),
    [
        (["10:00", "10:01"], None, FOREIGN_A),
        (["10:00", "10:00", "10:00"], None, "same photo as another image: a"),
        (["", ""], None, "same photo as another image: a"),
        (["", "", ""], FOREIGN_A[:-1] + "b", FOREIGN_A),  # the event is all that has no time
    ],
)
def test_photos_of_one_event_are_told_apart_by_their_time(times, first, later, tmp_path):
    crops = [crop("abc"[n], "abc"[n], 7, n) | {"datetime": t} for n, t in enumerate(times)]
    assert reasons(tmp_path, crops) == [first] + [later] * (len(times) - 1)


def test_same_pixels_with_two_labels_are_disputed_whatever_their_order(tmp_path):
    """Crops of a photo that is refused take no part."""
    crops = [
        crop("a1", "a", 1, 5, "rat"),
        crop("a2", "a", 1, 5, "mouse"),
        crop("a3", "a", 1, 6, "rat"),
        crop("b1", "b", 2, 5, "rat"),
        crop("c1", "c", 3, 7, "rat"),
        crop("d1", "d", 3, 6, "mouse", event="other"),
        crop("e1", "e", 1, 8, "mouse"),  # one of the labels of a
    ]
    rat, mouse = (f"same pixels as a crop of another label: '{x}'" for x in ("rat", "mouse"))
    foreign = "same bytes as a photo of another event, time or label: c"
    copy = "same photo as another image: a"
    assert reasons(tmp_path, crops) == [mouse, rat, None, mouse, None, foreign, copy]


def test_the_database_is_gone_at_the_end_whatever_happens(tmp_path):
    path = tmp_path / "x.sqlite"
    crops = [crop("a1", "a", 1, 1)]
    for _ in range(2):
        with copy_finder(path, lambda: iter(crops)) as why_not:
            assert why_not(crops) == [None]
            assert path.exists()
        assert not list(tmp_path.iterdir())
    path.write_text("of a killed run")
    with pytest.raises(KeyboardInterrupt), copy_finder(path, lambda: iter(crops)) as why_not:
        assert why_not(crops) == [None]
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_crops(tmp_path):
    def crops() -> Iterator[dict[str, str]]:
        return (crop(f"c{n}", f"i{n}", n, n) for n in range(20_000))

    tracemalloc.start()
    with copy_finder(tmp_path / "x.sqlite", crops) as why_not:
        assert all(why_not(boxes) == [None] for boxes in images_of(crops()))
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


def test_a_placeholder_is_lost_and_the_next_download_asks_for_it_again(tmp_path, shards):
    """Three of four photos, of three events in two shards, are the same JPEG."""
    files = {}
    for name, seed in (("1", 1), ("2", 2), ("3", 2), ("4", 2)):
        files[name] = tmp_path / f"images/{name}.jpg"
        files[name].parent.mkdir(exist_ok=True)
        Image.fromarray(pixels(seed)).save(files[name])
    boxes = [
        {"crop_id": f"{n}.jpg", "image_id": n, "event": n, "box": (0, 0, 9, 9)} for n in "1234"
    ]
    stores = []
    for place in (0, 1):
        names = "1234"[2 * place : 2 * place + 2]
        journal = tmp_path / f"images/.journal/{place}.manifest.csv"
        store = Store(tmp_path / "images", journal, "s3://bucket")
        with store.journal.opened() as add:
            for name in names:
                add([f"{name}.jpg", files[name].stat().st_size, "", store.origin(name)])
        stores.append(journal)
        shards.crop([boxes[int(n) - 1] for n in names], {n: files[n] for n in names})
    words = (
        r"^4 of 5 boxes \(80.0%\) are lost, over max_rejected = 5.0%: 3 x same bytes as a photo of "
        r"another event, time or label \(download\); 1 x no box \(index\); .* list them; "
        "mend them, run again with --forcerun download_images, or raise max_rejected$"
    )
    with pytest.raises(BadInput, match=words):
        shards.gather(max_rejected=0.05)
    for journal, names in zip(stores, ("12", "34"), strict=True):
        store = Store(tmp_path / "images", journal, "s3://bucket")
        for name in names:
            entry = Entry(name, f"{name}.jpg", str(files[name]))
            assert store.complete(entry, name) == (name == "1")
            assert files[name].exists()
    summary = shards.gather().summary.read_text()
    assert "to try these images again: --forcerun download_images" in summary


@pytest.mark.parametrize("table", ["crops", "rejected"])
def test_a_table_cut_at_the_end_of_a_line_is_damaged_but_for_a_subset(tmp_path, shards, table):
    Image.fromarray(pixels(1)).save(tmp_path / "1.png")
    boxes = [{"crop_id": str(n), "image_id": "1", "box": (n, 0, 9, 9)} for n in (1, 2, 90, 91)]
    shards.crop(boxes, {"1": tmp_path / "1.png"})
    path = getattr(shards, table)[0]
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    words = (
        r"damaged \(shards or crop tables hold 3 of 4 boxes\); run again with --forcerun "
        "index_annotations$"
    )
    with pytest.raises(BadInput, match=words):
        shards.gather(usable=4)
    assert not (tmp_path / "labels.csv").exists()
    shards.gather(usable=4, subset=True)

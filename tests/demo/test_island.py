"""The demo island: the same bytes each time, and every quirk of a real export in its place."""

import json
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from make_demo import make_demo
from stowaway.core.script import BadInput
from stowaway.demo.plan import HEIGHT, KINDS, WIDTH, plan
from stowaway.demo.scenes import take_photo

SIZE = 60
INVADERS, NATIVES = {"rat", "cat", "pig"}, {"fox", "lizard", "scrub jay", "skunk", "mouse"}


@pytest.fixture(scope="module")
def island(tmp_path_factory) -> tuple[Path, dict]:
    """The images' folder and the COCO of the smallest island, drawn by one process."""
    folder = tmp_path_factory.mktemp("island")
    make_demo(folder / "coco.json", folder, SIZE, seed=3, threads=1)
    return folder, json.loads((folder / "coco.json").read_text())


def by_quirk() -> dict[str, str]:
    """Quirk -> file name of the image that has it."""
    return {frame.quirk: frame.file_name for frame in plan(SIZE, 3) if frame.quirk}


def test_same_bytes_whatever_the_processes(island, tmp_path):
    folder, _ = island
    terminated = tmp_path.parent / f"{tmp_path.name}.terminated"
    before = signal.signal(signal.SIGTERM, lambda *_: terminated.touch())
    make_demo(tmp_path / "coco.json", tmp_path, SIZE, seed=3, threads=2)
    signal.signal(signal.SIGTERM, before)
    assert not terminated.exists()  # a process ended by SIGTERM can miss it through such a handler
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*.*"))]
    assert files == [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*.*"))]
    assert all((folder / file).read_bytes() == (tmp_path / file).read_bytes() for file in files)


def test_coco_has_animls_form_and_normal_boxes_lie_in_the_frame(island):
    _, coco = island
    names = {category["id"]: category["name"] for category in coco["categories"]}
    images = {image["id"]: image for image in coco["images"]}
    used = {names[annotation["category_id"]] for annotation in coco["annotations"]}
    assert names[0] == "empty" and len(images) == SIZE
    assert set(names.values()) - used == {"opossum"}
    assert len({image["original_file_name"] for image in coco["images"]}) < SIZE
    assert len({annotation["id"] for annotation in coco["annotations"]}) == len(coco["annotations"])
    beyond = 0
    for annotation in coco["annotations"]:
        x, y, width, height = annotation["bbox"]
        if x is not None:
            assert x >= 0 and y >= 0 and width > 0 and height > 0 and y + height <= HEIGHT
            assert x + width <= WIDTH + 1
            beyond += x + width == WIDTH + 1
    assert beyond == 1


def test_every_quirk_of_the_export_is_there(island):
    _, coco = island
    images = {image["file_name"]: image for image in coco["images"]}
    boxes: dict[str, list] = {image["id"]: [] for image in coco["images"]}
    for annotation in coco["annotations"]:
        boxes[annotation["image_id"]].append(annotation["bbox"])
    at = {quirk: images[name] for quirk, name in by_quirk().items()}
    assert len(at) == 9
    assert at["undated"]["datetime"] is None
    assert sum("width" not in image for image in images.values()) == 2
    assert boxes[at["no size, no box"]["id"]] == [[None] * 4]
    assert None not in boxes[at["no size"]["id"]][0]
    assert {0, 1, 2} == {len(found) for found in boxes.values()}
    assert [[0, 0, WIDTH, HEIGHT]] in boxes.values()


def test_every_quirk_of_the_files_is_there(island):
    folder, coco = island
    at = {quirk: folder / name for quirk, name in by_quirk().items()}
    missing = [i["file_name"] for i in coco["images"] if not (folder / i["file_name"]).exists()]
    assert missing == [by_quirk()["missing"]]
    with pytest.raises(OSError, match="truncated"):
        Image.open(at["cut short"]).load()
    assert Image.open(at["grey"]).mode == "L"
    assert (Image.open(at["rgba"]).format, Image.open(at["rgba"]).mode) == ("PNG", "RGBA")


def test_the_rotated_image_shows_upright(island):
    folder, _ = island
    frame = next(frame for frame in plan(SIZE, 3) if frame.quirk == "rotated")
    stored = Image.open(folder / frame.file_name)
    upright = ImageOps.exif_transpose(stored)
    assert stored.size == (HEIGHT, WIDTH) and upright.size == (WIDTH, HEIGHT)
    difference = np.asarray(upright, float) - np.asarray(take_photo(frame)[0], float)
    assert np.abs(difference).mean() < 5  # what JPEG loses


@pytest.mark.parametrize(("size", "invasive", "native"), [(60, 2, 3), (300, 6, 12), (600, 6, 12)])
def test_quotas(size, invasive, native):
    frames = list(plan(size, seed=0))
    events = Counter({tuple(frame.seeds[1]): frame.label for frame in frames}.values())
    assert len(frames) == size and set(events) == {label for _, label, *_ in KINDS}
    assert all(events[name] >= invasive for name in INVADERS)
    assert all(events[name] >= native for name in NATIVES)
    assert not any(frame.quirk for frame in frames if frame.label in INVADERS)


def test_shares_at_the_default_size():
    labels = Counter(frame.label for frame in plan(600, seed=0))
    assert labels["fox"] / 600 == pytest.approx(0.24, abs=0.03)
    assert labels["rat"] / 600 == pytest.approx(0.03, abs=0.015)


def test_too_small_an_island_is_refused():
    with pytest.raises(BadInput, match="at least 60"):
        next(plan(59, seed=0))

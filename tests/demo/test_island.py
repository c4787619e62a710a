"""The demo island: the same bytes each time, and every quirk of a real export in its place."""

import hashlib
import json
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from make_demo import make_demo
from stowaway.core.script import BadInput
from stowaway.demo.coco import annotation_entries, true_species
from stowaway.demo.plan import CATEGORIES, HEIGHT, KINDS, PERIODS, WIDTH, plan
from stowaway.demo.reviewer import decide, first_find
from stowaway.demo.scenes import save_photo, take_photo
from stowaway.review.decisions import WRITTEN

SIZE = 60
INVADERS, NATIVES = {"rat", "cat", "pig"}, {"fox", "lizard", "scrub jay", "skunk", "mouse"}


@pytest.fixture(scope="module")
def island(tmp_path_factory) -> tuple[Path, dict]:
    """The images' folder and the COCO of the smallest island, drawn by one process."""
    folder = tmp_path_factory.mktemp("island")
    make_demo(folder / "coco.json", folder / "truth.csv", folder, SIZE, 3, period=1, threads=1)
    return folder, json.loads((folder / "coco.json").read_text())


def by_quirk() -> dict[str, str]:
    """Quirk -> file name of the image that has it."""
    return {frame.quirk: frame.file_name for frame in plan(SIZE, 3) if frame.quirk}


@pytest.mark.slow
def test_same_bytes_whatever_the_processes(island, tmp_path):
    folder, _ = island
    terminated = tmp_path.parent / f"{tmp_path.name}.terminated"
    before = signal.signal(signal.SIGTERM, lambda *_: terminated.touch())
    make_demo(tmp_path / "coco.json", tmp_path / "truth.csv", tmp_path, SIZE, 3, 1, threads=2)
    signal.signal(signal.SIGTERM, before)
    assert not terminated.exists()  # a process ended by SIGTERM can miss it through such a handler
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*.*"))]
    assert files == [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*.*"))]
    assert all((folder / file).read_bytes() == (tmp_path / file).read_bytes() for file in files)


def test_the_first_months_never_change():
    planned = hashlib.md5(repr(list(plan(600, seed=1))).encode()).hexdigest()
    assert planned == "4cef858aadb23a68ae5b7d93a031d273"  # pixels depend on Pillow's version, too


def test_the_month_after_has_other_photos_of_the_same_cameras():
    before, after = (list(plan(180, 1, period)) for period in PERIODS.values())
    assert max(frame.when for frame in before) < min(frame.when for frame in after)
    for field in ("file_name", "seeds"):
        kept = [{str(getattr(frame, field)) for frame in frames} for frames in (before, after)]
        assert not kept[0] & kept[1]
    cameras = [{Path(frame.file_name).parent for frame in frames} for frames in (before, after)]
    assert cameras[1] <= cameras[0]
    labels = Counter(frame.label for frame in after)
    assert len(after) == 180 and labels["opossum"] > 3 and labels[None] > 40
    assert all(labels[name] > 5 for name in NATIVES)


def test_boxes_of_the_month_after_name_no_animal(tmp_path):
    frames = {frame.label: frame for frame in plan(180, 1, PERIODS[2])}
    seen = {}
    for name in ("opossum", "bush", "person", None):
        frame, boxes = save_photo(tmp_path, frames[name])
        entries, truth = annotation_entries(frame, boxes), list(true_species(frame, boxes))
        assert [row[:3] for row in truth] == [(frame.file_name, *e["bbox"][:2]) for e in entries]
        seen[name] = [
            (CATEGORIES[entry["category_id"]], entry["confidence"] < 0.4, row[3])
            for entry, row in zip(entries, truth, strict=True)
        ]
    assert seen == {
        "opossum": [("animal", False, "opossum")],
        "bush": [("animal", True, "")],
        "person": [("person", False, "person")],
        None: [],
    }


def test_a_branch_has_the_same_box_again_and_again():
    frames = [frame for frame in plan(180, 1, PERIODS[2]) if frame.label == "branch"]
    assert len(frames) == 24 and len({frame.when.date() for frame in frames}) > 10
    boxes = np.array([take_photo(frame)[1][0] for frame in frames[::6]])
    assert (np.ptp(boxes, axis=0) <= 3).all() and boxes[:, 2:].min() > 80


def test_the_drawn_reviewer_decides_by_what_was_drawn():
    species = ["opossum", "", "fox", "person", "vehicle", *["fox"] * 95]
    box = {
        "x": 1,
        "y": 2,
        "crop_width": 30,
        "crop_height": 40,
        "datetime": "2024-09-29T23:00-07:00",
    }
    events = pd.DataFrame([box | {"event": f"e{n}", "species": s} for n, s in enumerate(species)])
    found = decide(events, ["fox"], "month", "f" * 64)
    assert list(found) == WRITTEN and found.equals(decide(events, ["fox"], "month", "f" * 64))
    known = found[found["decision"] != "unsure"][["event", "decision", "species"]].head(6)
    assert known.to_numpy().tolist() == [
        ["e0", "novel", "opossum"],
        ["e1", "not_animal", ""],
        ["e2", "undo", ""],
        ["e2", "native", "fox"],
        ["e3", "person", ""],
        ["e4", "not_animal", ""],
    ]
    assert 2 <= (found["decision"] == "unsure").sum() < 15
    assert found["box"].eq("1 2 30 40").all() and found["seconds_shown"].between(3, 20).all()
    assert found["decided_at"].is_monotonic_increasing
    assert found["decided_at"].str.match("2024-09-30T09:.*-07:00").all()


def test_the_first_find_is_the_highest_event_that_is_surely_the_newcomer():
    """Neither a rat nor what was unsure or was taken back."""
    verdicts = [
        ("e0", "novel", "rat"),
        ("e1", "unsure", ""),
        ("e2", "unsure", ""),
        ("e2", "undo", ""),
    ]
    verdicts += [("e2", "novel", "opossum"), ("e3", "native", "fox"), ("e4", "novel", "opossum")]
    decided = pd.DataFrame(verdicts, columns=["event", "decision", "species"])
    found = first_find(decided)
    assert found.to_numpy().tolist() == [["e2", "novel", "opossum"]]
    assert len(first_find(decided.head(4))) == 0


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

import csv
import json
import math
import zipfile

import pytest

from stowaway.annotations.boxes import COLUMNS, clip_box, index_annotations
from stowaway.annotations.events import number_events
from stowaway.core.script import BadInput
from subset_annotations import rank, subset_annotations


def limits(json_bytes: int = 10**9, zip_ratio: float = 200) -> dict:
    return {"json_bytes": json_bytes, "zip_ratio": zip_ratio}


OUTPUTS = "annotations rejected camera_days index_facts people".split()


def run_index(source, folder, **settings):
    images = {"key": "file_name", "box": None, "location": "([^/]+)/", "confidence": {}}
    labels = {"rename": {"liz": "lizard", "rodnet": "rodent"}, "drop": ["empty"]}
    labels["unnamed"] = ["animal", "unknown"]
    for section in images, labels:
        section |= {key: settings.pop(key) for key in section if key in settings}
    defaults = {
        "coco": source,
        "detections": [],
        "photo_times": [],
        "images": images,
        "labels": labels,
        "limits": limits(),
        "config": {"max_rejected": 1},
        "failures": str(folder / "rejected.failed.csv"),
    }
    events = {"gap": 60, "by": "seq_id", "datetime_format": None} | settings.pop("events", {})
    paths = [folder / f"{name}.csv" for name in ("annotations", "rejected", "camera_days")]
    paths += [folder / "index_facts.json", folder / "people.csv"]
    index_annotations(
        **dict(zip(OUTPUTS, paths, strict=True)), **(defaults | settings), events=events
    )
    return [list(csv.DictReader(path.open(newline=""))) for path in paths[:2]]


def naive_index(coco: dict) -> dict[str, tuple]:
    """The usable boxes by crop id, the slow and obvious way: O(images x annotations), in memory."""
    rename = {"liz": "lizard", "rodnet": "rodent"}
    out = {}
    for image in coco["images"]:
        boxes = [a for a in coco["annotations"] if a["image_id"] == image["id"]]
        for number, annotation in enumerate(boxes, 1):
            labels = [c["name"] for c in coco["categories"] if c["id"] == annotation["category_id"]]
            label = labels[0].strip().lower() if labels else None
            box = annotation["bbox"]
            if label in (None, "empty") or None in box:
                continue
            width, height = image.get("width", 10**9), image.get("height", 10**9)
            left, right = max(0, math.floor(box[0])), min(width, math.ceil(box[0] + box[2]))
            top, bottom = max(0, math.floor(box[1])), min(height, math.ceil(box[1] + box[3]))
            if right <= left or bottom <= top:
                continue
            stem, dot, suffix = image["file_name"].rpartition(".")
            name = f"{stem}.box{number}{dot}{suffix}" if len(boxes) > 1 else image["file_name"]
            name += "" if suffix == "jpg" else ".jpg"
            if len(boxes) > 1 and suffix != "jpg":
                name = f"{image['file_name']}.box{number}.jpg"
            box = (left, top, right - left, bottom - top)
            out[name] = (image["id"], rename.get(label, label), *map(str, box))
    return out


def test_streaming_index_equals_the_naive_one(coco, write_json, tmp_path):
    rows, _ = run_index(write_json(coco), tmp_path)
    indexed = {
        r["crop_id"]: (r["image_id"], r["species"], r["x"], r["y"], r["w"], r["h"]) for r in rows
    }
    assert indexed == naive_index(coco)
    assert len(indexed) == 5


def test_every_quirk_is_met(coco, write_json, tmp_path):
    rows, rejected = run_index(write_json(coco), tmp_path)
    assert list(rows[0]) == COLUMNS
    by_crop = {row["crop_id"]: row for row in rows}
    over = by_crop["p/a/1.box2.jpg"]
    assert [over[side] for side in "xywh"] == ["90", "70", "10", "10"]
    assert (over["species"], over["label"]) == ("lizard", "liz")
    assert by_crop["p/b/1.box2.jpg"]["width"] == ""
    assert by_crop["p/b/1.box2.jpg"]["w"] == "700"
    assert [by_crop["p/b/2.png.box1.jpg"][side] for side in "xywh"] == ["99", "10", "1", "4"]
    reasons = sorted(row["reason"] for row in rejected)
    assert reasons == sorted(
        [
            "label is dropped",
            "no box",
            "category is not listed",
            "image is not listed",
            "box is empty or outside the frame",
            "no annotation",
        ]
    )
    assert not list(tmp_path.glob(".*"))


def test_events_by_location_and_gap(coco, write_json, tmp_path):
    rows, _ = run_index(write_json(coco), tmp_path)
    events = {row["image_id"]: row["event"] for row in rows}
    assert events["p:1"] == events["p:2"] == "A@2024-03-01T01:00:00-07:00"
    assert events["p:4"] == events["p:5"] == "7@unknown"
    coco["annotations"][3]["category_id"] = 1  # the frame eight hours later
    rows, _ = run_index(write_json(coco), tmp_path, events={"gap": 29, "by": "gap"})
    events = {row["image_id"]: row["event"] for row in rows}
    assert len({events["p:1"], events["p:2"], events["p:3"]}) == 3


def test_seq_id_wins_and_the_gap_fills_in():
    images = [
        (1, "A", "t0", 0.0, 1, "s1"),
        (2, "A", "t1", 1.0, 1, None),
        (3, "A", "t5", 5.0, 1, None),
        (4, None, "t6", 6.0, 1, None),
    ]
    events = [event for _, event in number_events(images, 10)]
    assert events == ["A@s1", "A@t1", "A@t1", "unknown@t6"]


def test_relative_boxes_and_annotations_before_images(coco, write_json, tmp_path):
    first = coco["annotations"][0]
    first["bbox_relative"] = [0.1, 0.25, 0.5, 0.5]
    del first["bbox"]
    turned = {key: coco[key] for key in ("annotations", "categories", "images")}
    rows, _ = run_index(write_json(turned), tmp_path)
    row = next(row for row in rows if row["crop_id"] == "p/a/1.box1.jpg")
    assert [row[side] for side in "xywh"] == ["10", "20", "50", "40"]


def test_hostile_and_colliding_names_are_rejected(coco, write_json, tmp_path):
    names = ["../../x.jpg", "p/A/1.JPG", "/etc/x.jpg"]
    for number, name in enumerate(names):
        image = coco["images"][0] | {"id": f"x{number}", "file_name": name}
        coco["images"].append(image)
        box = {"id": name, "image_id": image["id"], "category_id": 1, "bbox": [0, 0, 5, 5]}
        coco["annotations"].append(box)
    rows, rejected = run_index(write_json(coco), tmp_path)
    assert not {row["file_name"] for row in rows} & {*names, "p/a/1.jpg"}
    reasons = {row["image_id"]: row["reason"] for row in rejected}
    assert reasons["x1"] == (
        "file names differ in case or Unicode form alone: 'p/A/1.JPG' of image 'x1' at 'A', "
        "'p/a/1.jpg' of image 'p:1' at 'A'"
    )
    assert reasons["p:1"].startswith("file names differ")
    assert reasons["x0"] == "file name has an empty, hidden or parent folder part"
    assert reasons["x2"] == "file name is not a relative path with forward slashes"


def test_a_crop_never_takes_another_images_name(coco, write_json, tmp_path):
    coco["images"].append(coco["images"][0] | {"id": "p:7", "file_name": "p/a/1.box1.jpg"})
    coco["annotations"].append(coco["annotations"][0] | {"id": "f", "image_id": "p:7"})
    rows, _ = run_index(write_json(coco), tmp_path)
    names = [row["crop_id"] for row in rows]
    assert len(set(names)) == len(names)
    assert {"p/a/1.box1.jpg", "p/a/1.box1_.jpg"} <= set(names)


def test_generated_names_of_different_images_never_meet(coco, write_json, tmp_path):
    for number, name in ("x1", "q/x.jpg"), ("x2", "q/x"):
        coco["images"].append(coco["images"][0] | {"id": number, "file_name": name})
        for n in range(2):
            box = {"id": f"{number}{n}", "image_id": number, "category_id": 1, "bbox": [n, 0, 5, 5]}
            coco["annotations"].append(box)
    names = [row["crop_id"] for row in run_index(write_json(coco), tmp_path)[0]]
    assert len(set(names)) == len(names) == 9


def test_a_box_listed_twice_counts_once(coco, write_json, tmp_path):
    coco["annotations"].append(coco["annotations"][2] | {"id": "again"})
    rows, rejected = run_index(write_json(coco), tmp_path)
    assert len(rows) == 5
    assert [r["annotation_id"] for r in rejected if r["reason"] == "box is listed twice"] == [
        "again"
    ]


@pytest.mark.parametrize("part", ["images", "annotations", "categories"])
def test_an_entry_that_is_no_object_is_one_line(coco, write_json, tmp_path, part):
    coco[part][0] = "text"
    with pytest.raises(BadInput, match=f"entry 0 of '{part}'"):
        run_index(write_json(coco), tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_zip_of_one_json(coco, write_json, tmp_path):
    plain, _ = run_index(write_json(coco), tmp_path)
    with zipfile.ZipFile(tmp_path / "coco.zip", "w") as archive:
        archive.writestr("folder/coco.json", json.dumps(coco))
    assert run_index(tmp_path / "coco.zip", tmp_path)[0] == plain


def test_bombs_meet_the_limits(coco, write_json, tmp_path):
    path = write_json(coco)
    size = path.stat().st_size
    assert run_index(path, tmp_path, limits=limits(size))[0]
    with pytest.raises(BadInput, match=r"over .* bytes \(limits.json_bytes\); raise it"):
        run_index(path, tmp_path, limits=limits(size - 1))
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("coco.json", '{"info": "' + " " * 5_000_000 + '"}')
    assert bomb.stat().st_size < 10_000
    with pytest.raises(BadInput, match=r"over 200 times its size \(limits.zip_ratio\)"):
        run_index(bomb, tmp_path)
    with pytest.raises(BadInput, match=r"over 1,000,000 bytes"):
        run_index(bomb, tmp_path, limits=limits(10**6, 10**6))


def test_a_damaged_zip_is_one_clear_line(coco, tmp_path):
    path = tmp_path / "coco.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("coco.json", json.dumps(coco))
        archive.writestr("__MACOSX/._coco.json", "what a Mac adds")
    content = bytearray(path.read_bytes())
    content[100] ^= 255
    path.write_bytes(content)
    with pytest.raises(BadInput, match="coco.zip: the archive cannot be unpacked"):
        run_index(path, tmp_path)


def test_a_hostile_key_is_rejected_with_its_reason(coco, write_json, tmp_path):
    coco["images"][0]["serving_bucket_key"] = "a/../../other-bucket/x.jpg"
    _, rejected = run_index(write_json(coco), tmp_path, key="serving_bucket_key")
    reasons = {row["image_id"]: row["reason"] for row in rejected if not row["annotation_id"]}
    assert reasons["p:1"] == "key is not a relative path with forward slashes"


def test_a_subset_is_the_lowest_ranked_by_whole_events(tmp_path):
    table, out = tmp_path / "annotations.csv", tmp_path / "subset.csv"
    lines = [f"c{n},{'fox' if n < 60 else 'rat'},e{n // 3}" for n in range(63)]
    table.write_text("crop_id,species,event\n" + "\n".join(lines) + "\n")

    def drawn(per_species, seed):
        subset_annotations(table, out, per_species, seed)
        return list(csv.DictReader(out.open(newline="")))

    everything = drawn(100, 1)
    assert [row["crop_id"] for row in everything] == [f"c{n}" for n in range(63)]
    drawn_once = drawn(7, 1)
    ranked = sorted(everything[:60], key=lambda row: rank(row, 1))
    foxes = [row for row in drawn_once if row["species"] == "fox"]
    assert sorted(r["crop_id"] for r in foxes) == sorted(r["crop_id"] for r in ranked[:7])
    assert len({row["event"] for row in foxes}) == 3
    assert sum(row["species"] == "rat" for row in drawn_once) == 3
    assert drawn(7, 1) == drawn_once != drawn(7, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [{"id": 1}], "annot', "cut short: it ends at byte 30"),
        ('{"categories": [{"id": 1, "name": "fox"}], "images": [{"id": 1,, ', "broken at byte 63"),
        ("[]", "not a COCO JSON: JSON list"),
        ('{"categories": [{"id": 1, "name": "fox"}], "annotations": []}', "no 'images' list"),
        ("", "not a COCO JSON: empty file"),
    ],
)
def test_bad_json_is_one_clear_line(text, message, tmp_path):
    path = tmp_path / "coco.json"
    path.write_text(text + " " * 70_000 if "broken" in message else text)
    (tmp_path / "annotations.csv").write_text("from before")
    with pytest.raises(BadInput) as error:
        run_index(path, tmp_path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert (tmp_path / "annotations.csv").read_text() == "from before"


def test_nothing_usable_says_the_most_frequent_reason(coco, write_json, tmp_path):
    with pytest.raises(BadInput, match="label is dropped"):
        run_index(write_json(coco), tmp_path, drop=["empty", "fox", "lizard", "rodent"])


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((-3, -2, 10, 10), (0, 0, 7, 8)),
        ((0.4, 0.6, 1.2, 1.2), (0, 0, 2, 2)),
        ((0, 0, 0, 5), None),
        ((100, 0, 5, 5), None),
        ((-10, 0, 5, 5), None),
    ],
)
def test_boxes_are_clipped_to_whole_pixels_of_the_frame(box, expected):
    assert clip_box(*box, 100, 80) == expected


def coco_of(bboxes, size=(160, 120), field="bbox"):
    """A COCO of these boxes, each on a photo of its own of the (width, height) `size`."""
    images = [
        {"id": n, "file_name": f"{n}.jpg", "width": size[0], "height": size[1]}
        for n in range(len(bboxes))
    ]
    boxes = [
        {"id": n, "image_id": n, "category_id": 1, field: bbox} for n, bbox in enumerate(bboxes)
    ]
    return {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "fox"}]}


def why_not(write_json, folder, coco, **settings):
    with pytest.raises(BadInput) as error:
        run_index(write_json(coco), folder, **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


SHARES = [[x / 10, y / 10, 0.2, 0.3] for x in range(8) for y in range(7)]  # all within the photo
CORNERS = [[x, y, round(x + w, 1), round(y + h, 1)] for x, y, w, h in SHARES]
CENTRES = [[x + w / 2, y + h / 2, w, h] for x, y, w, h in SHARES]  # as YOLO has them


def test_corners_as_shares_are_not_taken_for_corners_in_pixels(write_json, tmp_path):
    assert why_not(write_json, tmp_path, coco_of(CORNERS), box="corners") == (
        "coco: images.box is corners, but 56 of 56 boxes lie within 0..1, as [0, 0, 0.2, 0.3] of "
        "annotation '0': corners as shares of the photo are not read: convert them to x, y, width, "
        "height and set images.box to relative"
    )
    some = [[10, 10, 90, 90]] * 9 + [[0.1, 0.1, 0.9, 0.9]]
    rows, rejected = run_index(write_json(coco_of(some)), tmp_path, box="corners")
    assert len(rows) == 9
    assert rejected[0]["reason"].startswith("box lies within one pixel")


@pytest.mark.parametrize("field", ["bbox", "bbox_relative"])
def test_shares_of_another_form_are_asked_about(write_json, tmp_path, field):
    """Of 56 corners, those with 2 x + 0.2 > 1 or 2 y + 0.3 > 1 leave: all but 5 x 4."""
    said = "images.box is relative, but " if field == "bbox" else "bbox_relative: "
    settings = {"box": "relative" if field == "bbox" else None}
    assert why_not(write_json, tmp_path, coco_of(CORNERS, field=field), **settings) == (
        f"coco: {said}36 of 56 boxes leave their photo by over 5 px, as [0.1, 0.4, 0.3, 0.7] of "
        "annotation '11' on a photo of 160 x 120; are they corners, or centre, width, height? "
        "Neither is read as shares: convert them to shares x, y, width, height within the photo"
    )
    message = why_not(write_json, tmp_path, coco_of(CENTRES, field=field), **settings)
    assert said + "8 of 56 boxes leave" in message  # down to 1.05 of 120 px
    rows, _ = run_index(write_json(coco_of(SHARES, field=field)), tmp_path, **settings)
    assert len(rows) == 56
    rounded = coco_of([[0.51, 0.2, 0.5, 0.5]] * 9, (4000, 3000), field)
    assert len(run_index(write_json(rounded), tmp_path, **settings)[0]) == 9


def test_pixels_that_are_declared_shares_are_asked_about(write_json, tmp_path):
    assert why_not(write_json, tmp_path, coco_of([[10, 10, 40, 30]] * 9), box="relative") == (
        "coco: images.box is relative, but 9 of 9 boxes leave their photo by over 5 px, as [10, "
        "10, 40, 30] of annotation '0' on a photo of 160 x 120; are they pixels? Then set "
        "images.box to pixels, or to corners (x1, y1, x2, y2)"
    )


def test_declared_corners_that_leave_their_photos_are_asked_about(write_json, tmp_path):
    message = why_not(write_json, tmp_path, coco_of([[10, 10, 170, 90]] * 9), box="corners")
    assert message == (
        "coco: images.box is corners, but 9 of 9 boxes leave their photo by over 5 px, as [10, 10, "
        "170, 90] of annotation '0' on a photo of 160 x 120; width and height may be of another "
        "copy of the photos: mend them, or convert the boxes to x, y, width, height and set "
        "images.box to pixels"
    )


def scaled(bboxes, unit):
    return [[round(unit * number) for number in bbox] for bbox in bboxes]


BIG = (2048, 1536)


@pytest.mark.parametrize(
    ("bbox", "reason"),
    [(bbox, "no box") for bbox in (None, [], [None] * 4, "", {})]
    + [
        (bbox, "bbox is not four numbers")
        for bbox in (
            "[1,2,3,4]",
            {"x": 1, "y": 2},
            [1, 2, 3, 4, 5],
            [1, 2, 3],
            [[1, 2, 3, 4]],
            [1, 2, 3, "12,5"],
            [1, 2, 3, None],
            [1, 2, 3, 1e10],
            [[None], 2, 3, 4],
            0,
            False,
        )
    ],
)
def test_what_is_listed_and_no_box_is_said(write_json, tmp_path, bbox, reason):
    coco = coco_of([[10, 10, 20, 20], bbox])
    _, rejected = run_index(write_json(coco), tmp_path)
    assert [row["reason"] for row in rejected] == [reason]
    if bbox is None:
        coco["annotations"][1]["bbox_relative"] = [0.1, 0.2, 0.3]
        _, rejected = run_index(write_json(coco), tmp_path)
        assert [row["reason"] for row in rejected] == ["bbox_relative is not four numbers"]


def test_empty_boxes_are_no_shares(write_json, tmp_path):
    empty = coco_of([[0, 0, 0, 0]] * 9)
    words = "coco: no usable box; 9 x box is empty or outside the frame; "
    assert why_not(write_json, tmp_path, empty).startswith(words)
    some = coco_of([[0, 0, 0, 0]] * 9 + [[10, 10, 20, 20]])
    assert len(run_index(write_json(some), tmp_path)[0]) == 1
    message = why_not(write_json, tmp_path, coco_of([[0, 0, 0, 0]] * 9 + [[0.1, 0.1, 0.2, 0.2]]))
    assert message.startswith("coco: 1 of 1 boxes lie within 0..1")


@pytest.mark.parametrize("max_rejected", [1, 0.05])
def test_boxes_that_a_declared_form_empties_name_it(write_json, tmp_path, max_rejected):
    bboxes = [[40 + n, 50, 30, 20] for n in range(9)] + [[5, 5, 30, 20]] * (max_rejected < 1)
    config = {"max_rejected": max_rejected}
    message = why_not(write_json, tmp_path, coco_of(bboxes), box="corners", config=config)
    assert "9 x box is empty or outside the frame (images.box is corners); " in message
    assert message.startswith(
        "coco: no usable box" if max_rejected == 1 else "coco: 9 of 10 annotations (90.0%)"
    )


@pytest.mark.parametrize("shares", [SHARES, CORNERS])
@pytest.mark.parametrize(
    ("unit", "size", "words"),
    [
        (100, BIG, "photos over 200 px lie within 0..100, as [0, "),
        (100, (640, 480), "if they are per cent of the photo, convert"),
        (1000, BIG, "photos over 1,200 px lie within 0..1,000, as [0, "),
        (1000, (1920, 1080), "if they are per mille of the photo, convert"),
    ],
)
def test_per_cent_and_per_mille_are_not_taken_for_pixels(
    write_json, tmp_path, shares, unit, size, words
):
    of_corners = shares is CORNERS
    whole = [0.5, 0.5, 1, 1] if of_corners else [0.5, 0.5, 0.5, 0.5]
    coco = coco_of(scaled([*shares, whole], unit), size)
    message = why_not(write_json, tmp_path, coco)
    assert message.startswith("coco: all 57 boxes on ") and words in message
    assert message.endswith("if they are pixels, set it to pixels")
    assert len(run_index(write_json(coco), tmp_path, box="pixels")[0]) == 57
    if of_corners:
        message = why_not(write_json, tmp_path, coco, box="corners")
        assert "images.box is corners, but all 57 boxes" in message and words in message


@pytest.mark.parametrize(
    ("bboxes", "size"),
    [
        (scaled(SHARES, 100)[:19], BIG),  # too few
        (scaled(SHARES, 100), (200, 150)),  # of that size they are pixels
        (scaled(SHARES, 100) + [[60, 10, 45, 20]], BIG),  # beyond 100
        ([[n, n, 20, 20] for n in range(25)], BIG),  # none reaches half of 100
        (scaled(SHARES, 1000), BIG),  # none touches 1,000
        (scaled([*SHARES, [0.5, 0.5, 0.5, 0.5]], 1000), (1200, 1100)),
        ([[24 * n, 20 * n, 180, 180] for n in range(60)], BIG),  # pixels
    ],
)
def test_honest_pixels_pass(write_json, tmp_path, bboxes, size):
    rows, _ = run_index(write_json(coco_of(bboxes, size)), tmp_path)
    assert len(rows) == len(bboxes)


def test_a_batch_without_an_animal_is_a_week_watched(write_json, tmp_path, coco):
    coco["annotations"] = [a for a in coco["annotations"] if a["category_id"] == 0]
    batch = {"max_rejected": 1, "models": "site"}
    boxes, _ = run_index(write_json(coco), tmp_path, config=batch)
    days = list(csv.DictReader((tmp_path / "camera_days.csv").open(newline="")))
    assert boxes == [] and sum(int(day["images"]) for day in days) == 3
    with pytest.raises(BadInput, match="coco: no usable box; 1 x label is dropped"):
        run_index(write_json(coco), tmp_path)

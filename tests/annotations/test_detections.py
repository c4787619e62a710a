"""MegaDetector results: as the photos themselves, and as the boxes of a COCO that has none."""

import csv
import gzip
import json
import random
import zipfile
from collections import Counter

import pytest
from test_boxes import run_index
from test_entries import box, image

from stowaway.annotations.facts import read_facts
from stowaway.annotations.json_file import MEGADETECTOR, Limits
from stowaway.annotations.times import exif_time
from stowaway.core.script import BadInput

CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}
BOX = [0.1, 0.25, 0.5, 0.5]


def found(conf=0.9, category="1", bbox=BOX):
    return {"category": category, "conf": conf, "bbox": list(bbox)}


def results(images, categories=CATEGORIES, info=None):
    info = {"format_version": "1.6"} if info is None else info
    return {"info": info, "detection_categories": categories, "images": images}


def photo(file, *detections, **fields):
    return {"file": file, "width": 100, "height": 80, "detections": list(detections)} | fields


def write_times(folder, *lines):
    path = folder / "photo_times.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow("file_name datetime offset width height".split())
        table.writerows(lines)
    return path


def index(write_json, folder, content, times=(), **settings):
    """Index the photos of MegaDetector results; returns rows, rejected rows, people and facts."""
    source = content if hasattr(content, "suffix") else write_json(content, "md.json")
    settings = {"detections": source, "photo_times": write_times(folder, *times)} | settings
    settings = {"drop": ["empty", "person", "vehicle"], "rename": {}} | settings
    rows, rejected = run_index([], folder, **settings)
    people = list(csv.DictReader((folder / "people.csv").open(newline="")))
    facts = read_facts(folder / "index_facts.json")
    refused = sum(facts["refused"].values())
    assert facts["annotations"] == len(rows) + facts["dropped"] + facts["copies"] + refused
    assert facts["annotations"] + facts["below"] == facts["detections"]["detections"]
    assert facts["person_detector"] is True
    return rows, rejected, people, facts


def test_a_photo_is_its_file_and_a_box_its_category(write_json, tmp_path):
    content = results(
        [
            photo("cam 1/a.jpg", found(0.9), found(0.2, bbox=[0, 0, 0.1, 0.1]), found(0.19)),
            photo("cam 1/b.jpg", found(0.9, "2"), found(0.15, "3"), found(0.05, "2")),
            photo("Cam-2\\x\\c.jpg", found(0.5, "3")),
            photo("top.jpg"),
        ]
    )
    times = [
        ("cam 1/a.jpg", "2024-03-01T06:10:22.25", "-07:00", 200, 160),
        ("cam 1/b.jpg", "2024-03-01T06:11:00", "", "", ""),
        ("top.jpg", "2024-03-02T06:11:00", "", 50, 50),
    ]
    rows, rejected, people, facts = index(write_json, tmp_path, content, times)
    assert [(row["crop_id"], row["x"], row["y"], row["w"], row["h"]) for row in rows] == [
        ("cam 1/a.box1.jpg", "20", "40", "100", "80"),
        ("cam 1/a.box2.jpg", "0", "0", "20", "16"),
    ]
    first = rows[0]
    assert first["image_id"] == first["file_name"] == first["key"] == "cam 1/a.jpg"
    assert (first["species"], first["label"], first["confidence"]) == ("unnamed", "animal", "0.9")
    assert (first["location"], first["width"]) == ("cam 1", "200")
    assert first["datetime"] == "2024-03-01T06:10:22.250000-07:00"
    assert [(row["image_id"], row["label"], row["confidence"]) for row in people] == [
        ("Cam-2/x/c.jpg", "vehicle", "0.5"),
        ("cam 1/b.jpg", "person", "0.9"),
    ]
    assert people[1]["event"] == rows[0]["event"] == f"cam 1@{first['datetime']}"
    days = list(csv.reader((tmp_path / "camera_days.csv").open(newline="")))[1:]
    assert days == [["cam 1", "2024-03-01", "2"], ["unknown", "2024-03-02", "1"]]
    assert facts["below"] == 3 and facts["dropped"] == 2 and facts["images"] == 4
    assert facts["notes"] == [
        "1 of 4 photos have no location: images.location ('([^/]+)/') finds none in 'top.jpg'"
    ]
    reasons = {(row["image_id"], row["label"]): row["reason"] for row in rejected}
    assert reasons["cam 1/b.jpg", "person"] == "label is dropped"
    assert reasons["top.jpg", ""] == "no annotation"


@pytest.mark.parametrize(
    "content",
    [
        # 1.0: no version, a confidence of the photo, as PytorchWildlife writes it too
        results([photo("a/1.jpg", found(), max_detection_conf=0.9)], info={}),
        results(
            [photo("a/1.jpg", found(category="0")), photo("a/2.jpg", max_detection_conf="")],
            {"0": "animal"},
            {"detector": "megadetector_v5"},
        ),
        # 1.1 to 1.3: numbers as text, categories as numbers, failures with null
        results(
            [
                photo("a/1.jpg", found("0.9", 1, ["0.1", 0.25, "0.5", 0.5])),
                photo("a/3.jpg", detections=None, failure="Failure image access"),
            ],
            info={"format_version": "1.3"},
        ),
        # 1.4: videos; 1.5, 1.6: classifications, failure null, whatever keys
        results(
            [
                photo("a/1.jpg", found() | {"classifications": [["0", 0.9]], "x": 1}, failure=None),
                {"file": "a/4.jpg", "failure": "cannot open"},
                photo("a/v.mp4", found() | {"frame_number": 0}, frame_rate=20),
            ]
        )
        | {"classification_categories": {"0": "fox"}},
    ],
)
def test_every_version_is_read(write_json, tmp_path, content):
    rows, rejected, _, facts = index(write_json, tmp_path, content)
    assert [(row["image_id"], row["label"], row["confidence"]) for row in rows] == [
        ("a/1.jpg", "animal", "0.9")
    ]
    assert facts["images"] == len(content["images"]) and facts["refused"] == {}
    reasons = {row["file_name"]: row["reason"] for row in rejected}
    names = {"a/2.jpg": "no annotation", "a/v.mp4": "it is a video"}
    names |= {"a/3.jpg": "the detector failed: 'Failure image access'"}
    names |= {"a/4.jpg": "the detector failed: 'cannot open'"}
    assert reasons == {one["file"]: names[one["file"]] for one in content["images"][1:]}
    failed = len(set(reasons) - {"a/2.jpg"})
    note = [f"{failed} files are videos, or failed in the detector"] * (failed > 0)
    assert facts["notes"] == note


@pytest.mark.parametrize("suffix", ["json", "json.gz", "zip"])
def test_a_packed_file_is_read(write_json, tmp_path, suffix):
    text, path = json.dumps(results([photo("a/1.jpg", found())])), tmp_path / f"md.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("md.json", text)
    else:
        path.write_bytes(gzip.compress(text.encode()) if suffix == "json.gz" else text.encode())
    assert len(index(write_json, tmp_path, path)[0]) == 1


def test_what_is_no_detection_is_refused_with_its_reason(write_json, tmp_path):
    bad = [
        (found(float("nan"), bbox=[0, 0, 0.3, 1]), "conf is no number of 0 to 1"),
        (found(1.5, bbox=[0, 0, 0.4, 1]), "conf is no number of 0 to 1"),
        (found(bbox=[0.1, 0.1, float("inf"), 0.1]), "bbox is not four numbers"),
        (found(bbox=[0.1, 0.1]), "bbox is not four numbers"),
        (found(bbox=[0.5, 0.5, 0.6, 0.6]), "bbox leaves the photo: 0.5, 0.5, 0.6, 0.6"),
        (found(bbox=[-0.1, 0.5, 0.2, 0.2]), "bbox leaves the photo: -0.1, 0.5, 0.2, 0.2"),
        (found(bbox=[0.1, 0.1, 0, 0.5]), "box is empty or outside the frame"),
        (found(0.01, "9"), "category is not listed"),
        ("text", "category is not listed"),
    ]
    good = [found(), found(bbox=[0.995, 0.5, 0.01, 0.5004]), found(category="4")]
    images = [photo("a/1.jpg", *good, *(one for one, _ in bad)), photo("a/1.jpg", found(0.8))]
    images += [photo("a/1.jpg", found(0.7, bbox=[0, 0, 1, 1])), photo("../b.jpg", found())]
    images += [{"file": "a/2.jpg", "detections": [found()]}]
    content = results(images, CATEGORIES | {"4": " "})
    rows, rejected, _, facts = index(write_json, tmp_path, content)
    assert [(row["label"], row["species"]) for row in rows] == [
        ("animal", "unnamed"),
        ("animal", "unnamed"),
        ("", "unnamed"),
    ]
    assert [rows[1][side] for side in "xywh"] == ["99", "40", "1", "40"]
    reasons = Counter(row["reason"] for row in rejected if row["annotation_id"])
    assert reasons == Counter(reason for _, reason in bad) + Counter(
        [
            "box is listed twice",
            "file is listed twice",
            "file name has an empty, hidden or parent folder part",
            "relative box, and the image's size is unknown",
        ]
    )
    assert (
        Counter(row["reason"] for row in rejected if not row["annotation_id"])[
            "file is listed twice"
        ]
        == 2
    )
    assert facts["refused"]["bbox leaves the photo"] == 2
    with pytest.raises(
        BadInput, match=r"^detections: 12 of 15 annotations \(80.0%\) .*mend the fil"
    ):
        index(write_json, tmp_path, content, config={"max_rejected": 0.5})
    with pytest.raises(
        BadInput, match="no usable box; 1 x confidence is below .* lower images.con"
    ):
        index(write_json, tmp_path, results([photo("a/1.jpg", found(0.1))]))


def test_the_least_confidence_of_each_category(write_json, tmp_path):
    images = [photo("a/1.jpg", found(0.3), found(0.3, "2"), found(0.3, "4", [0, 0, 1, 1]))]
    content = results(images, CATEGORIES | {"4": "Rat"})
    rows, _, _, facts = index(
        write_json, tmp_path, content, confidence={"Animal": 0.31, "person": 0.3}
    )
    assert [row["species"] for row in rows] == ["rat"]
    assert facts["below"] == 1 and facts["dropped"] == 1


def test_location_and_time_where_exif_has_none(write_json, tmp_path):
    tags = {"DateTimeOriginal": "2024:03:01 06:10:22", "OffsetTimeOriginal": "+01:00"}
    images = [
        photo("site/SN12_x/1.jpg", found(), datetime="2024:03:01 08:00:00"),
        photo("site/SN12_x/2.jpg", found(), datetime=None, exif_metadata=tags),
        photo("site/SN13_x/3.jpg", found(), datetime="2024:03:01 09:00:00"),
        photo("site/other/4.jpg", found(), exif_metadata=["x"]),
    ]
    times = [("site/SN13_x/3.jpg", "2024-03-01T07:00:00", "", "", "")]
    times += [("site/SN12_x/1.jpg", "0000-00-00T00:00:00", "", "", "")]
    location = r"/(SN\d{2})_"
    rows, rejected, _, facts = index(
        write_json, tmp_path, results(images), times, location=location
    )
    assert {row["file_name"][-5]: (row["location"], row["datetime"]) for row in rows} == {
        "1": ("SN12", "2024-03-01T08:00:00"),
        "2": ("SN12", "2024-03-01T06:10:22+01:00"),
        "3": ("SN13", "2024-03-01T07:00:00"),
    }
    assert [row["reason"] for row in rejected][0].startswith("visit is unknown")
    assert facts["unlocated_images"] == 1
    assert facts["notes"][-1].startswith("1 of 4 photos have no location: images.location ('/(SN")


def test_a_time_of_exif():
    assert exif_time("2024:03:01 06:10:22", "25", "-07:00") == ("2024-03-01T06:10:22.25", "-07:00")
    assert exif_time("2024:03:01 06:10:22\0", "", "   :  ") == ("2024-03-01T06:10:22", "")
    assert exif_time("soon", "25", 7) == ("soon", "")
    assert exif_time(None, None, None) == exif_time(b"x", 1, ()) == ("", "")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[{}]", "a list, as microsoft/MegaDetector writes it, with corners in pixels"),
        ('{"images": [], "annotations": [], "categories": []}', "a COCO JSON, or Pytor"),
        ('{"images": []}', "no 'detection_categories' map"),
        (
            '{"images": [], "detection_categories": {}}',
            "no 'images' list with entries; is this Meg",
        ),
        (
            '{"images": [{}], "detection_categories": []}',
            "entry 0 of 'detection_categories' is a l",
        ),
        ('{"images": [{"file": "a', "JSON cut short: it ends at byte 23"),
    ],
)
def test_another_file_is_one_line(tmp_path, text, line):
    path = tmp_path / "md.json"
    path.write_text(text)
    with pytest.raises(BadInput) as error:
        index(None, tmp_path, path)
    assert line in str(error.value) and "\n" not in str(error.value)
    assert "COCO" not in MEGADETECTOR.needs


def test_totals_add_up_on_two_thousand_photos_at_random(write_json, tmp_path):
    """Usable, refused and below the threshold are all, as counted one by one."""
    draw, images, expected = random.Random(1), [], Counter()
    for number in range(2_000):
        entry = photo(f"cam{number % 7}/{number}.jpg")
        for place in range(draw.choice([0, 0, 0, 1, 1, 2, 3])):
            share = round(draw.uniform(0.1, 0.5), 3)
            one = found(
                round(draw.random(), 3), draw.choice("11123"), [place / 10, 0.1, 0.2, share]
            )
            if draw.random() < 0.05:
                one |= draw.choice(
                    [{"conf": None}, {"conf": 2}, {"bbox": [0.9] * 4}, {"category": 7}]
                )
            entry["detections"].append(one)
        if draw.random() < 0.01:
            entry |= {"failure": "x", "detections": None}
        images.append(entry)
        for one in entry["detections"] or []:
            label, is_number = CATEGORIES.get(one["category"]), type(one["conf"]) is float
            if label and is_number and one["conf"] < 0.2:
                expected["below"] += 1
            elif label in ("person", "vehicle"):
                expected["dropped"] += 1
            elif not label or not is_number or one["bbox"] == [0.9] * 4:
                expected["refused"] += 1
            else:
                expected["usable"] += 1
    rows, rejected, people, facts = index(write_json, tmp_path, results(images))
    assert facts["images"] == 2_000 and len(rows) == expected["usable"] > 500
    refused = sum(facts["refused"].values())
    assert (facts["below"], facts["dropped"], refused) == tuple(
        expected[kind] for kind in ("below", "dropped", "refused")
    )
    seen = {
        entry["file"]
        for entry in images
        for one in entry["detections"] or []
        if one["category"] in ("2", "3") and type(one["conf"]) is float and one["conf"] >= 0.1
    }
    dropped = {row["image_id"] for row in rejected if row["reason"] == "label is dropped"}
    assert {row["image_id"] for row in people} == seen | dropped
    empty = {row["image_id"] for row in rejected if row["reason"] == "no annotation"}
    failed = {row["image_id"] for row in rejected if row["reason"].startswith("the detector")}
    boxed = {row["image_id"] for row in rows}
    assert failed == {one["file"] for one in images if one["detections"] is None}
    assert not boxed & (empty | failed) and not empty & failed


def coco_and(write_json, folder, images, boxes, content, names=("empty", "fox", "rat", "animal")):
    """Index a COCO with detections beside it; returns rows, rejected rows and facts."""
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    coco = {"images": images, "annotations": boxes, "categories": categories}
    detections = write_json(content, "md.json")
    rows, rejected = run_index(write_json(coco), folder, detections=detections)
    facts = read_facts(folder / "index_facts.json")
    refused = sum(facts["refused"].values())
    assert facts["annotations"] == len(rows) + facts["dropped"] + facts["copies"] + refused
    return rows, rejected, facts


def test_labels_without_boxes_take_those_of_the_detections(write_json, tmp_path):
    images = [image(n, f"cam/{n}.jpg") for n in range(9)]
    boxes = [
        box(1, 0, 1, ()),  # one fox, two animals
        box(2, 1, 1, ()),  # fox and rat
        box(3, 1, 2, ()),
        box(4, 2, 1),  # has a box
        box(5, 3, 0, ()),  # empty
        box(7, 5, 2, ()),  # no detection
        box(8, 6, 2, ()),  # no file
        box(9, 7, 1, ()),  # two boxes without a label more, of the same label
        box(10, 7, 1, ()),
    ]  # 4 has no annotation, nor has 8
    small = [0, 0, 0.1, 0.1]
    content = results(
        [
            photo("cam/0.jpg", found(0.9), found(0.3, bbox=small), found(0.1), found(0.9, "2")),
            photo("cam/1.jpg", found(0.8), found(0.8, bbox=small)),
            photo("cam/2.jpg", found(0.8)),
            photo("cam/3.jpg", found(0.8)),
            photo("cam/4.jpg", found(0.7)),
            photo("cam/5.jpg", found(0.1)),
            photo("cam/7.jpg", found(0.6)),
            photo("cam/8.jpg", found(0.6, "2")),
            photo("cam/other.jpg", found(0.6)),
            photo("CAM/0.jpg", found(0.6)),
        ]
    )
    rows, rejected, facts = coco_and(write_json, tmp_path, images, boxes, content)
    assert sorted((row["image_id"], row["species"], row["confidence"]) for row in rows) == [
        ("0", "fox", "0.3"),
        ("0", "fox", "0.9"),
        ("1", "unnamed", "0.8"),
        ("1", "unnamed", "0.8"),
        ("2", "fox", ""),
        ("4", "unnamed", "0.7"),
        ("7", "fox", "0.6"),
    ]
    assert sorted((row["file_name"], row["reason"]) for row in rejected) == [
        ("CAM/0.jpg", "file is listed twice"),
        ("cam/3.jpg", "label is dropped"),
        ("cam/5.jpg", "no box, and the detector found no animal"),
        ("cam/6.jpg", "no box, and the photo is not in the detections"),
        ("cam/8.jpg", "no annotation"),
        ("cam/other.jpg", "photo is not in the COCO"),
    ]
    assert facts["notes"] == [
        "detections: 6 boxes for 4 photos of the COCO; not matched: 1 of 10 files, and 1 photos "
        "that have a label and no box (rejected.csv)",
        "detections: 2 boxes are unnamed, of 1 photos with several labels",
    ]
    people = list(csv.DictReader((tmp_path / "people.csv").open(newline="")))
    assert [(row["image_id"], row["confidence"]) for row in people] == [("0", "0.9"), ("8", "0.6")]
    assert facts["person_detector"] is True


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("cam/1/{}.jpg", "cam/1/{}.jpg"),
        ("cam/1/{}.jpg", "C:\\photos\\Cam\\1\\{}.JPG"),
        ("cam/1/{}.jpg", "/data/site/cam/1/{}.jpg"),
        ("project/cam/1/{}.jpg", "cam/1/{}.jpg"),
        ("project/cam/1/{}.jpg", "/data/cam/1/{}.jpg"),
        ("cam/1/{}.jpg", "./{}.jpg"),
    ],
)
def test_files_match_whatever_folders_are_before_them(write_json, tmp_path, ours, theirs):
    """Other separators, case and common folders; base names that collide do not mislead."""
    images = [image(n, ours.format(n)) for n in range(3)]
    boxes = [box(n, n, 1, ()) for n in range(3)]
    content = results([photo(theirs.format(n), found(round(0.5 + n / 10, 1))) for n in (2, 1, 0)])
    rows, rejected, _ = coco_and(write_json, tmp_path, images, boxes, content)
    pairs = sorted((row["image_id"], row["confidence"]) for row in rows)
    assert pairs == [("0", "0.5"), ("1", "0.6"), ("2", "0.7")] and not rejected
    if theirs.startswith("./"):  # the folder that is cut is no longer that of all photos
        return
    other = [image("x", ours.format(0).replace("1/", "2/")), *images]
    rows, rejected, facts = coco_and(
        write_json, tmp_path, other, [box(9, "x", 1, ()), *boxes], content
    )
    assert len(rows) == 3 and facts["detections"]["lacking"] == 1


def test_the_size_of_a_photo_comes_from_the_detections_where_the_coco_has_none(
    write_json, tmp_path
):
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    content = results([photo("a.jpg", found()), {"file": "b.jpg", "detections": [found()]}])
    rows, rejected, _ = coco_and(
        write_json, tmp_path, images, [box(1, 1, 1, ()), box(2, 2, 1, ())], content
    )
    assert [[row[side] for side in "xywh"] for row in rows] == [["10", "20", "50", "40"]]
    assert [row["reason"] for row in rejected] == ["relative box, and the image's size is unknown"]


def test_no_text_of_any_kind_ends_the_run(write_json, tmp_path):
    bad = "x\x00\n\u202e\ud800</script>"
    odd = {"datetime": bad, "exif_metadata": {"DateTimeOriginal": bad}, "width": bad, "height": []}
    images = [photo(f"{n}/{bad}", found(), **odd) for n in range(2)]
    images += [photo(bad, found(), found([]), failure=bad), photo(["a"], found()), {}, {"file": 7}]
    images += [
        photo("a/1.jpg", found(category=bad), found(category=[1]), found(category="5"), **odd)
    ]
    images += [photo("a/2.jpg", found(), {"conf": bad}, [], None, 7)]
    content = results(images, CATEGORIES | {"5": bad, bad: bad})
    rows, _, _, facts = index(write_json, tmp_path, content)
    assert [row["file_name"] for row in rows] == ["a/2.jpg"] and facts["images"] == 6
    fox = [image(1, "a/2.jpg"), image(2, "b.jpg")], [box(1, 1, 1, ()), box(2, 2, 1)]
    rows, rejected, _ = coco_and(write_json, tmp_path, *fox, content)
    assert [row["file_name"] for row in rows] == ["a/2.jpg", "b.jpg"] and len(rejected) > 5


def test_limits_hold_for_detections(write_json, tmp_path):
    path = write_json(results([photo("a/1.jpg", found())]), "md.json")
    size = {"json_bytes": path.stat().st_size - 1, "zip_ratio": 10}
    with pytest.raises(BadInput, match="json_bytes"):
        index(write_json, tmp_path, path, limits=size)
    assert Limits(**size).zip_ratio == 10

"""What stands twice, what is hostile, and what text and numbers are: entries of a COCO."""

import csv
import json
from collections import Counter

import pytest
from test_boxes import run_index

from stowaway.annotations.facts import read_facts
from stowaway.core.script import BadInput


def image(number, name, **fields):
    return {"id": number, "file_name": name, "location": "A", "width": 100, "height": 80} | fields


def box(number, of, category=1, bbox=(10, 10, 20, 20)):
    return {"id": number, "image_id": of, "category_id": category, "bbox": list(bbox)}


def index(write_json, folder, images, boxes, categories=((1, "fox"), (2, "rat")), **settings):
    """Index a COCO of these entries; returns rows, rejected rows and facts."""
    categories = [{"id": number, "name": name} for number, name in categories]
    coco = {"images": images, "annotations": boxes, "categories": categories}
    rows, rejected = run_index(write_json(coco), folder, **settings)
    facts = read_facts(folder / "index_facts.json")
    refused = sum(facts["refused"].values())
    assert facts["usable"] == len(rows)
    assert facts["annotations"] == len(rows) + facts["dropped"] + facts["copies"] + refused
    assert facts["annotations"] == len(boxes)
    return rows, rejected, facts


def reasons(rejected, key="annotation_id"):
    return {row[key]: row["reason"] for row in rejected}


def test_two_meanings_of_an_image_id_refuse_both_and_name_the_other(write_json, tmp_path):
    images = [image(1, "a.jpg"), image(2, "b.jpg"), image("1", "other/a.jpg")]
    rows, rejected, facts = index(
        write_json, tmp_path, images, [box(7, 1), box(8, 2), box(9, 1.0, 2)]
    )
    assert [row["image_id"] for row in rows] == ["2"]
    one = "image id has two meanings: '1' is also 'other/a.jpg' at 'A'"
    assert reasons(rejected)["7"] == reasons(rejected)["9"] == one
    assert [(r["file_name"], r["reason"]) for r in rejected if not r["annotation_id"]] == [
        ("other/a.jpg", "image id has two meanings: '1' is also 'a.jpg' at 'A'"),
        ("a.jpg", one),
    ]
    assert facts["refused"] == {"image id has two meanings": 2}
    why = r"2 x image id has two meanings \('1' is also 'other/a.jpg' at 'A'\); .*: mend the COCO"
    with pytest.raises(BadInput, match=why):
        index(
            write_json,
            tmp_path,
            images,
            [box(7, 1), box(8, 2), box(9, 1, 2)],
            config={"max_rejected": 0.1},
        )


@pytest.mark.parametrize(
    "change",
    [
        {"location": "B"},
        {"datetime": "2024-01-01 10:00:00"},
        {"width": 99},
        {"seq_id": 4},
        {"corrupt": True},
        {"file_name": "b.jpg"},
    ],
)
def test_whatever_differs_makes_two_meanings(write_json, tmp_path, change):
    images = [image(1, "a.jpg"), image(3, "c.jpg"), image(1, "a.jpg") | change]
    rows, rejected, _ = index(write_json, tmp_path, images, [box(7, 1), box(8, 3)])
    assert [row["image_id"] for row in rows] == ["3"]
    assert reasons(rejected)["7"].startswith("image id has two meanings: '1' is also ")


def test_an_image_that_is_listed_twice_is_one(write_json, tmp_path):
    images = [image(1, "a.jpg"), image(1.0, "a.jpg", location=" a ", width=100.0)]
    rows, rejected, facts = index(write_json, tmp_path, images, [box(7, 1), box(7, 1)])
    assert len(rows) == 1 and facts["images"] == 1 and facts["copies"] == 1
    assert sorted(row["reason"] for row in rejected) == [
        "box is listed twice",
        "image is listed twice",
    ]


def test_one_photo_under_two_ids_keeps_the_boxes_of_both(write_json, tmp_path):
    images = [image(1, "a.jpg"), image(2, "a.jpg")]
    boxes = [box(7, 1), box(8, 2), box(9, 2, bbox=(1, 1, 5, 5))]
    rows, rejected, facts = index(write_json, tmp_path, images, boxes)
    assert [(row["image_id"], row["crop_id"]) for row in rows] == [
        ("1", "a.box1.jpg"),
        ("1", "a.box2.jpg"),
    ]
    assert reasons(rejected, "image_id")["2"] == "photo has two ids: its boxes are with image 1"
    assert facts["copies"] == 1 and facts["images"] == 1


def test_a_bare_file_name_of_two_cameras_is_refused_and_says_which(write_json, tmp_path):
    images = [image("a", "IMG_1.JPG"), image("b", "IMG_1.JPG", location="B"), image("c", "c.jpg")]
    rows, rejected, facts = index(write_json, tmp_path, images, [box(n, n) for n in "abc"])
    assert [row["image_id"] for row in rows] == ["c"]
    assert reasons(rejected)["a"] == (
        "two photos would be one file: 'IMG_1.JPG' is of image 'a' at 'A' and of image 'b' at 'B'"
    )
    assert facts["refused"] == {"two photos would be one file": 2}


def test_a_refused_photo_still_holds_its_file_name(write_json, tmp_path):
    images = [image(1, "a.jpg", corrupt=True), image(2, "a.jpg", location="B"), image(3, "c.jpg")]
    rows, rejected, _ = index(write_json, tmp_path, images, [box(n, n) for n in (1, 2, 3)])
    assert [row["image_id"] for row in rows] == ["3"]
    assert reasons(rejected)["1"] == "image is marked corrupt"
    assert reasons(rejected)["2"].startswith("two photos would be one file: 'a.jpg' is of image")


def test_a_category_id_with_two_names_ends_the_run(write_json, tmp_path):
    with pytest.raises(BadInput, match="category id '1' has two names, 'fox' and 'rat': its boxes"):
        index(write_json, tmp_path, [image(1, "a.jpg")], [], [(1, "fox"), ("1.0", "rat")])
    same = [(1, "Fox"), (1, " fox\u200b")]
    assert index(write_json, tmp_path, [image(1, "a.jpg")], [box(1, 1)], same)[0]


@pytest.mark.parametrize(
    "name", [None, "", " \u200b", True, ["fox"], {}, "NaN", "null", "N/A", "-", "<NA>", -1]
)
def test_a_box_without_a_name_is_unnamed_and_an_unlisted_category_is_refused(
    write_json, tmp_path, name
):
    categories = [(1, "fox"), (5, name)]
    boxes = [box(n, 1, of, (n, 1, 5, 5)) for n, of in enumerate([1, 5, None, "", 6, True])]
    boxes.append({"id": 7, "image_id": 1, "bbox": [7, 1, 5, 5]})
    rows, rejected, facts = index(write_json, tmp_path, [image(1, "a.jpg")], boxes, categories)
    assert [row["species"] for row in rows] == ["fox"] + ["unnamed"] * 4
    assert [row["label"] for row in rows] == ["fox"] + [""] * 4
    assert set(reasons(rejected)) == {"4", "5"}
    assert facts["refused"] == {"category is not listed": 2}
    assert facts["unnamed"] == 4


def test_ids_and_labels_in_their_many_forms(write_json, tmp_path):
    images = [image(1.0, "a.jpg"), image("2", "b.jpg"), image("e\u0301", "c.jpg")]
    boxes = [box(1, "1", 3.0), box(2, 2, "3"), box(3, "\u00e9", 3)]
    rows, _, _ = index(write_json, tmp_path, images, boxes, [(3, "N\u0303eque ")])
    assert [row["species"] for row in rows] == ["\u00f1eque"] * 3


def test_a_long_id_as_a_float_joins_no_box_to_another_photo(write_json, tmp_path):
    images = [image(2**53, "a.jpg"), image(2**53 + 1, "b.jpg")]
    rows, rejected, _ = index(
        write_json, tmp_path, images, [box(1, 2**53 + 1), box(2, float(2**53 + 1))]
    )
    assert [row["file_name"] for row in rows] == ["b.jpg"]
    assert reasons(rejected)["2"] == "image is not listed"


def test_locations_in_their_many_forms(write_json, tmp_path):
    places = ["GIG-06-04", "gig-06-04 ", "Gig\u201306\uff0d04", 7, 7.0, "7", "007"]
    places += ["unknown", [], None]
    nested = []
    for _ in range(500):
        nested = [nested]
    images = [image(n, f"{n}.jpg", location=p) for n, p in enumerate([*places, nested, True, ""])]
    times = [{"datetime": f"2024-01-01 {n:02d}:00"} for n in range(13)]
    images = [one | time for one, time in zip(images, times, strict=True)]
    rows, _, facts = index(write_json, tmp_path, images, [box(n, n) for n in range(13)])
    counts = Counter(row["location"] for row in rows)
    assert counts == {"GIG-06-04": 3, "7": 3, "007": 1, "": 6}
    assert facts["unlocated_images"] == 6


def test_words_for_no_value_are_neither_a_location_nor_a_sequence(write_json, tmp_path):
    words = ["nan", "None", "NULL", "N/A", "-", "?", "unknown location", "(null)", -1, -1.0]
    time = {"datetime": "2024-01-01 10:00:00"}
    images = [image(n, f"{n}.jpg", location=word, **time) for n, word in enumerate(words)]
    images += [image(f"s{n}", f"s{n}.jpg", seq_id=word, **time) for n, word in enumerate(words)]
    images += [image("NA", "na.jpg", location=0, **time), image("none", "none.jpg", **time)]
    boxes = [box(one["id"], one["id"]) for one in images]
    rows, _, facts = index(write_json, tmp_path, images, boxes)
    assert facts["unlocated_images"] == 10
    assert Counter(row["event"] for row in rows) == {
        "unknown@2024-01-01T10:00:00": 10,
        "A@2024-01-01T10:00:00": 11,
        "0@2024-01-01T10:00:00": 1,
    }


def test_labels_that_name_no_animal(write_json, tmp_path):
    """A renaming goes first, then what is dropped; only then a label is unnamed."""
    names = ["fox", "Animal", "unknown", "beast", "blob"]
    boxes = [box(n, 1, n, (n, 1, 5, 5)) for n in range(5)]
    settings = {"rename": {"beast": "unknown", "unknown": "rat"}, "drop": ["blob"]}
    settings["unnamed"] = ["animal", "unknown", "blob"]
    entries = [image(1, "a.jpg")], boxes, list(enumerate(names))
    rows, rejected, _ = index(write_json, tmp_path, *entries, **settings)
    assert [row["species"] for row in rows] == ["fox", "unnamed", "rat", "unnamed"]
    assert [row["label"] for row in rows] == ["fox", "animal", "unknown", "beast"]
    assert reasons(rejected) == {"4": "label is dropped"}
    rows, _, facts = index(write_json, tmp_path, *entries, **settings | {"drop": ["unnamed"]})
    assert [row["species"] for row in rows] == ["fox", "rat"] and facts["dropped"] == 3


def test_of_two_labels_of_a_box_one_that_names_no_animal_does_not_count(write_json, tmp_path):
    boxes = [box(1, 1, 3), box(2, 1, 1), box(3, 2, 3), box(4, 2, 1), box(5, 2, 2)]
    images, names = [image(1, "a.jpg"), image(2, "b.jpg")], [(1, "fox"), (2, "rat"), (3, "animal")]
    rows, rejected, facts = index(write_json, tmp_path, images, boxes, names)
    assert [row["species"] for row in rows] == ["fox"]
    assert facts["copies"] == 2 and facts["refused"] == {"box has two labels": 2}
    assert reasons(rejected)["4"] == "box has two labels: 'fox' and 'rat'"


def test_confidence_of_an_annotation(write_json, tmp_path):
    fields = [{"confidence": 0.5}, {"score": "0.25"}, {"confidence": 1.5, "score": 1}, {}]
    fields += [{"confidence": None}, {"confidence": True}, {"confidence": [1]}, {"score": -0.1}]
    boxes = [box(n, 1, 1, (n, 1, 5, 5)) | more for n, more in enumerate(fields)]
    rows, _, _ = index(write_json, tmp_path, [image(1, "a.jpg")], boxes)
    assert [row["confidence"] for row in rows] == ["0.5", "0.25", "1.0"] + [""] * 5


def test_photos_of_people_are_listed_whatever_becomes_of_their_boxes(write_json, tmp_path):
    """A row per usable photo: a person before a vehicle, then the highest confidence."""
    names = ["fox", "Person", "truck", "hikr", "animal"]
    images = [image(n, f"{n}.jpg", datetime=f"2024-01-01 1{n}:00:00") for n in range(6)]
    images[5]["corrupt"] = True
    boxes = [box(1, 0, 1), box(2, 0, 2, (1, 1, 5, 5)) | {"confidence": 0.9}, box(3, 1, 3, ())]
    boxes += [box(4, 2, 2) | {"score": 0.5}, box(5, 2, 2, (1, 1, 5, 5)) | {"score": 0.75}]
    boxes += [box(6, 3, 0), box(7, 4, 4), box(8, 5, 1), box(9, 9, 1)]
    settings = {"rename": {"hikr": "hiker", "truck": "lorry"}, "drop": ["person"]}
    _, _, facts = index(write_json, tmp_path, images, boxes, list(enumerate(names)), **settings)
    table = list(csv.reader((tmp_path / "people.csv").open(newline="")))
    start = "A@2024-01-01T10:00:00"
    assert table == [
        "image_id event location datetime label confidence".split(),
        ["0", start, "A", "2024-01-01T10:00:00", "person", ""],
        ["1", start.replace("10:", "11:"), "A", "2024-01-01T11:00:00", "hikr", ""],
        ["2", start.replace("10:", "12:"), "A", "2024-01-01T12:00:00", "truck", "0.75"],
    ]
    assert facts["people"] == 3 and facts["person_detector"] is False


def test_no_text_of_any_kind_ends_the_run(write_json, tmp_path):
    bad = "x\x00\n\u202e\ud800"
    images = [image(f"{n}{bad}", f"{n}.jpg", location=bad, seq_id=bad) for n in range(3)]
    images += [image(8, bad), image(9, "a" * 5000), image(10, "a/" * 600 + "b"), image(11, ["a"])]
    images += [image([[]], "n.jpg"), image(True, "o.jpg"), image(12, "p.jpg", datetime=[[]])]
    images += [image(13, "q.jpg", serving_bucket_key=["a"], corrupt=["a"], seq_id={})]
    boxes = [box(bad, f"{n}{bad}") for n in range(3)] + [box(n, n) for n in (8, 9, 10, 11, 12, 13)]
    boxes += [box(20, [[]]), box(21, None), {}]
    rows, rejected, _ = index(write_json, tmp_path, images, boxes, [(1, f"fox{bad}")])
    assert len(rows) == 5 and len({row["species"] for row in rows}) == 1
    assert reasons(rejected)["9"] == "file name has over 1000 bytes"
    assert reasons(rejected)["8"] == "file name has control or bidirectional characters"


@pytest.mark.parametrize("order", [1, -1])
def test_a_photo_whose_name_is_anothers_folder(write_json, tmp_path, order):
    names = ["cam/q.jpg", "cam/q.jpg!.jpg", "cam/q.jpg/y.jpg", "cam/q.jpg/z/y.jpg"]
    images = [image(name, name) for name in names][::order]
    rows, rejected, _ = index(write_json, tmp_path, images, [box(name, name) for name in names])
    later = {names[0]} if order < 0 else set(names[2:])
    assert {row["image_id"] for row in rows} == set(names) - later
    assert {r["image_id"]: r["reason"] for r in rejected if r["annotation_id"]} == dict.fromkeys(
        later, "a photo's file is another's folder: 'cam/q.jpg'"
    )


def test_a_crop_never_takes_a_folders_name(write_json, tmp_path):
    images = [image(1, "cam/q"), image(2, "cam/q.jpg/y.jpg"), image(3, "cam/Q.box1.jpg/z.jpg")]
    boxes = [box(1, 1), box(2, 2), box(3, 3)]
    rows, _, _ = index(write_json, tmp_path, images, boxes)
    assert {row["crop_id"] for row in rows} >= {"cam/q_.jpg", "cam/q.jpg/y.jpg"}
    boxes.append(box(4, 1, bbox=(0, 0, 5, 5)))
    rows, _, _ = index(write_json, tmp_path, images, boxes)
    assert {"cam/q.box1_.jpg", "cam/q.box2.jpg"} <= {row["crop_id"] for row in rows}


def test_flags_and_sizes_of_the_wrong_type(write_json, tmp_path):
    images = [
        image(1, "a.jpg", corrupt="false", width=True),
        image(2, "b.jpg", corrupt="True"),
        image(3, "c.jpg", corrupt=0, width="100", height=1e308),
        image(4, "d.jpg", corrupt=1),
        image(5, "e.jpg", corrupt="no", width=-5, height=[80]),
    ]
    rows, rejected, facts = index(write_json, tmp_path, images, [box(n, n) for n in range(1, 6)])
    assert [(row["width"], row["height"]) for row in rows] == [("", "80"), ("100", ""), ("", "")]
    assert facts["refused"] == {"image is marked corrupt": 2}


def test_boxes_as_text_are_read_and_what_is_no_number_is_no_box(write_json, tmp_path):
    good = [["10", " 10.0 ", "2e1", 20], [10.0, "10.", "20", "20"]]
    bad = [[True, 1, 5, 5], [1e308, 0, 5, 5], ["nan", 0, 5, 5], ["1_0", 1, 5, 5], ["", 0, 5, 5]]
    bad += [
        [10**15, 1, 5, 5],
        [1, 2, 3],
        "10 10 20 20",
        None,
        {"x": 1},
        [[1], 2, 3, 4],
        [None] * 4,
    ]
    boxes = [box(n, n) | {"bbox": bbox} for n, bbox in enumerate(good + bad)]
    images = [image(n, f"{n}.jpg") for n in range(len(boxes))]
    rows, _, facts = index(write_json, tmp_path, images, boxes)
    assert [[row[side] for side in "xywh"] for row in rows] == [["10", "10", "20", "20"]] * 2
    assert facts["refused"] == {"bbox is not four numbers": len(bad) - 2, "no box": 2}


def many(bboxes, **fields):
    """Images and annotations of these boxes, one each."""
    images = [image(n, f"{n}.jpg", **fields) for n in range(len(bboxes))]
    return images, [box(n, n, bbox=bbox) for n, bbox in enumerate(bboxes)]


def test_shares_of_the_photo_are_asked_about(write_json, tmp_path):
    entries = many([(0.1, 0.25, 0.5, 0.5)] * 56)
    with pytest.raises(BadInput) as error:
        index(write_json, tmp_path, *entries)
    assert str(error.value) == (
        "coco: 56 of 56 boxes lie within 0..1, as [0.1, 0.25, 0.5, 0.5] of annotation '0': set "
        "images.box to relative if they are shares of the photo (x, y, width, height), or to "
        "pixels if they are not"
    )
    rows, _, _ = index(write_json, tmp_path, *entries, box="relative")
    assert [rows[0][side] for side in "xywh"] == ["10", "20", "50", "40"]
    assert index(write_json, tmp_path, *entries, box="pixels")[0][0]["w"] == "1"
    some = many([(0.1, 0.25, 0.5, 0.5)] * 5 + [(10, 10, 20, 20)] * 5)
    _, _, facts = index(write_json, tmp_path, *some)
    assert facts["refused"] == {"box lies within one pixel": 5}


def test_corners_are_asked_about(write_json, tmp_path):
    entries = many([(60, 30, 90, 60), (10, 10, 20, 30)] * 10)
    with pytest.raises(BadInput) as error:
        index(write_json, tmp_path, *entries)
    assert str(error.value) == (
        "coco: 10 of 20 boxes leave their photo by over 5 px, as [60, 30, 90, 60] of annotation "
        "'0' on a photo of 100 x 80; are they corners (x1, y1, x2, y2)? Then set images.box to "
        "corners, or to pixels to clip them"
    )
    rows, _, _ = index(write_json, tmp_path, *entries, box="corners")
    assert {tuple(row[side] for side in "xywh") for row in rows} == {
        ("60", "30", "30", "30"),
        ("10", "10", "10", "20"),
    }
    _, _, facts = index(write_json, tmp_path, *entries, box="pixels")
    assert facts["clipped"] == facts["clipped_far"] == 10
    with pytest.raises(BadInput, match="width and height may be of another copy"):
        index(write_json, tmp_path, *many([(120, 100, 30, 30), (10, 10, 20, 5)] * 10))


def test_clipped_boxes_are_counted(write_json, tmp_path):
    boxes = [(90, 10, 11, 10), (90, 10, 12, 10), (-6, 10, 20, 10)] + [(10, 10, 20, 20)] * 37
    _, _, facts = index(write_json, tmp_path, *many(boxes))
    assert (facts["clipped"], facts["clipped_far"]) == (2, 1)


def test_relative_boxes_of_camera_traps_stay_relative_whatever_is_declared(write_json, tmp_path):
    images, boxes = many([(0, 0, 1, 1)])
    boxes = [{"bbox_relative": [0.1, 0.25, 0.5, 0.5], "image_id": 0, "category_id": 1}]
    for form in None, "pixels", "corners", "relative":
        rows, _, _ = index(write_json, tmp_path, images, boxes, box=form)
        assert [rows[0][side] for side in "xywh"] == ["10", "20", "50", "40"]


def test_too_many_refused_annotations_end_the_run(write_json, tmp_path):
    images, boxes = many([(10, 10, 20, 20)] * 10)
    boxes += [box(20 + n, n, 3, (0, 0, 9, 9)) for n in range(5)]  # dropped, which does not count
    boxes[0]["bbox"] = boxes[1]["bbox"] = None
    settings = {"categories": [(1, "fox"), (3, "empty")], "config": {"max_rejected": 0.1}}
    with pytest.raises(BadInput) as error:
        index(write_json, tmp_path, images, boxes, **settings)
    failed = tmp_path / "rejected.failed.csv"
    assert str(error.value) == (
        "coco: 2 of 10 annotations (20.0%) cannot be used, over max_rejected = 10.0%: 2 x no box; "
        f"{failed} lists them: mend the COCO, or raise max_rejected"
    )
    assert failed.read_text().count("no box") == 2
    assert not (tmp_path / "annotations.csv").exists()
    boxes[1]["bbox"] = [1, 1, 5, 5]  # one may be lost
    _, rejected, facts = index(write_json, tmp_path, images, boxes, **settings)
    assert facts["refused"] == {"no box": 1} and facts["dropped"] == 5
    assert not failed.exists()


def test_an_annotation_of_a_refused_image_counts_once(write_json, tmp_path):
    images = [image(n, f"{n}.jpg", corrupt=n < 10) for n in range(20)]
    _, _, facts = index(write_json, tmp_path, images, [box(n, n) for n in range(20)])
    assert facts["refused"] == {"image is marked corrupt": 10}


def test_a_box_with_two_labels_is_refused_and_names_both(write_json, tmp_path):
    categories = [(1, "fox"), (2, "mouse"), (3, "empty"), (4, "Fox")]
    images = [image(n, f"{n}.jpg") for n in range(5)] + [image("0b", "0.jpg")]
    boxes = [box(1, 0), box(2, "0b", 2), box(3, 1), box(4, 1, 3), box(5, 2), box(6, 2, 4)]
    boxes += [box(7, 3), box(8, 3, 2, (10, 10, 20, 21)), box(9, 4), box(10, 4, 9)]
    boxes += [box(11, 3, 2, [None] * 4), box(12, 3, 1, [None] * 4), box(13, 0)]
    rows, rejected, facts = index(write_json, tmp_path, images, boxes, categories)
    assert sorted(row["image_id"] for row in rows) == ["2", "3", "3", "4"]
    why = reasons(rejected)
    assert why["1"] == why["2"] == "box has two labels: 'fox' and 'mouse'"
    assert why["3"] == "box has two labels: 'empty' and 'fox'"
    assert why["4"] == "label is dropped" and why["6"] == why["13"] == "box is listed twice"
    assert facts["copies"] == 2 and facts["dropped"] == 1
    refused = {"box has two labels": 3, "no box": 2, "category is not listed": 1}
    assert facts["refused"] == refused


def test_the_cost_is_linear_in_the_boxes_of_an_image(write_json, tmp_path):
    # 10,000 boxes of one image: a quadratic query would compare them 50 million times
    boxes = [box(n, 1, bbox=(n % 50, n // 200, 10 + n % 16, 9)) for n in range(10_000)]
    rows, _, facts = index(write_json, tmp_path, [image(1, "a.jpg")], boxes)
    distinct = {json.dumps([one["bbox"]]) for one in boxes}
    assert len(rows) == len(distinct) and facts["copies"] == 10_000 - len(distinct)

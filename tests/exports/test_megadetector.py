"""Results in MegaDetector's format, against values worked out by hand and Timelapse's rules."""

import copy
import json

import numpy as np
import pytest
from made_up_run import MADE_BY, PHOTOS, RUN, SCRIPT, label_rows, loaded, write_run

from export_megadetector import export_megadetector
from stowaway.core.script import BadInput
from stowaway.core.tables import read_table, write_table
from stowaway.exports.boxes import load_boxes
from stowaway.exports.megadetector import check_results, megadetector_results


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def results(paths):
    return megadetector_results(*loaded(paths), MADE_BY)


def detections(results: dict) -> dict[str, list[dict]]:
    """The detections of each file, with names for the classes."""
    names = results["classification_categories"]
    found = copy.deepcopy({image["file"]: image["detections"] for image in results["images"]})
    for entry in (one for of_file in found.values() for one in of_file):
        if "classifications" in entry:
            entry["classifications"] = [[names[n], s] for n, s in entry["classifications"]]
    return found


def test_every_jpeg_of_which_it_is_known_what_it_shows_is_there_once(results):
    jpegs = {name for name in PHOTOS if not name.endswith("png")}
    others = {"e/empty.jpg", "n/nothing.jpg", "p/person.jpg"}  # no lost, failed or unknown one
    files = [image["file"] for image in results["images"]]
    assert len(files) == len(set(files)) and set(files) == jpegs | others


def test_without_a_detector_a_photo_without_annotation_is_not_called_empty(tmp_path):
    _, photos = loaded(write_run(tmp_path, person_detector=False))
    assert {"e/empty.jpg"} == set(photos["file_name"]) & {"e/empty.jpg", "n/nothing.jpg"}


def test_boxes_are_shares_of_the_photo(results):
    found = detections(results)
    (box,) = found["a/IMG 1.jpg"]
    assert box["bbox"] == pytest.approx([10 / 300, 0.1, 0.1, 0.2], rel=1e-12)
    edge, corner = found["a/IMG 2.JPG"]
    assert edge["bbox"] == [0.9, 0.0, 0.1, 1.0] and corner["bbox"] == [0.0, 0.0, 1 / 300, 1 / 200]


def test_alarms_are_novel_with_1_minus_p_and_the_others_native(results):
    found = detections(results)
    assert found["a/IMG 1.jpg"][0]["classifications"] == [["novel", 0.98], ["fox", 0.02]]
    assert found["b/3.jpg"][0]["classifications"] == [["skunk", 0.4]]
    assert found["b/8.jpg"][0]["classifications"] == [["fox", 0.18]]  # nobody could tell
    assert found["h/9.jpeg"][0]["classifications"] == [[SCRIPT, 1.0]]  # in no queue: its label
    facts = found["a/IMG 2.JPG"][1]["stowaway"]
    assert facts == {"crop_id": "a/IMG 2.box1.JPG", "event": "alarm", "score": 3.5} | {
        "p_value": 0.02, "alarm": True, "predicted": "fox"}  # fmt: skip
    assert "score" not in found["h/9.jpeg"][0]["stowaway"]


def test_decisions_go_before_scores(results):
    found = detections(results)
    assert found["b/4.jpg"][0]["classifications"] == [["skunk", 1.0]]
    assert found["b/5.jpg"][0]["classifications"] == [["rat", 1.0]]
    assert found["b/6.jpg"] == []  # no animal
    (person,) = found["b/7.jpg"]
    assert person["category"] == "2" and "classifications" not in person
    assert person["stowaway"]["decision"] == "person"
    assert found["b/8.jpg"][0]["stowaway"]["decision"] == "unsure"


def test_people_are_said_without_a_place_and_empty_photos_have_no_detection(results):
    found = detections(results)
    assert found["p/person.jpg"] == [{"category": "2", "conf": 0.5, "bbox": [0.0, 0.0, 1.0, 1.0]}]
    assert found["e/empty.jpg"] == found["n/nothing.jpg"] == []


def test_decisions_of_another_batch_on_an_event_of_that_name_do_not_count(paths):
    boxes, _ = loaded(paths)
    assert set(boxes.loc[boxes["event"] == "alarm", "decision"]) == {""}
    assert set(loaded(paths, decided=False)[0]["decision"]) == {""}


@pytest.mark.parametrize(
    ("p", "classified"),
    [
        (0.7, [["novel", 0.3], ["fox", 0.3]]),  # a weekly budget alarms at any p
        (1.0, [["novel", 0.05], ["fox", 0.05]]),  # Timelapse drops what is under 0.03
    ],
)
def test_an_alarm_leads_whatever_its_p_value(paths, p, classified):
    boxes, photos = loaded(paths, decided=False)
    boxes = boxes.assign(p_value=boxes["p_value"].where(boxes["event"] != "alarm", p))
    entry = detections(megadetector_results(boxes, photos, MADE_BY))["a/IMG 1.jpg"][0]
    assert [name for name, _ in entry["classifications"]] == [name for name, _ in classified]
    shares = [share for _, share in entry["classifications"]]
    assert shares == pytest.approx([share for _, share in classified])


@pytest.mark.parametrize("label", ["animal", "Person", "vehicle", "empty", "novel"])
def test_a_label_that_means_something_else_in_the_format_is_renamed(paths, label):
    boxes, photos = loaded(paths)
    results = megadetector_results(boxes.assign(label=label), photos, MADE_BY)
    assert f"{label} (label)" in results["classification_categories"].values()


def test_whole_p_values_and_drawn_boxes_stay_floats(tmp_path):
    rows = [row | {"confidence": None} for row in label_rows()]
    paths = write_run(tmp_path, rows)
    queue = read_table(paths["queue"]).assign(p_value=1, score=2)
    write_table(queue[queue["event"] == "quiet"], paths["queue"])
    entry = detections(megadetector_results(*loaded(paths), MADE_BY))["b/3.jpg"][0]
    assert entry["conf"] == 1.0 and isinstance(entry["conf"], float)
    assert entry["classifications"] == [["skunk", 1.0]]


def test_the_script_writes_what_json_and_not_only_python_reads(paths, tmp_path):
    file = tmp_path / "exports/megadetector.json"
    export_megadetector(**paths, exported=file, run=RUN, detector="fusion", rename={})
    whole = json.loads(file.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert whole["info"]["format_version"] == "1.6"
    assert whole["info"]["stowaway"]["run"] == RUN and "detector" in whole["info"]["stowaway"]


def of_detection(change: dict):
    return lambda results: results["images"][0]["detections"][0].update(change)


def impostor(results: dict) -> list:
    """As microsoft/MegaDetector writes: names of categories, pixels of two corners."""
    entry = {"category": "animal", "confidence": 0.9, "bbox": [10, 20, 40, 60]}
    return [{"file": "a/IMG 1.jpg", "detections": [entry]}]


SPOILED = {
    "microsoft/MegaDetector": impostor,
    "images is empty": lambda results: results["images"].clear(),
    "is listed twice": lambda results: results["images"].append(dict(results["images"][0])),
    "failed": lambda results: results["images"][0].update(failure="cut short"),
    "no .jpg": lambda results: results["images"][0].update(file="a.png"),
    "parent folder": lambda results: results["images"][0].update(file="../a.jpg"),
    "not a relative path": lambda results: results["images"][0].update(file="C:\\a.jpg"),
    "no float from 0 to 1": of_detection({"conf": 1}),
    "a confidence is": of_detection({"conf": np.nan}),
    "four floats": of_detection({"bbox": [0.1, 0.1, 0.1, np.nan]}),
    "a box is not": of_detection({"bbox": [0.1, 0.1, 1.1, 0.1]}),
    "leaves the photo": of_detection({"bbox": [0.5, 0.1, 0.6, 0.1]}),
    "a box is empty": of_detection({"bbox": [0.5, 0.1, 0.0, 0.1]}),
    "category that is not listed": of_detection({"category": "animal"}),
    "classifications is no list": of_detection({"classifications": None}),
    "of no class": of_detection({"classifications": [["99", 0.5]]}),
    "do not descend": of_detection({"classifications": [["2", 0.1], ["3", 0.2]]}),
    "name of a category": lambda x: x["classification_categories"].update({"2": "empty"}),
    "format_version": lambda results: results["info"].update(format_version=1.6),
}  # fmt: skip


@pytest.mark.parametrize("why", SPOILED)
def test_what_the_formats_own_validator_takes_is_refused_in_one_line(results, why):
    spoiled = copy.deepcopy(results)
    spoiled = SPOILED[why](spoiled) or spoiled
    with pytest.raises(BadInput, match=why) as raised:
        check_results(spoiled)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("change", [{"crop_width": 0}, {"x": 291}, {"y": -1}, {"confidence": 2}])
def test_labels_with_an_impossible_box_are_called_damaged(tmp_path, change):
    rows = label_rows()
    rows[0] |= change | ({"crop_width": 10} if "x" in change else {})
    paths = write_run(tmp_path, rows)
    with pytest.raises(BadInput, match="impossible.*--forcerun gather_labels"):
        load_boxes(paths["labels"], paths["queue"], [], RUN)

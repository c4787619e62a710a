"""Results in MegaDetector's format, version 1.6, as Timelapse reads them.

By its source, Timelapse keeps the best classification of a box alone, drops what is under about
0.03, cannot read a file with a null for classifications, none with `images` empty and none with a
failed image, and takes .jpg and .jpeg only. Format: lila.science/megadetector-output-format.
"""

import math
from collections.abc import Iterable

import pandas as pd

from stowaway.core.names import name_key, shown, why_unsafe
from stowaway.core.script import BadInput, say
from stowaway.exports.boxes import VEHICLE, of_photos, stowaway_facts
from stowaway.review.decisions import NATIVE, NOT_ANIMAL, NOVEL, PERSON

VERSION = "1.6"
CATEGORIES = {"1": "animal", "2": PERSON, "3": VEHICLE}
ANIMAL, HUMAN = "1", "2"
NOVEL_CLASS = "1"
RESERVED = {"animal", "person", "vehicle", "empty", NOVEL}  # names with a meaning of their own
SUFFIXES = (".jpg", ".jpeg")
LEAST = 0.05  # of an alarm's classification, so that Timelapse never drops it
WHOLE_PHOTO = [0.0, 0.0, 1.0, 1.0]  # people.csv says that there is one, not where
ROUNDING = 1e-9  # of x / width + w / width


def megadetector_results(boxes: pd.DataFrame, photos: pd.DataFrame, made_by: dict) -> dict:
    """The results of `load_boxes` and `load_photos`; `made_by` is said in `info.stowaway`.

    Alarms are classified as novel with 1 - p, other events as the native they are taken for with p;
    decided ones as decided, and crops that are in no queue by their label, with 1. What is no
    animal is left out. Raises `BadInput` as `check_results`.
    """
    classes = class_ids([*boxes["label"], *boxes["predicted"], *boxes["named"]])
    by_photo, images, others = of_photos(boxes), [], 0
    for photo in photos.itertuples(index=False):
        if not photo.file_name.lower().endswith(SUFFIXES):
            others += 1
            continue
        found = [
            detection(box, classes)
            for box in by_photo.get(photo.image_id, [])
            if box.decision != NOT_ANIMAL
        ]
        if photo.people and not any(one["category"] == HUMAN for one in found):
            category = next(key for key, name in CATEGORIES.items() if name == photo.people)
            person = {"category": category, "conf": photo.confidence, "bbox": WHOLE_PHOTO}
            found.append(person)
        images.append({"file": photo.file_name, "detections": found})
    if others:
        say(
            f"export_megadetector: left out {others:,} x a photo that is no JPEG, as Timelapse does"
        )
    results = {
        "info": {"format_version": VERSION, "stowaway": made_by},
        "detection_categories": CATEGORIES,
        "classification_categories": {NOVEL_CLASS: NOVEL}
        | {number: class_name(label) for label, number in classes.items()},
        "images": images,
    }
    check_results(results)
    return results


def class_ids(labels: Iterable[str]) -> dict[str, str]:
    """The id of each label's class, from "2" on in the order of the labels."""
    names = sorted(set(labels) - {""})
    return {label: str(number) for number, label in enumerate(names, 2)}


def class_name(label: str) -> str:
    """The label, or another name for one that means something else in this format."""
    return f"{label} (label)" if label.casefold() in RESERVED else label


def detection(box, classes: dict[str, str]) -> dict:
    """A box of `load_boxes` in the format's terms: its sides as shares of the photo."""
    bbox = [box.x / box.width, box.y / box.height, box.w / box.width, box.h / box.height]
    entry = {"category": HUMAN if box.decision == PERSON else ANIMAL, "conf": box.confidence}
    entry |= {"bbox": bbox}
    if classified := classifications(box, classes):
        entry["classifications"] = classified
    return entry | {"stowaway": stowaway_facts(box)}


def classifications(box, classes: dict[str, str]) -> list[list]:
    """The classes of a box with their shares, the highest first; none where nothing is known."""
    if box.decision == PERSON:
        return []
    if box.decision in (NATIVE, NOVEL):
        of_name = [[classes[box.named], 1.0]] if box.named else []
        return of_name or [[NOVEL_CLASS, 1.0]] * (box.decision == NOVEL)
    if math.isnan(box.score):
        return [[classes[box.label], 1.0]] if box.label else []
    native = [classes[box.predicted]] if box.predicted else []
    if not box.alarm:
        return [[number, box.p_value] for number in native]
    share = max(1 - box.p_value, LEAST)
    return [[NOVEL_CLASS, share]] + [[number, min(box.p_value, share)] for number in native]


def check_results(results: object) -> None:
    """Raise `BadInput` where results are not what MegaDetector's format and Timelapse ask for.

    The format's own validator takes numbers that are none, boxes out of range, and a file twice.
    """
    if isinstance(results, list):
        raise BadInput(
            "results: a list at the top, as microsoft/MegaDetector writes; MegaDetector's format "
            "has info, detection_categories and images there"
        )
    if not isinstance(results, dict) or not isinstance(results.get("images"), list):
        raise BadInput("results: no images, so they are not in MegaDetector's format")
    if not results["images"]:
        raise BadInput("results: images is empty, which Timelapse cannot read: no photo is a JPEG")
    if results.get("info", {}).get("format_version") != VERSION:
        raise BadInput(f'results: info.format_version is not the text "{VERSION}"')
    categories = results.get("detection_categories", {})
    classes = results.get("classification_categories", {})
    if wrong := [name for name in classes.values() if name in RESERVED - {NOVEL}]:
        raise BadInput(f"results: a class has the name of a category, {shown(wrong[0])}")
    if len(set(classes.values())) < len(classes):
        raise BadInput("results: two classes have one name")
    files = set()
    for image in results["images"]:
        file = image.get("file")
        why = why_unsafe(file) or why_no_image(image)
        if not why and name_key(file) in files:
            why = "is listed twice"
        for entry in [] if why else image["detections"]:
            why = why or why_no_detection(entry, categories, classes)
        if why:
            raise BadInput(f"results: file {shown(file)}: {why}")
        files.add(name_key(file))


def why_no_image(image: dict) -> str | None:
    """What is wrong with an image, apart from its name and detections, or None."""
    if not image["file"].lower().endswith(SUFFIXES):
        return "is no .jpg or .jpeg"
    if "failure" in image or not isinstance(image.get("detections"), list):
        return "failed, or has no list of detections"
    return None


def why_no_detection(entry: dict, categories: dict, classes: dict) -> str | None:
    """What is wrong with a detection, or None."""
    if entry.get("category") not in categories:
        return "a detection has a category that is not listed"
    if not is_share(entry.get("conf")):
        return "a confidence is no float from 0 to 1"
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_share, box)):
        return "a box is not four floats from 0 to 1"
    if min(box[2:]) <= 0 or box[0] + box[2] > 1 + ROUNDING or box[1] + box[3] > 1 + ROUNDING:
        return "a box is empty, or leaves the photo"
    given = entry.get("classifications", [])
    if not isinstance(given, list):
        return "classifications is no list"
    if not all(number in classes and is_share(share) for number, share in given):
        return "a classification is of no class that is listed, or no float from 0 to 1"
    shares = [share for _, share in given]
    return None if shares == sorted(shares, reverse=True) else "classifications do not descend"


def is_share(value: object) -> bool:
    """Whether a value is a float from 0 to 1, which no NaN is."""
    return isinstance(value, float) and 0 <= value <= 1

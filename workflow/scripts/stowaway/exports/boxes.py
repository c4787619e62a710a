"""What all exports write: a row per box with its event's score and decision, a row per photo."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.annotations.coco import Labels
from stowaway.annotations.facts import read_facts
from stowaway.core import __version__
from stowaway.core.files import Damaged, reading, replacing
from stowaway.core.names import UNNAMED
from stowaway.core.script import say
from stowaway.core.tables import read_sheet, read_table
from stowaway.review.decisions import NATIVE, NOVEL, PERSON, VERDICTS

VEHICLE = "vehicle"
EMPTY = "empty"  # the label of a photo without an animal
NO_BOX = "no annotation"  # the index's reason for a photo in which nothing is boxed
LABELS = (
    "crop_id image_id file_name event location datetime species_label x y crop_width crop_height "
    "photo_width photo_height confidence"
).split()
SIZES = {"crop_width": "w", "crop_height": "h", "photo_width": "width", "photo_height": "height"}
PIXELS = "x y w h width height".split()
OF_EVENT = "event score p_value alarm predicted".split()
OF_VERDICT = "event decision species reviewer decided_at note".split()


def load_boxes(labels: Path, queue: Path, decisions: Path | list, run: str) -> pd.DataFrame:
    """A row per crop of labels.csv, in its order, with what is known of its event.

    `x, y, w, h` is the box in pixels of the upright photo, of `width` x `height`; it lies within.
    `confidence` (0..1) is 1 where a person drew the box. `label` is blank where it names no animal.
    `score`, `p_value` and `predicted` are those of the event's row in the queue, NaN and blank
    where it has none, and `alarm` is a bool. `decision` (of VERDICTS), `reviewer`, `decided_at` and
    `note` are the event's in `decisions`, as far as they are of this `run`, else blank; `named` is
    the animal that was decided on. Raises `BadInput` where a table is damaged.
    """
    boxes = read_table(labels, LABELS).rename(columns=SIZES | {"species_label": "label"})
    boxes["label"] = boxes["label"].mask(boxes["label"] == UNNAMED, "")
    boxes["confidence"] = boxes["confidence"].fillna(1.0).astype(float)
    with reading(labels):
        if not boxes["crop_id"].is_unique:
            raise Damaged("a crop is listed twice")
        inside = (boxes[["x", "y"]] >= 0).all(axis=1) & (boxes[["w", "h"]] > 0).all(axis=1)
        inside &= boxes["x"] + boxes["w"] <= boxes["width"]
        inside &= boxes["y"] + boxes["h"] <= boxes["height"]
        inside &= boxes["confidence"].between(0, 1)
        if not inside.all():
            raise Damaged(f"the box of crop {boxes.loc[~inside, 'crop_id'].iloc[0]} is impossible")
    boxes[PIXELS] = boxes[PIXELS].astype(int)
    queued = read_sheet(queue)
    with reading(queue):
        scored = queued[OF_EVENT].astype({"score": float, "p_value": float})
        boxes = boxes.merge(scored, "left", "event", validate="many_to_one")
    boxes["alarm"] = boxes["alarm"] == "yes"
    boxes = boxes.merge(_verdicts(decisions, run), "left", "event", validate="many_to_one")
    text = ["predicted", *OF_VERDICT[1:]]
    boxes[text] = boxes[text].fillna("")
    named = boxes["decision"].isin([NOVEL, NATIVE])
    guess = boxes["predicted"].where(boxes["decision"] == NATIVE, "")
    name = boxes["species"].where(~boxes["species"].isin(["", UNNAMED]), guess)
    return boxes.assign(named=name.where(named, "")).drop(columns="species")


def _verdicts(decisions: Path | list, run: str) -> pd.DataFrame:
    """The decision on each event of the run; none where the config has no decisions."""
    if not decisions:
        return pd.DataFrame(columns=OF_VERDICT, dtype=str)
    table = read_sheet(decisions)
    with reading(decisions):
        own = table[(table["batch"] == run) & table["decision"].isin(VERDICTS)]
        return own[OF_VERDICT].drop_duplicates("event", keep="last")


def load_photos(
    boxes: pd.DataFrame,
    annotations: Path,
    rejected: Path,
    people: Path,
    index_facts: Path,
    rename: dict[str, str],
) -> pd.DataFrame:
    """A row per photo, by file name: those with a crop, with people, and those without an animal.

    Columns: `image_id file_name location datetime event width height`, the last five blank (NaN)
    where the photo has no crop (and no person); `people` is blank, `person` or `vehicle`, with its
    `confidence` (1 where a person gave the label). A photo has no animal where its only label is
    `empty`, after `rename`, or where a detector found nothing. Photos whose crops were all lost
    are left out, since what they show is not known; so are people without a file name.
    """
    photos = boxes.drop_duplicates("image_id")
    photos = photos["image_id file_name location datetime event width height".split()]
    refused = read_table(rejected)
    is_empty = refused["label"].map(lambda label: rename.get(label, label)) == EMPTY
    if read_facts(index_facts).get("person_detector"):
        is_empty |= refused["reason"] == NO_BOX
    with_animals = set(read_table(annotations, ["image_id"])["image_id"])
    with_animals |= set(refused.loc[~is_empty, "image_id"])
    names = refused[refused["file_name"] != ""].drop_duplicates("image_id")
    names = names[["image_id", "file_name"]]
    empty = names[~names["image_id"].isin(with_animals)]
    seen = read_table(people).drop_duplicates("image_id")
    seen = seen["image_id location datetime event label confidence".split()]
    named = pd.concat([photos[["image_id", "file_name"]], names]).drop_duplicates("image_id")
    found = seen.merge(named, "inner", "image_id")
    if len(found) < len(seen):
        unnamed = len(seen) - len(found)
        say(f"exports: left out {unnamed:,} x a photo of people whose file name is not known")
    photos = pd.concat([photos, found.drop(columns=["label", "confidence"]), empty])
    photos = photos.drop_duplicates("image_id")
    rank = found["label"].map(Labels(rename, [], []).rank)
    found = found.assign(people=np.where(rank == 1, VEHICLE, PERSON))
    found["confidence"] = found["confidence"].fillna(1.0).astype(float)
    photos = photos.merge(found[["image_id", "people", "confidence"]], "left", "image_id")
    text = "location datetime event people".split()
    photos[text] = photos[text].fillna("")
    return photos.sort_values("file_name", ignore_index=True)


def of_photos(boxes: pd.DataFrame) -> dict[str, list]:
    """The boxes of each photo, as named tuples, by image id."""
    grouped: dict[str, list] = {}
    for box in boxes.itertuples(index=False):
        grouped.setdefault(box.image_id, []).append(box)
    return grouped


def stowaway_facts(box) -> dict:
    """What the workflow knows of a box beside its place, without what it does not know.

    Score, p-value, alarm and decision are those of its event.
    """
    facts = {"crop_id": box.crop_id, "event": box.event, "label": box.label}
    if not np.isnan(box.score):
        facts |= {"score": box.score, "p_value": box.p_value, "alarm": box.alarm}
        facts |= {"predicted": box.predicted}
    facts |= {"decision": box.decision, "species": box.named, "reviewer": box.reviewer}
    return {name: value for name, value in facts.items() if value != ""}


def load_run(
    labels: Path,
    queue: Path,
    decisions: Path | list,
    annotations: Path,
    rejected: Path,
    people: Path,
    index_facts: Path,
    run: str,
    detector: str,
    rename: dict[str, str],
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """The boxes (`load_boxes`) and photos (`load_photos`) of the `run`, and who made the export.

    That is the `version` of this program, the `run`, and the `detector` that its alarms are by.
    """
    boxes = load_boxes(labels, queue, decisions, run)
    photos = load_photos(boxes, annotations, rejected, people, index_facts, rename)
    return boxes, photos, {"version": __version__, "run": run, "detector": detector}


def export_json(
    content: Callable[[pd.DataFrame, pd.DataFrame, dict], dict],
    labels: Path,
    queue: Path,
    decisions: Path | list,
    annotations: Path,
    rejected: Path,
    people: Path,
    index_facts: Path,
    exported: Path,
    run: str,
    detector: str,
    rename: dict[str, str],
) -> None:
    """Write `content` of what `load_run` gives as JSON. Raises `BadInput` as these do."""
    of_run = load_run(
        labels, queue, decisions, annotations, rejected, people, index_facts, run, detector, rename
    )
    text = json.dumps(content(*of_run), ensure_ascii=False, allow_nan=False)
    with replacing(exported) as file:
        file.write(text)

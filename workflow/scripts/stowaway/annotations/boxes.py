"""A COCO JSON -> a table of usable boxes, and a table of what was refused, with the reason each."""

import csv
import math
import sqlite3
from collections import Counter
from pathlib import Path

from stowaway.annotations.coco import Limits, coco_database
from stowaway.annotations.events import assign_events
from stowaway.core.files import replacing
from stowaway.core.names import crop_name, name_key
from stowaway.core.script import BadInput

COLUMNS = (
    "crop_id image_id file_name key x y w h species label location datetime event width height"
).split()
REJECTED_COLUMNS = "annotation_id image_id file_name label reason".split()
ANNOTATIONS = """
SELECT a.number, a.id, a.image_id, i.file_name, i.key, a.label, a.x, a.y, a.w, a.h, a.relative,
       i.location, i.datetime, i.event, i.width, i.height,
       ROW_NUMBER() OVER image AS nth, COUNT(*) OVER (PARTITION BY a.image_id) AS boxes
FROM annotations a LEFT JOIN images i ON i.id = a.image_id
WINDOW image AS (PARTITION BY a.image_id ORDER BY a.number)
ORDER BY i.location, i.seconds, i.file_name, a.number
"""
REJECTED = """
SELECT * FROM rejected
UNION ALL SELECT NULL, id, file_name, NULL, 'no annotation' FROM images WHERE NOT annotated
"""


def index_annotations(
    coco: Path,
    annotations: Path,
    rejected: Path,
    key: str,
    rename: dict[str, str],
    drop: list[str],
    events: dict,
    limits: dict,
) -> None:
    """Write both tables. The cost is linear in the annotations; memory does not grow with them.

    `key` is the image field that names the object to download; `rename`, `drop`, `events` and
    `limits` are the config's. Raises `BadInput` for a broken COCO, or one without a usable box.
    """
    database = annotations.with_name(".index.sqlite")
    with coco_database(coco, database, key, Limits(**limits)) as db:
        assign_events(db, events["gap"], events["by"] == "seq_id")
        with replacing(annotations) as usable, replacing(rejected) as refused:
            reject = csv.writer(refused).writerow
            reject(REJECTED_COLUMNS)
            reasons, boxes = _write_boxes(db, csv.writer(usable), reject, rename, set(drop))
            for row in db.execute(REJECTED):
                reasons[row[-1]] += 1
                reject(row)
            if not boxes:
                why = ", ".join(f"{n} x {reason}" for reason, n in reasons.most_common())
                raise BadInput(f"coco: no usable box; {why or 'no annotation'}")
    print(f"{boxes} usable boxes; rejected: {dict(reasons.most_common())}")


def _write_boxes(db: sqlite3.Connection, table, reject, rename: dict, drop: set) -> tuple:
    """Stream the usable boxes and the others out; returns (how often each reason, usable boxes)."""
    cursor = db.execute(ANNOTATIONS)
    names = [column[0] for column in cursor.description]
    table.writerow(COLUMNS)
    reasons, boxes = Counter(), 0
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        row["species"] = rename.get(row["label"], row["label"])
        box = box_or_reason(row, drop)
        if isinstance(box, str):
            reasons[box] += 1
            reject([row["id"], row["image_id"], row["file_name"], row["label"], box])
            continue
        boxes += 1
        row |= zip("xywh", box, strict=True)
        row["crop_id"] = free_crop_name(db, row)
        table.writerow([row[name] for name in COLUMNS])
    return reasons, boxes


def box_or_reason(row: dict, drop: set[str]) -> tuple[int, int, int, int] | str:
    """The row's clipped box, or why it cannot be used."""
    if row["file_name"] is None:
        return "image is not listed, or was rejected"
    if row["label"] is None:
        return "category is not listed"
    if row["species"] in drop:
        return "label is dropped"
    if row["x"] is None:
        return "no box"
    width, height = row["width"], row["height"]
    box = [row[side] for side in "xywh"]
    if row["relative"]:
        if not (width and height):
            return "relative box, and the image's size is unknown"
        box = [box[0] * width, box[1] * height, box[2] * width, box[3] * height]
    return clip_box(*box, width, height) or "box is empty or outside the frame"


def clip_box(
    x: float, y: float, w: float, h: float, width: int | None, height: int | None
) -> tuple[int, int, int, int] | None:
    """The box in whole pixels, grown to cover it and cut at the frame; None if it is empty.

    A missing `width` or `height` leaves that side to be clipped when the image is opened.
    """
    left, top = max(0, math.floor(x)), max(0, math.floor(y))
    right = min(math.ceil(x + w), width or math.inf)
    bottom = min(math.ceil(y + h), height or math.inf)
    if w <= 0 or h <= 0 or right <= left or bottom <= top:
        return None
    return left, top, right - left, bottom - top


def free_crop_name(db: sqlite3.Connection, row: dict) -> str:
    """The crop's name, unlike any other crop's and any other image's."""
    name = crop_name(row["file_name"], row["nth"] if row["boxes"] > 1 else None)
    if name == row["file_name"]:
        return name
    of_an_image = "SELECT 1 FROM images WHERE name = ? AND id <> ?"
    take = "INSERT OR IGNORE INTO crops VALUES (?)"
    while (
        db.execute(of_an_image, (name_key(name), row["image_id"])).fetchone()
        or not db.execute(take, (name_key(name),)).rowcount
    ):
        stem, dot, suffix = name.rpartition(".")
        name = f"{stem}_{dot}{suffix}"
    return name

"""COCO JSON -> annotations.csv, one row per usable box, and rejected.csv, with the reason each."""

import csv
import math
from collections import Counter
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.names import crop_name, name_key
from stowaway.core.script import BadInput, rule_log
from stowaway.data import coco, events
from stowaway.data.json_stream import Limits

COLUMNS = (
    "crop_id image_id file_name key x y w h species label location datetime event width height"
).split()
REJECTED = "annotation_id image_id file_name label reason".split()
ROWS = """
SELECT a.number, a.id, a.image_id, i.file_name, i.key, a.label, a.x, a.y, a.w, a.h, a.relative,
       i.location, i.datetime, i.event, i.width, i.height,
       ROW_NUMBER() OVER image AS nth, COUNT(*) OVER (PARTITION BY a.image_id) AS boxes
FROM annotations a LEFT JOIN images i ON i.id = a.image_id
WINDOW image AS (PARTITION BY a.image_id ORDER BY a.number)
ORDER BY i.location, i.seconds, i.file_name, a.number
"""
REFUSED = """
SELECT * FROM rejected
UNION ALL SELECT NULL, id, file_name, NULL, 'no annotation' FROM images WHERE NOT annotated
"""


def clipped(x, y, w, h, width: int | None, height: int | None) -> tuple[int, int, int, int] | None:
    """The box in whole pixels (x, y, w, h), grown to cover it and cut at the frame; None if empty.

    A missing `width` or `height` leaves that side to be clipped when the image is opened.
    """
    left, top = max(0, math.floor(x)), max(0, math.floor(y))
    right, bottom = (
        min(math.ceil(x + w), width or math.inf),
        min(math.ceil(y + h), height or math.inf),
    )
    if w <= 0 or h <= 0 or right <= left or bottom <= top:
        return None
    return left, top, right - left, bottom - top


def box_or_reason(row, drop: set[str]) -> tuple[int, int, int, int] | str:
    """The row's clipped box, or why it cannot be used."""
    if row["file_name"] is None:
        return "image is not listed, or was rejected"
    if row["label"] is None:
        return "category is not listed"
    if row["label"] in drop:
        return "label is dropped"
    if row["x"] is None:
        return "no box"
    width, height = row["width"], row["height"]
    box = [row[side] for side in "xywh"]
    if row["relative"]:
        if not (width and height):
            return "relative box, and the image's size is unknown"
        box = [box[0] * width, box[1] * height, box[2] * width, box[3] * height]
    return clipped(*box, width, height) or "box is empty or outside the frame"


def free_name(db, file_name: str, box: int | None, image: str) -> str:
    """The crop's name, unlike any other crop's and any other image's."""
    name = crop_name(file_name, box)
    if name == file_name:
        return name
    taken = "SELECT 1 FROM images WHERE name = ? AND id <> ?"
    take = "INSERT OR IGNORE INTO crops VALUES (?)"
    while (
        db.execute(taken, (name_key(name), image)).fetchone()
        or not db.execute(take, (name_key(name),)).rowcount
    ):
        stem, dot, suffix = name.rpartition(".")
        name = f"{stem}_{dot}{suffix}"
    return name


def index(
    source: Path,
    annotations: Path,
    rejected: Path,
    key: str,
    rename: dict[str, str],
    drop: list[str],
    gap: float,
    use_seq_id: bool,
    limits: Limits = Limits(),  # noqa: B008
) -> None:
    """Write both tables. Cost is linear in the annotations; memory does not grow with them."""
    with coco.loaded(source, annotations.with_name(".index.sqlite"), key, limits) as db:
        events.assign_events(db, gap, use_seq_id)
        reasons, usable = write_tables(db, annotations, rejected, rename, set(drop))
    print(f"{usable} usable boxes; rejected: {dict(reasons.most_common())}")


def write_tables(db, annotations: Path, rejected: Path, rename: dict, drop: set) -> tuple:
    """Stream the joined rows out; returns (how often each reason was met, usable boxes)."""
    cursor = db.execute(ROWS)
    names = [column[0] for column in cursor.description]
    reasons, usable = Counter(), 0
    with replacing(annotations) as good, replacing(rejected) as bad:
        write, reject = csv.writer(good).writerow, csv.writer(bad).writerow
        write(COLUMNS)
        reject(REJECTED)
        for row in (dict(zip(names, values, strict=True)) for values in cursor):
            raw = row["label"]
            row["label"] = rename.get(raw, raw)
            found = box_or_reason(row, drop)
            if isinstance(found, str):
                reasons[found] += 1
                reject([row["id"], row["image_id"], row["file_name"], raw, found])
                continue
            usable += 1
            box = row["nth"] if row["boxes"] > 1 else None
            image = [row[k] for k in ("image_id", "file_name", "key")]
            place = [row[k] for k in ("location", "datetime", "event", "width", "height")]
            crop = free_name(db, row["file_name"], box, row["image_id"])
            write([crop, *image, *found, row["label"], raw, *place])
        for row in db.execute(REFUSED):
            reasons[row[-1]] += 1
            reject(row)
        if not usable:
            why = ", ".join(f"{n} x {reason}" for reason, n in reasons.most_common())
            raise BadInput(f"coco: no usable box; {why or 'no annotation'}")
    return reasons, usable


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        index(
            Path(snakemake.input.coco),
            Path(snakemake.output.annotations),
            Path(snakemake.output.rejected),
            snakemake.params.key,
            snakemake.params.rename,
            snakemake.params.drop,
            snakemake.params.events["gap"],
            snakemake.params.events["by"] == "seq_id",
            Limits(**snakemake.params.limits),
        )

"""Read a COCO JSON of any size into an SQLite file: bounded memory, joined and sorted on disk."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from stowaway.annotations.json_file import Limits, read_list
from stowaway.core.files import temporary_database
from stowaway.core.names import clean_label, name_key, why_unsafe, why_unsafe_key

SCHEMA = """
CREATE TABLE images (
    id TEXT PRIMARY KEY, name TEXT UNIQUE, file_name TEXT, key TEXT, width INT, height INT,
    location TEXT, datetime TEXT, seconds REAL, seq_id TEXT, event TEXT, annotated INT DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE annotations (
    number INTEGER PRIMARY KEY, id TEXT, image_id TEXT, label TEXT,
    x REAL, y REAL, w REAL, h REAL, relative INT
);
CREATE TABLE crops (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE rejected (annotation_id TEXT, image_id TEXT, file_name TEXT, label TEXT, reason TEXT);
"""
REJECT_REPEATED_BOXES = """
CREATE INDEX by_image ON annotations (image_id);
CREATE TEMP TABLE repeated AS SELECT number FROM annotations a WHERE EXISTS (
    SELECT 1 FROM annotations b WHERE b.image_id = a.image_id AND b.number < a.number
    AND b.label = a.label AND b.x = a.x AND b.y = a.y AND b.w = a.w AND b.h = a.h
);
INSERT INTO rejected SELECT id, image_id, NULL, label, 'box is listed twice'
    FROM annotations WHERE number IN repeated;
UPDATE images SET annotated = 1
    WHERE EXISTS (SELECT 1 FROM annotations a WHERE a.image_id = images.id);
DELETE FROM annotations WHERE number IN repeated;
"""


LARGEST = 1e9  # pixels: a number beyond it is no coordinate and no size


@contextmanager
def coco_database(
    source: Path, database: Path, key: str, limits: Limits
) -> Iterator[sqlite3.Connection]:
    """The COCO JSON (or zip) at `source` as an SQLite file at `database`, while the block lasts.

    `key` is the image field that names the object to download. An image that cannot be used
    (unsafe name, listed twice, marked corrupt) is a row of `rejected` and not of `images`.
    """
    with temporary_database(database, SCHEMA) as db:
        labels = {
            _text(category.get("id")): clean_label(category.get("name"))
            for category in read_list(source, "categories", limits)
        }
        for image in read_list(source, "images", limits):
            if reason := _store_image(db, image, key):
                row = (None, image.get("id"), image.get("file_name"), None, reason)
                db.execute("INSERT INTO rejected VALUES (?, ?, ?, ?, ?)", tuple(map(_text, row)))
        db.executemany(
            "INSERT INTO annotations VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
            (_annotation(entry, labels) for entry in read_list(source, "annotations", limits)),
        )
        db.executescript(REJECT_REPEATED_BOXES)
        yield db


def _store_image(db: sqlite3.Connection, image: dict, key: str) -> str | None:
    """Insert the image, or say why not."""
    if image.get("id") is None:
        return "image has no id"
    name = image.get("file_name")
    if reason := why_unsafe(name):
        return reason
    if not image.get(key):
        return f"image has no {key}"
    if reason := why_unsafe_key(str(image[key])):
        return reason
    if image.get("corrupt"):
        return "image is marked corrupt"
    moment, seconds = read_time(image.get("datetime"))
    row = db.execute(
        "INSERT OR IGNORE INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0)",
        (
            _text(image.get("id")),
            name_key(name),
            name,
            _text(image[key]),
            _pixels(image.get("width")),
            _pixels(image.get("height")),
            _text(image.get("location")),
            moment,
            seconds,
            _text(image.get("seq_id")),
        ),
    )
    return None if row.rowcount else "image id or file name is listed twice"


def _annotation(annotation: dict, labels: dict) -> tuple:
    """One row of `annotations`; the label is None for an unknown category."""
    relative = annotation.get("bbox") is None and annotation.get("bbox_relative") is not None
    box = annotation.get("bbox_relative") if relative else annotation.get("bbox")
    is_box = isinstance(box, list) and len(box) == 4
    is_box = is_box and all(
        isinstance(value, int | float) and abs(value) < LARGEST for value in box
    )
    return (
        _text(annotation.get("id")),
        _text(annotation.get("image_id")),
        labels.get(_text(annotation.get("category_id"))),
        *(map(float, box) if is_box else (None,) * 4),
        relative,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _pixels(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and 1 <= value < LARGEST else None


def read_time(moment: object) -> tuple[str | None, float | None]:
    """An ISO 8601 or EXIF time as (ISO text, seconds since 1970), or (None, None).

    A time without offset is taken as UTC: only differences within a location count.
    """
    text = re.sub(r"^(\d{4})[:/](\d\d)[:/](\d\d)", r"\1-\2-\3", str(moment))
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None, None
    utc = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return parsed.isoformat(), utc.timestamp()

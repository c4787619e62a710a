"""Read a COCO JSON of any size into an SQLite file: bounded memory, joined and sorted on disk."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from .cocojson import items
from .names import clean_label, name_key, why_unsafe

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE images (
    id TEXT PRIMARY KEY, name TEXT UNIQUE, file_name TEXT, key TEXT, width INT, height INT,
    location TEXT, datetime TEXT, seconds REAL, seq_id TEXT, corrupt INT, event TEXT,
    annotated INT DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE annotations (
    number INTEGER PRIMARY KEY, id TEXT, image_id TEXT, label TEXT,
    x REAL, y REAL, w REAL, h REAL, relative INT
);
CREATE TABLE rejected (annotation_id TEXT, image_id TEXT, file_name TEXT, label TEXT, reason TEXT);
"""


def seconds(moment: str | None) -> float | None:
    """Seconds since 1970 of an ISO 8601 time; a time without offset is taken as UTC."""
    try:
        parsed = datetime.fromisoformat(str(moment).replace("/", "-"))
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def load(path: Path, database: Path, key: str) -> sqlite3.Connection:
    """Stream the COCO JSON (or zip) at `path` into a new SQLite file and return its connection.

    `key` is the image field that names the object to download. An image that cannot be used
    (unsafe name, listed twice, marked corrupt) is a row of `rejected` and not of `images`.
    """
    database.unlink(missing_ok=True)
    db = sqlite3.connect(database)
    db.executescript(SCHEMA)
    labels = {c["id"]: clean_label(c["name"]) for c in items(path, "categories")}
    for image in items(path, "images"):
        if reason := _store_image(db, image, key):
            row = (None, image.get("id"), image.get("file_name"), None, reason)
            db.execute("INSERT INTO rejected VALUES (?, ?, ?, ?, ?)", tuple(map(_text, row)))
    db.executemany(
        "INSERT INTO annotations VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
        (_annotation(a, labels) for a in items(path, "annotations")),
    )
    db.execute("CREATE INDEX by_image ON annotations (image_id)")
    db.execute(
        "UPDATE images SET annotated = 1"
        " WHERE EXISTS (SELECT 1 FROM annotations a WHERE a.image_id = images.id)"
    )
    return db


def _store_image(db: sqlite3.Connection, image: dict, key: str) -> str | None:
    """Insert the image, or say why not."""
    name = image.get("file_name")
    if reason := why_unsafe(name):
        return reason
    if not image.get(key):
        return f"image has no {key}"
    if image.get("corrupt"):
        return "image is marked corrupt"
    width, height = (_size(image.get(side)) for side in ("width", "height"))
    row = db.execute(
        "INSERT OR IGNORE INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, NULL, 0)",
        (
            _text(image.get("id")),
            name_key(name),
            name,
            _text(image[key]),
            width,
            height,
            _text(image.get("location")),
            _text(image.get("datetime")),
            seconds(image.get("datetime")),
            _text(image.get("seq_id")),
        ),
    )
    return None if row.rowcount else "image id or file name is listed twice"


def _annotation(annotation: dict, labels: dict) -> tuple:
    """One row of `annotations`; the label is None for an unknown category."""
    relative = annotation.get("bbox") is None and annotation.get("bbox_relative") is not None
    box = annotation.get("bbox_relative") if relative else annotation.get("bbox")
    numbers = isinstance(box, list) and len(box) == 4
    numbers = numbers and all(isinstance(v, int | float) for v in box)
    return (
        _text(annotation.get("id")),
        _text(annotation.get("image_id")),
        labels.get(annotation.get("category_id")),
        *(map(float, box) if numbers else (None,) * 4),
        relative,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _size(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and value >= 1 else None


def remove(db: sqlite3.Connection, database: Path) -> None:
    """Close and delete the working file."""
    db.close()
    database.unlink()

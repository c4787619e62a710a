"""Read a COCO JSON of any size into an SQLite file: bounded memory, joined and sorted on disk."""

import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import ijson

from stowaway.core.files import temporary_database
from stowaway.core.names import clean_label, name_key, why_unsafe, why_unsafe_key
from stowaway.core.script import BadInput

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


@dataclass(frozen=True)
class Limits:
    """What is refused: a JSON of over `json_bytes`, or over `zip_ratio` times its packed size."""

    json_bytes: int
    zip_ratio: float


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


def read_list(source: Path, name: str, limits: Limits) -> Iterator[dict]:
    """Yield the objects of one top-level list of the JSON, one at a time.

    Raises `BadInput` with the byte offset when the JSON is cut short or broken before the list's
    end, and when nothing is in the list (unless there are no annotations at all).
    """
    empty = name != "annotations"
    with _opened(source, limits) as file:
        try:
            for number, entry in enumerate(ijson.items(file, f"{name}.item", use_float=True)):
                if not isinstance(entry, dict):
                    raise BadInput(
                        f"{source}: entry {number} of '{name}' is no object; is it COCO?"
                    )
                empty = False
                yield entry
        except ijson.IncompleteJSONError as error:
            # ijson raises this one class for a cut file and for broken syntax.
            at, rest = file.tell(), file.read(1)
            what = str(error).splitlines()[0]
            cut = not rest and re.search("premature|incomplete", what, re.IGNORECASE)
            how = f"cut short: it ends at byte {at}" if cut else f"broken near byte {at}"
            raise BadInput(f"{source}: JSON {how} ({what}); export or download it again") from None
    if empty:
        raise BadInput(f"{source}: no '{name}' list with entries; is this a COCO JSON?")


class _LimitedFile:
    """A file that refuses to be read beyond a number of bytes, whatever a header says."""

    def __init__(self, file: IO[bytes], path: Path, limit: float, refusal: str) -> None:
        self.file, self.path, self.limit, self.refusal = file, path, limit, refusal
        self.tell, self.bytes_read = file.tell, 0

    def read(self, size: int = -1) -> bytes:
        content = self.file.read(size)
        self.bytes_read += len(content)
        if self.bytes_read > self.limit:
            raise BadInput(f"{self.path}: {self.refusal}; raise it if the file can be trusted")
        return content


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[_LimitedFile]:
    """The JSON's bytes: of `path` itself, or of the one JSON in it when it is a zip."""
    too_long = f"the JSON has over {limits.json_bytes:,} bytes (limits.json_bytes)"
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            yield _LimitedFile(file, path, limits.json_bytes, too_long)
        return
    with zipfile.ZipFile(path) as archive:
        # a Mac adds a folder __MACOSX with a file of the same name
        names = [n for n in archive.namelist() if not n.startswith("__MACOSX/")]
        members = [name for name in names if name.lower().endswith(".json")]
        if len(members) != 1:
            raise BadInput(
                f"{path}: {len(members)} JSON files in the zip; it must hold exactly one"
            )
        unpacked = limits.zip_ratio * max(archive.getinfo(members[0]).compress_size, 1000)
        bomb = f"the zip holds over {limits.zip_ratio:g} times its size (limits.zip_ratio)"
        limit, refusal = min((unpacked, bomb), (limits.json_bytes, too_long))
        try:
            with archive.open(members[0]) as file:
                yield _LimitedFile(file, path, limit, refusal)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise BadInput(f"{path}: the zip cannot be read: {error}") from None

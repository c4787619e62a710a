"""Images and annotations of any number in an SQLite file: bounded memory, joined on disk.

A join key that stands for two things is never resolved by luck: both are refused, and name each
other.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from stowaway.annotations.json_file import Limits, read_list
from stowaway.annotations.times import Moment, TimeReader, Unclear
from stowaway.core.files import temporary_database
from stowaway.core.names import (
    NO_VALUE,
    UNNAMED,
    clean_id,
    clean_label,
    clean_location,
    clean_text,
    location_key,
    name_key,
    shown,
    why_unsafe,
    why_unsafe_key,
)
from stowaway.core.script import BadInput

LARGEST = 1e9  # pixels: a number beyond it is no coordinate and no size
_NUMBER = re.compile(
    r"\s*[-+]?(\d{1,20}\.?\d{0,30}|\.\d{1,30})(e[-+]?\d{1,3})?\s*", re.IGNORECASE | re.ASCII
)
UNKNOWN = "unknown"  # a location of that name is none
LABELS = {UNKNOWN, "none", "undefined", "unspecified"}  # which a person may give, unlike "nan"
NO_LABEL = ""  # of an annotation that names nothing: without a category, or of one without a name

PERSON = (  # labels of photos that stay off the page, as those of vehicles
    "person persons people human humans man men woman women child children adult hiker hikers "
    "hunter cyclist rider staff ranger researcher"
).split() + ["homo sapiens"]
VEHICLE = (
    "vehicle vehicles car cars truck trucks van bus motorcycle motorbike bicycle bike atv quad "
    "jeep tractor boat"
).split()

# `content` is a digest of all that is used of an image but its id. `name` is the key by which file
# names are compared, `time_listed` whether there was a time to read, `seconds` that time in UTC as
# far as the offset is known, `reason` why the image is refused. `labels` are all that occur, `kept`
# those whose boxes are cropped, `people` the rank of a person or vehicle. The table `people` has
# persons and vehicles that are no annotations.
SCHEMA = """
CREATE TABLE images (
    number INTEGER PRIMARY KEY, id TEXT, name TEXT, file_name TEXT, key TEXT, width INT, height INT,
    location TEXT, seq_id TEXT, time_listed INT, datetime TEXT, clock REAL, "offset" INT, span INT,
    seconds REAL, content BLOB, reason TEXT, event TEXT, "group" TEXT
);
CREATE TABLE unclear (number INTEGER PRIMARY KEY, field TEXT, separator TEXT, text TEXT);
CREATE TABLE reasons (number INTEGER PRIMARY KEY, reason TEXT);
CREATE TABLE one_photo (id TEXT PRIMARY KEY, first TEXT) WITHOUT ROWID;
CREATE TABLE folders (name TEXT PRIMARY KEY, first INT) WITHOUT ROWID;
CREATE TABLE annotations (
    number INTEGER PRIMARY KEY, id TEXT, image_id TEXT, label TEXT,
    x REAL, y REAL, w REAL, h REAL, relative INT, confidence REAL, reason TEXT
);
CREATE TABLE labels (label TEXT PRIMARY KEY, species TEXT, kept INT, people INT) WITHOUT ROWID;
CREATE TABLE people (image_id TEXT, label TEXT, confidence REAL);
CREATE TABLE crops (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE rejected (annotation_id TEXT, image_id TEXT, file_name TEXT, label TEXT, reason TEXT);
"""
MET_LABELS = """
SELECT DISTINCT label FROM annotations WHERE label IS NOT NULL
UNION SELECT DISTINCT label FROM people
"""
INSERT_IMAGE = f"INSERT INTO images VALUES ({'?, ' * 17} NULL, NULL)"
INSERT_ANNOTATION = "INSERT INTO annotations VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
REJECT_REPEATED_IMAGES = """
CREATE INDEX by_id ON images (id, content);
CREATE TEMP TABLE repeated AS SELECT number FROM (
    SELECT number, ROW_NUMBER() OVER (PARTITION BY id, content ORDER BY number) AS nth
    FROM images WHERE id IS NOT NULL
) WHERE nth > 1;
INSERT INTO rejected SELECT NULL, id, file_name, NULL, 'image is listed twice'
    FROM images WHERE number IN repeated;
DELETE FROM images WHERE number IN repeated;
DROP TABLE repeated;
CREATE INDEX by_name ON images (name, content);
"""
# Images that share an id or a name and differ in content, each beside another one.
CLASHES = """
SELECT i.number, i.id, i.file_name, i.location, o.id, o.file_name, o.location
FROM (
    SELECT number, COALESCE(LAG(number) OVER same, LEAD(number) OVER same) AS other
    FROM images JOIN (
        SELECT {column} FROM images GROUP BY {column} HAVING COUNT(DISTINCT content) > 1
    ) USING ({column}) WINDOW same AS (PARTITION BY {column} ORDER BY number)
) JOIN images i USING (number) JOIN images o ON o.number = other
"""
APPLY_REASONS = """
UPDATE images SET reason = r.reason FROM reasons r
    WHERE r.number = images.number AND images.reason IS NULL;
INSERT INTO one_photo SELECT id, first FROM (
    SELECT id, FIRST_VALUE(id) OVER (PARTITION BY name ORDER BY number) AS first
    FROM images WHERE reason IS NULL
) WHERE id <> first;
INSERT INTO rejected
    SELECT NULL, id, file_name, NULL,
        'photo has two ids: its boxes are with image ' || substr(first, 1, 60)
    FROM images JOIN one_photo USING (id);
DELETE FROM images WHERE id IN (SELECT id FROM one_photo);
CREATE TEMP TABLE later AS SELECT number FROM (
    SELECT number, ROW_NUMBER() OVER (PARTITION BY id ORDER BY number) AS nth
    FROM images WHERE id IS NOT NULL
) WHERE nth > 1;
INSERT INTO rejected SELECT NULL, id, file_name, NULL, reason FROM images WHERE number IN later;
UPDATE images SET id = NULL WHERE number IN later;
INSERT INTO rejected
    SELECT NULL, NULL, file_name, NULL, reason FROM images WHERE reason = 'image has no id';
"""
FOLDERS = """
INSERT INTO folders
WITH RECURSIVE up (name, first) AS (
    SELECT folder(name) AS parent, MIN(number) FROM images WHERE reason IS NULL GROUP BY parent
    UNION SELECT folder(name), first FROM up WHERE name <> ''
) SELECT name, MIN(first) FROM up WHERE name <> '' GROUP BY name
"""
REJECT_BOXES = f"""
UPDATE annotations SET image_id = p.first FROM one_photo p WHERE p.id = annotations.image_id;
CREATE INDEX by_image ON annotations (image_id, x, y, w, h, relative, label);
CREATE TEMP TABLE repeated AS SELECT number FROM (
    SELECT number, ROW_NUMBER() OVER (
        PARTITION BY image_id, x, y, w, h, relative, label ORDER BY number
    ) AS nth FROM annotations
    WHERE image_id IS NOT NULL AND label IS NOT NULL AND x IS NOT NULL
) WHERE nth > 1;
INSERT INTO rejected SELECT id, image_id, NULL, label, 'box is listed twice'
    FROM annotations WHERE number IN repeated;
DELETE FROM annotations WHERE number IN repeated;
CREATE TEMP TABLE two_labels AS SELECT * FROM (
    SELECT number, name, MIN(name) OVER box AS one, MAX(name) OVER box AS other FROM (
        SELECT *, IIF(species = '{UNNAMED}', NULL, label) AS name
        FROM annotations JOIN labels USING (label) WHERE image_id IS NOT NULL AND x IS NOT NULL
    ) WINDOW box AS (PARTITION BY image_id, x, y, w, h, relative)
) WHERE one <> other OR one IS NOT name;
INSERT INTO rejected SELECT id, image_id, NULL, label, 'box is listed twice'
    FROM annotations WHERE number IN (SELECT number FROM two_labels WHERE name IS NULL);
DELETE FROM annotations WHERE number IN (SELECT number FROM two_labels WHERE name IS NULL);
UPDATE annotations SET reason =
    'box has two labels: ''' || substr(one, 1, 60) || ''' and ''' || substr(other, 1, 60) || ''''
    FROM two_labels t WHERE t.number = annotations.number;
"""


class Labels(NamedTuple):
    """What labels mean: the config's `labels.rename`, `labels.drop` and `labels.unnamed`."""

    rename: dict[str, str]
    drop: list[str]
    unnamed: list[str]

    def species(self, label: str) -> str:
        """The label after renaming, or `UNNAMED` where that names no animal."""
        species = self.rename.get(label, label)
        return UNNAMED if species == NO_LABEL or species in self.unnamed else species

    def is_kept(self, label: str) -> bool:
        """Whether the label's boxes are cropped: whether the user does not drop it."""
        return not {self.rename.get(label, label), self.species(label)}.intersection(self.drop)

    def rank(self, label: str) -> int | None:
        """0 for a person, 1 for a vehicle, before or after renaming; None for all else."""
        words = {label, self.rename.get(label)}
        return next((n for n, all in enumerate((PERSON, VEHICLE)) if words.intersection(all)), None)


@contextmanager
def annotations_database(path: Path) -> Iterator[sqlite3.Connection]:
    """An empty SQLite file at `path` for images and annotations, while the block lasts."""
    with temporary_database(path, SCHEMA) as db:
        yield db


def read_coco(
    db: sqlite3.Connection, source: Path, key: str, limits: Limits, times: TimeReader
) -> None:
    """Fill `images` and `annotations` with the COCO JSON (or zip) at `source`.

    `key` is the image field that names the object to download. An image that cannot be used keeps
    its row, with the reason. Raises `BadInput` for a category id with two names.
    """
    names = _labels(source, limits)
    insert_images(db, read_list(source, "images", limits), key, times)
    entries = read_list(source, "annotations", limits)
    db.executemany(INSERT_ANNOTATION, (_annotation(entry, names) for entry in entries))


def insert_images(
    db: sqlite3.Connection, entries: Iterator[dict], key: str, times: TimeReader
) -> None:
    """Fill `images` with entries in COCO's form, numbered from 0."""
    for row, unclear in _images(entries, key, times):
        db.execute(INSERT_IMAGE, row)
        if unclear:
            values = (row[0], *unclear.style, unclear.text)
            db.execute("INSERT INTO unclear VALUES (?, ?, ?, ?)", values)


def settle(db: sqlite3.Connection, times: TimeReader, labels: Labels) -> None:
    """Decide what stands for two things, now that all is read.

    Of an id listed twice, one row keeps the id. Copies of an image or a box are rows of `rejected`
    alone. A box with two labels stays, with the reason, under both; of one that names an animal and
    one that does not, the former counts. Raises `BadInput` for times that `times` has to ask for.
    """
    _read_unclear(db, times)
    _refuse_clashes(db)
    _refuse_files_that_are_folders(db)
    insert_labels(db, labels)
    db.executescript(REJECT_BOXES)


def insert_labels(db: sqlite3.Connection, labels: Labels) -> None:
    """Fill `labels` with those that are met, but for those that are there."""
    met = db.execute(MET_LABELS).fetchall()
    rows = ((one, labels.species(one), labels.is_kept(one), labels.rank(one)) for (one,) in met)
    db.executemany("INSERT OR IGNORE INTO labels VALUES (?, ?, ?, ?)", rows)


def _labels(source: Path, limits: Limits) -> dict[str, str]:
    """Each category's label by its id; `NO_LABEL` for one without a name."""
    labels: dict[str, str] = {}
    for category in read_list(source, "categories", limits):
        number, name = clean_id(category.get("id")), category.get("name")
        if number is None:
            continue
        label = clean_label(name) if clean_id(name) else NO_LABEL
        label = NO_LABEL if label in NO_VALUE - LABELS else label
        if labels.setdefault(number, label) != label:
            names = " and ".join(shown(name) for name in (labels[number], label))
            raise BadInput(
                f"{source}: category id {shown(number)} has two names, {names}: its boxes could be "
                "either's; give each name an id of its own"
            )
    return labels


def _images(
    entries: Iterator[dict], key: str, times: TimeReader
) -> Iterator[tuple[tuple, Unclear | None]]:
    """A row of `images` for each entry, and its time where that has two meanings."""
    locations: dict[str, str] = {}
    for number, image in enumerate(entries):
        image_id, name = clean_id(image.get("id")), image.get("file_name")
        name = name if isinstance(name, str) else None
        object_key = image.get(key)
        object_key = object_key if isinstance(object_key, str) else clean_id(object_key)
        if location := clean_location(image.get("location")):  # shown as it was first met
            location = locations.setdefault(location_key(location), location)
        size = _pixels(image.get("width")), _pixels(image.get("height"))
        rest = *size, location, clean_location(image.get("seq_id"))
        time_listed, moment = times.read(image)
        corrupt = _is_true(image.get("corrupt"))
        used = repr((name, object_key, rest, moment and tuple(moment), corrupt))
        content = hashlib.md5(used.encode("utf-8", "surrogatepass")).digest()
        reason, same_name = why_unsafe(name), None
        if reason:
            name = clean_text(name or "")[:200]
        else:
            same_name = name_key(name)
        reason = _why_unusable(image_id, reason, key, object_key, corrupt)
        unclear = moment if isinstance(moment, Unclear) else None
        read = moment if isinstance(moment, Moment) else (None,) * 4
        seconds = read[1] and read[1] - (read[2] or 0)
        object_key = None if reason else object_key
        row = number, image_id, same_name, name, object_key, *rest, time_listed, *read, seconds
        yield (*row, content, reason), unclear


def _why_unusable(
    image_id: str | None, unsafe: str | None, key: str, object_key: str | None, corrupt: bool
) -> str | None:
    if image_id is None:
        return "image has no id"
    if unsafe:
        return unsafe
    if not object_key:
        return f"image has no {key}"
    if reason := why_unsafe_key(object_key):
        return reason
    return "image is marked corrupt" if corrupt else None


def _read_unclear(db: sqlite3.Connection, times: TimeReader) -> None:
    """Read the times with two meanings, now that all have been met that may decide them."""
    times.settle()
    rows = db.execute("SELECT number, field, separator, text FROM unclear")
    update = (
        'UPDATE images SET datetime = ?1, clock = ?2, "offset" = ?3, span = ?4,'
        " seconds = ?2 - COALESCE(?3, 0) WHERE number = ?5"
    )
    moments = ((*times.decide(Unclear((field, sep), text)), n) for n, field, sep, text in rows)
    db.executemany(update, moments)


def _refuse_clashes(db: sqlite3.Connection) -> None:
    """Refuse images of which an id or a file name names several, and join those that are one."""
    db.executescript(REJECT_REPEATED_IMAGES)
    for column, why in ("id", _why_id), ("name", _why_name):
        pairs = db.execute(CLASHES.format(column=column))
        db.executemany(
            "INSERT OR IGNORE INTO reasons VALUES (?, ?)", ((n, why(*pair)) for n, *pair in pairs)
        )
    db.executescript(APPLY_REASONS)


def _why_id(image_id, name, location, _, other_name, other_location) -> str:
    other = f"{shown(other_name)} at {shown(other_location or UNKNOWN)}"
    here = f"{shown(name)} at {shown(location or UNKNOWN)}"
    if other == here:
        other += ", of another time or size"
    return f"image id has two meanings: {shown(image_id)} is also {other}"


def _why_name(image_id, name, location, other_id, other_name, other_location) -> str:
    here = f"image {shown(image_id)} at {shown(location or UNKNOWN)}"
    other = f"image {shown(other_id)} at {shown(other_location or UNKNOWN)}"
    if name == other_name:
        return f"two photos would be one file: {shown(name)} is of {here} and of {other}"
    differ = f"{shown(name)} of {here}, {shown(other_name)} of {other}"
    return f"file names differ in case or Unicode form alone: {differ}"


def _refuse_files_that_are_folders(db: sqlite3.Connection) -> None:
    """Refuse the later one of a photo and of those whose file names take it for a folder."""
    db.create_function("folder", 1, lambda name: name.rpartition("/")[0], deterministic=True)
    db.execute(FOLDERS)
    files = "SELECT number, first, name, file_name FROM images JOIN folders USING (name)"
    files += " WHERE reason IS NULL"
    for number, first, name, file_name in db.execute(files).fetchall():
        reason = f"a photo's file is another's folder: {shown(file_name)}"
        if number > first:
            db.execute("UPDATE images SET reason = ? WHERE number = ?", (reason, number))
        else:
            below = "UPDATE images SET reason = ? WHERE name > ? || '/' AND name < ? || '0'"
            db.execute(below + " AND reason IS NULL", (reason, name, name))


def _annotation(annotation: dict, labels: dict[str, str]) -> tuple:
    """One row of `annotations`; the reason is there where the label or a listed box is None."""
    category = annotation.get("category_id")
    label = NO_LABEL if category in (None, "") else labels.get(clean_id(category))
    reason = "category is not listed" if label is None else None
    relative = annotation.get("bbox") is None and annotation.get("bbox_relative") is not None
    field = "bbox_relative" if relative else "bbox"
    box = four_numbers(annotation.get(field))
    if box is None and annotation.get(field) not in (None, "", {}, [], [None] * 4):
        reason = reason or f"{field} is not four numbers"
    return (
        clean_id(annotation.get("id")),
        clean_id(annotation.get("image_id")),
        label,
        *(box or [None] * 4),
        relative,
        confidence_of(annotation, "confidence", "score"),
        reason,
    )


def four_numbers(listed: object) -> list[float] | None:
    """The numbers of a list of four, or None where it is none."""
    box = list(map(_number, listed)) if isinstance(listed, list) and len(listed) == 4 else [None]
    return None if None in box else box


def confidence_of(entry: dict, *fields: str) -> float | None:
    """The first of these fields that is a number of 0 to 1; None where none is."""
    numbers = (_number(entry.get(field)) for field in fields)
    return next((number for number in numbers if number is not None and 0 <= number <= 1), None)


def _number(value: object) -> float | None:
    """A number, or a text that is one, as a float; None for all else."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    return float(value) if type(value) in (int, float) and abs(value) < LARGEST else None


def _pixels(value: object) -> int | None:
    number = _number(value)
    return int(number) if number and number >= 1 else None


def _is_true(value: object) -> bool:
    """Whether a flag is set, also by a text or a number that says so."""
    return value is True or str(clean_id(value)).lower() in ("true", "yes", "1")

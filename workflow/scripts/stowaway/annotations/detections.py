"""MegaDetector results: photos without labels; or the boxes of a COCO that has labels and no boxes.

The formats 1.0 to 1.6 are read (https://lila.science/megadetector-output-format).
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from stowaway.annotations.box_forms import ROUNDED
from stowaway.annotations.coco import (
    INSERT_ANNOTATION,
    NO_LABEL,
    PERSON,
    VEHICLE,
    Labels,
    Limits,
    confidence_of,
    four_numbers,
    insert_images,
    insert_labels,
)
from stowaway.annotations.json_file import MEGADETECTOR, read_list
from stowaway.annotations.times import TimeReader, exif_time
from stowaway.core.names import UNNAMED, clean_id, clean_label, clean_text, name_key, shown
from stowaway.core.tables import rows

LEAST = 0.2  # confidence of a box of a category that the config does not name
LEAST_OF_PEOPLE = 0.1  # which are kept off the page from there on
PEOPLE = {*PERSON, *VEHICLE}
FIELDS = "DateTimeOriginal", "SubsecTimeOriginal", "OffsetTimeOriginal"  # as Pillow calls them
TWICE = "file is listed twice"
SAMPLE = 5_000  # files by which folders before the names are found

PHOTO_TIMES = """
CREATE TEMP TABLE photo_times (
    file_name TEXT PRIMARY KEY, datetime TEXT, width INT, height INT
) WITHOUT ROWID
"""
FILES = """
CREATE TEMP TABLE files (
    number INTEGER PRIMARY KEY, file TEXT, name TEXT UNIQUE, width INT, height INT, image INT
);
CREATE TEMP TABLE found (
    file INT, label TEXT, x REAL, y REAL, w REAL, h REAL, confidence REAL, reason TEXT
);
CREATE TEMP TABLE found_people (file INT, label TEXT, confidence REAL);
"""
MATCH = (
    "UPDATE files SET image = (SELECT number FROM images WHERE name = ? || substr(files.name, ?))"
)
AFTER_MATCH = """
CREATE INDEX temp.files_by_image ON files (image);
CREATE INDEX temp.found_by_file ON found (file);
INSERT INTO rejected SELECT NULL, NULL, file, NULL, 'photo is not in the COCO'
    FROM files WHERE image IS NULL;
INSERT INTO people SELECT i.id, p.label, p.confidence
    FROM found_people p JOIN files f ON f.number = p.file JOIN images i ON i.number = f.image;
UPDATE images SET width = f.width, height = f.height FROM files f
    WHERE f.image = images.number AND images.width IS NULL AND f.width IS NOT NULL;
"""
# Photos whose boxes come from the detections: no annotation that is kept has a box, and either one
# is kept or there is none at all. Persons and vehicles do not count. `species` is the number of a
# photo's labels as they are after renaming.
WANTED = f"""
CREATE TEMP TABLE wanted AS
SELECT i.number, i.id, f.number AS file, COUNT(a.number) AS labelled,
    COUNT(DISTINCT l.species) AS species,
    IIF(COUNT(DISTINCT l.species) = 1, MIN(a.label), '{NO_LABEL}') AS label
FROM images i LEFT JOIN files f ON f.image = i.number
LEFT JOIN annotations a ON a.image_id = i.id LEFT JOIN labels l USING (label)
WHERE i.reason IS NULL AND (l.kept AND l.people IS NULL OR a.number IS NULL)
GROUP BY i.number HAVING COUNT(a.x) = 0 AND COUNT(a.reason) = 0;
CREATE TEMP TABLE boxed_by AS
SELECT w.*, COUNT(d.file) AS boxes FROM wanted w LEFT JOIN found d USING (file) GROUP BY w.number;
CREATE UNIQUE INDEX temp.boxed_by_id ON boxed_by (id);
"""
TAKE = """
DELETE FROM annotations WHERE reason IS NULL AND x IS NULL
    AND label IN (SELECT label FROM labels WHERE kept AND people IS NULL)
    AND image_id IN (SELECT id FROM boxed_by WHERE boxes);
UPDATE annotations SET reason = 'no box, and '
    || IIF(b.file IS NULL, 'the photo is not in the detections', 'the detector found no animal')
    FROM boxed_by b WHERE b.id = annotations.image_id AND annotations.reason IS NULL
    AND annotations.x IS NULL
    AND annotations.label IN (SELECT label FROM labels WHERE kept AND people IS NULL);
INSERT INTO annotations
SELECT NULL, NULL, b.id, IIF(d.label IS NULL, NULL, b.label), d.x, d.y, d.w, d.h, 1, d.confidence,
    d.reason
FROM boxed_by b JOIN found d USING (file) ORDER BY b.number, d.rowid;
"""
TAKEN = """
SELECT COUNT(*) FILTER (WHERE boxes) AS photos, COALESCE(SUM(boxes), 0) AS boxes,
COUNT(*) FILTER (WHERE boxes AND species > 1) AS several,
COALESCE(SUM(boxes) FILTER (WHERE species > 1), 0) AS several_boxes,
COUNT(*) FILTER (WHERE labelled AND file IS NULL) AS lacking FROM boxed_by
"""


class Detection(NamedTuple):
    """A box as shares of the upright photo; `reason` says why it cannot be used, None if it can."""

    label: str | None
    box: list[float] | None
    confidence: float | None
    reason: str | None


@dataclass
class DetectionReader:
    """Reads the detections of photos, and counts what becomes of them.

    `names` are the categories' labels by id, `least` the confidence from which a box of a label
    counts; what is below is only counted.
    """

    names: dict[str, str]
    least: dict[str, float]
    counts: Counter = field(default_factory=Counter)

    def read(self, entry: dict) -> tuple[list[Detection], list[Detection]]:
        """The photo's boxes, and its persons and vehicles of `LEAST_OF_PEOPLE` or more."""
        boxes, people = [], []
        listed = entry.get("detections")
        for one in listed if isinstance(listed, list) else []:
            self.counts["detections"] += 1
            found = self._detection(one if isinstance(one, dict) else {})
            if found.label in PEOPLE and (found.confidence or 0) >= LEAST_OF_PEOPLE:
                people.append(found)
            least = self.least.get(found.label, LEAST)
            if None not in (found.label, found.confidence) and found.confidence < least:
                self.counts["below"] += 1
            else:
                boxes.append(found)
        return boxes, people

    def _detection(self, entry: dict) -> Detection:
        label, box = (
            self.names.get(clean_id(entry.get("category"))),
            four_numbers(entry.get("bbox")),
        )
        confidence, reason = confidence_of(entry, "conf"), None
        if label is None:
            reason = "category is not listed"
        elif confidence is None:
            reason = "conf is no number of 0 to 1"
        elif box is None:
            reason = "bbox is not four numbers"
        elif min(box[:2]) < -ROUNDED or max(box[0] + box[2], box[1] + box[3]) > 1 + ROUNDED:
            reason = "bbox leaves the photo: " + ", ".join(f"{number:g}" for number in box)
        return Detection(label, box, confidence, reason)


def detection_reader(source: Path, limits: Limits, least: dict[str, float]) -> DetectionReader:
    """The reader of the file's detections."""
    categories = next(read_list(source, "detection_categories", limits, MEGADETECTOR))
    names = {}
    for number, name in categories.items():
        names[clean_id(number)] = clean_label(name) if clean_id(name) else NO_LABEL
    return DetectionReader(names, {clean_label(name): value for name, value in least.items()})


def photos_of(source: Path, limits: Limits) -> Iterator[tuple[str, dict]]:
    """Yield each photo's file, with forward slashes (blank where there is none), and its entry.

    Half a character, which no table can hold, becomes a control character, which no name may have.
    """
    for entry in read_list(source, "images", limits, MEGADETECTOR):
        file = entry.get("file")
        file = file.replace("\\", "/") if isinstance(file, str) else ""
        yield re.sub("[\ud800-\udfff]", "\x1a", re.sub(r"^(\./+)+", "", file)), entry


def why_unread(entry: dict) -> str | None:
    """Why the detector's results of a photo are none, or None."""
    if "frame_rate" in entry:
        return "it is a video"
    if entry.get("failure") or not isinstance(entry.get("detections"), list):
        failure = entry.get("failure") or "no detections are listed"
        return f"the detector failed: {shown(failure)}"
    return None


def read_photos(
    db: sqlite3.Connection,
    source: Path,
    limits: Limits,
    least: dict[str, float],
    location: str,
    photo_times: Path,
    times: TimeReader,
) -> tuple[Counter, list[str]]:
    """Fill `images` and `annotations` with the photos of the file; returns counts, and notes.

    A photo's id, name and key are its file. Its location is the first group of the regular
    expression `location` in it; its time and size are those of the table `photo_times`, else those
    that the file lists.
    """
    reader, pattern = detection_reader(source, limits, least), re.compile(location)
    db.execute(PHOTO_TIMES)
    db.executemany("INSERT OR IGNORE INTO photo_times VALUES (?, ?, ?, ?)", _times(photo_times))
    db.execute("CREATE TEMP TABLE met (file TEXT PRIMARY KEY) WITHOUT ROWID")
    unplaced = ""

    def entries() -> Iterator[dict]:
        nonlocal unplaced
        number = 0
        for file, entry in photos_of(source, limits):
            reader.counts["files"] += 1
            place = pattern.search(file)
            if not (place and place[1]):
                reader.counts["unplaced"] += 1
                unplaced = unplaced or file
            image_id = clean_text(file) or None
            why, twice = why_unread(entry), None
            boxes, people = ([], []) if why else reader.read(entry)
            if not db.execute("INSERT OR IGNORE INTO met VALUES (?)", (file,)).rowcount:
                twice = (None, image_id, file, None, TWICE)
                db.execute("INSERT INTO rejected VALUES (?, ?, ?, ?, ?)", twice)
            elif why:
                reader.counts["failed"] += 1
                db.execute("INSERT INTO reasons VALUES (?, ?)", (number, why))
            for nth, (label, box, confidence, reason) in enumerate(boxes, 1):
                reason = TWICE if twice else reason
                row = str(nth), image_id, label, *(box or [None] * 4), 1, confidence, reason
                db.execute(INSERT_ANNOTATION, row)
            for found in people:
                values = image_id, found.label, found.confidence
                db.execute("INSERT INTO people VALUES (?, ?, ?)", values)
            if not twice:
                number += 1
                image = {"id": image_id, "file_name": file, "location": place and place[1]}
                yield image | _time_and_size(db, file, entry)

    insert_images(db, entries(), "file_name", times)
    notes = []
    if reader.counts["unplaced"]:
        notes.append(
            f"{reader.counts['unplaced']:,} of {reader.counts['files']:,} photos have no location: "
            f"images.location ({shown(location)}) finds none in {shown(unplaced)}"
        )
    if reader.counts["failed"]:
        notes.append(f"{reader.counts['failed']:,} files are videos, or failed in the detector")
    return reader.counts, notes


def _times(photo_times: Path) -> Iterator[tuple]:
    for row in rows(photo_times):
        size = row["width"] or None, row["height"] or None
        yield row["file_name"], row["datetime"] + row["offset"], *size


def _time_and_size(db: sqlite3.Connection, file: str, entry: dict) -> dict:
    """The photo's times, in fields that are read in their order, and its width and height."""
    read = "SELECT datetime, width, height FROM photo_times WHERE file_name = ?"
    time, width, height = db.execute(read, (file,)).fetchone() or (None, None, None)
    listed = entry.get("exif_metadata")
    tags = listed if isinstance(listed, dict) else {}
    return {
        "datetime": time,
        "date_captured": entry.get("datetime"),
        "DateTimeOriginal": "".join(exif_time(*(tags.get(name) for name in FIELDS))),
        "width": width or entry.get("width"),
        "height": height or entry.get("height"),
    }


def take_boxes(
    db: sqlite3.Connection, source: Path, limits: Limits, least: dict[str, float], labels: Labels
) -> tuple[Counter, list[str]]:
    """Give the photos of a COCO without boxes those of the file; returns counts, and notes.

    `settle` must have run. A photo of the COCO is the file of its name, compared by `name_key`,
    with another common folder before it if need be. Where a photo has one label, its animals get
    it; where it has several or none, they have none. A photo with a box, or with dropped labels
    alone, gets none.
    """
    reader = detection_reader(source, limits, least)
    db.executescript(FILES)
    for number, (file, entry) in enumerate(photos_of(source, limits)):
        reader.counts["files"] += 1
        boxes, people = ([], []) if why_unread(entry) else reader.read(entry)
        row = number, file, name_key(clean_text(file)), entry.get("width"), entry.get("height")
        size = [value if type(value) is int and value > 0 else None for value in row[3:]]
        insert = "INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, ?, NULL)"
        if not db.execute(insert, (*row[:3], *size)).rowcount:
            db.execute("INSERT INTO rejected VALUES (NULL, NULL, ?, NULL, ?)", (file, TWICE))
            continue
        for found in people:
            values = number, found.label, found.confidence
            db.execute("INSERT INTO found_people VALUES (?, ?, ?)", values)
        for label, box, confidence, reason in boxes:
            if label not in PEOPLE:
                row = number, label, *(box or [None] * 4), confidence, reason
                db.execute("INSERT INTO found VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    before, start = _folders(db)
    db.execute(MATCH, (before, start + 1))
    db.executescript(AFTER_MATCH + WANTED)
    insert_labels(db, labels)
    cursor = db.execute(TAKEN)
    taken = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    db.executescript(TAKE)
    unmatched = db.execute("SELECT COUNT(*) FROM files WHERE image IS NULL").fetchone()[0]
    reader.counts.update(taken, unmatched=unmatched)
    return reader.counts, _notes(reader.counts)


def _notes(counts: Counter) -> list[str]:
    line = (
        f"detections: {counts['boxes']:,} boxes for {counts['photos']:,} photos of the COCO; not "
        f"matched: {counts['unmatched']:,} of {counts['files']:,} files, and {counts['lacking']:,} "
        "photos that have a label and no box (rejected.csv)"
    )
    if not counts["several"]:
        return [line]
    several = f"{counts['several']:,} photos with several labels"
    return [line, f"detections: {counts['several_boxes']:,} boxes are {UNNAMED}, of {several}"]


def _folders(db: sqlite3.Connection) -> tuple[str, int]:
    """What stands before the COCO's names instead of the first characters of the files': the text,
    and how many characters. It is the pair of common folders by which most files of a sample match.
    """
    step = "SELECT 1 + COUNT(*) / ? FROM files"
    every = db.execute(step, (SAMPLE,)).fetchone()[0]
    sample = (
        "SELECT COUNT(*) FROM files f JOIN images i ON i.name = ? || substr(f.name, ?)"
        f" WHERE f.number % {every} = 0"
    )
    pairs = [
        (before, len(cut))
        for cut in _common_folders(db, "files")
        for before in _common_folders(db, "images")
    ]
    return max(pairs, key=lambda pair: db.execute(sample, (pair[0], pair[1] + 1)).fetchone()[0])


def _common_folders(db: sqlite3.Connection, table: str) -> list[str]:
    """The folders that all names of the table begin with, from none to the deepest."""
    first, last = db.execute(f"SELECT MIN(name), MAX(name) FROM {table}").fetchone()
    folders = [""]
    for part in re.findall("[^/]*/", first or ""):
        folder = folders[-1] + part
        if not last.startswith(folder):
            break
        folders.append(folder)
    return folders

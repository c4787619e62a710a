"""Exact copies: photos of the same bytes, and crops of the same pixels."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from PIL import Image

from stowaway.core.files import temporary_database
from stowaway.core.names import shown

CHECKSUMS = "photo_checksum", "crop_checksum"  # columns of labels.csv
COPIES = ("same photo as another image", "same pixels as another crop")
FOREIGN = "same bytes as a photo of another event, time or label"
DISPUTED = "same pixels as a crop of another label"
SCHEMA = """
PRAGMA cache_size = -64000; -- KiB
CREATE TABLE seen (checksum BLOB PRIMARY KEY, owner TEXT, moment TEXT, label TEXT, -- of the first
    other TEXT, second TEXT, third TEXT, -- owner of another moment; more moments
    label2 TEXT) WITHOUT ROWID;
"""
# The values that the row has before the update stand on the right; NULL is unequal to nothing.
ADD = """
INSERT INTO seen (checksum, owner, moment, label) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    other = COALESCE(other, CASE WHEN excluded.moment <> moment THEN excluded.owner END),
    second = COALESCE(second, NULLIF(excluded.moment, moment)),
    third = COALESCE(third, CASE WHEN excluded.moment <> moment AND excluded.moment <> second
        THEN excluded.moment END),
    label2 = COALESCE(label2, NULLIF(excluded.label, label))
"""
FIND = "SELECT owner, moment, label, other, third, label2 FROM seen WHERE checksum = ?"
Row = dict[str, str]


def photo_checksum(content: bytes) -> str:
    """BLAKE2b of a photo's bytes: 128 bits as 32 hexadecimal digits."""
    return blake2b(content, digest_size=16).hexdigest()


def crop_checksum(crop: Image.Image) -> str:
    """BLAKE2b of a crop's size and pixels: 128 bits as 32 hexadecimal digits."""
    checksum = blake2b(b"crop of %d x %d\n" % crop.size, digest_size=16)
    checksum.update(crop.tobytes())
    return checksum.hexdigest()


@contextmanager
def copy_finder(
    database: Path, crops: Callable[[], Iterator[Row]]
) -> Iterator[Callable[[list[Row]], list[str | None]]]:
    """A function that takes the crops of one image and says why each cannot be used, or None.

    `crops()` yields all of them, an image's together: rows of a table of crops. The reasons begin
    with one of COPIES, FOREIGN or DISPUTED. A photo with the bytes of an earlier one is its copy
    if event, location and time are the same and it has no label of its own; else it is foreign.
    Photos of three events or times, or three without a time, that have the same bytes are all
    foreign: a server's placeholder. A crop with the pixels of an earlier crop is its copy; where
    their labels differ, all are disputed. What the rows are compared by lies in an SQLite file at
    `database` while the block lasts.
    """
    with temporary_database(database, SCHEMA) as db:
        for boxes in images_of(crops()):
            db.execute(ADD, _photo(boxes))
        for boxes in images_of(crops()):
            if not _why_photo(db, boxes):
                db.executemany(ADD, map(_crop, boxes))
        yield partial(_reasons, db)


def images_of(crops: Iterator[Row]) -> Iterator[list[Row]]:
    """The crops of each image."""
    return (list(boxes) for _, boxes in groupby(crops, itemgetter("image_id")))


def _photo(boxes: list[Row]) -> tuple[bytes, str, str, str]:
    labels = "\n".join(sorted({row["species"] for row in boxes}))
    row = boxes[0]
    image = "" if row["datetime"] else row["image_id"]  # any number of visits may have no time
    moment = "\n".join([row["event"], row["location"], row["datetime"], image])
    return bytes.fromhex(row["photo_checksum"]), row["image_id"], moment, labels


def _crop(row: Row) -> tuple[bytes, str, str, str]:
    return bytes.fromhex(row["crop_checksum"]), row["crop_id"], "", row["species"]


def _reasons(db: sqlite3.Connection, boxes: list[Row]) -> list[str | None]:
    why = _why_photo(db, boxes)
    return [why or _why_crop(db, row) for row in boxes]


def _why_photo(db: sqlite3.Connection, boxes: list[Row]) -> str | None:
    checksum, image, moment, labels = _photo(boxes)
    first, its_moment, its_labels, other, third, _ = db.execute(FIND, (checksum,)).fetchone()
    is_same = moment.rpartition("\n")[0] == its_moment.rpartition("\n")[0]
    if third or not is_same or not {*labels.split("\n")} <= {*its_labels.split("\n")}:
        return f"{FOREIGN}: {other if image == first else first}"
    return None if image == first else f"{COPIES[0]}: {first}"


def _why_crop(db: sqlite3.Connection, row: Row) -> str | None:
    checksum, crop_id, _, label = _crop(row)
    first, _, its_label, _, _, label2 = db.execute(FIND, (checksum,)).fetchone()
    if label2:
        return f"{DISPUTED}: {shown(its_label if label != its_label else label2)}"
    return None if crop_id == first else f"{COPIES[1]}: {first}"

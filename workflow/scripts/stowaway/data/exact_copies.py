"""Exact copies: photos of the same bytes, and crops of the same pixels."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from pathlib import Path

from PIL import Image

from stowaway.core.files import temporary_database

COPIES = ("same photo as another image", "same pixels as another crop")
SCHEMA = """
PRAGMA cache_size = -64000; -- KiB
CREATE TABLE first (checksum BLOB PRIMARY KEY, owner TEXT) WITHOUT ROWID;
"""


def photo_checksum(content: bytes) -> str:
    """BLAKE2b of a photo's bytes: 128 bits as 32 hexadecimal digits."""
    return blake2b(content, digest_size=16).hexdigest()


def crop_checksum(crop: Image.Image) -> str:
    """BLAKE2b of a crop's size and pixels: 128 bits as 32 hexadecimal digits."""
    checksum = blake2b(b"crop of %d x %d\n" % crop.size, digest_size=16)
    checksum.update(crop.tobytes())
    return checksum.hexdigest()


@contextmanager
def copy_finder(database: Path) -> Iterator[Callable[[dict[str, str]], str | None]]:
    """A function that takes the crops in order and says of which earlier one each is a copy.

    A crop is a row with `crop_id`, `image_id` and both checksums. It is a copy where an earlier
    image has its photo's bytes, or an earlier crop that is no copy has its pixels; the function
    returns None for any other. Checksums lie in an SQLite file at `database` while the block lasts.
    """
    with temporary_database(database, SCHEMA) as db:
        yield partial(_why_copy, db)


def _why_copy(db: sqlite3.Connection, crop: dict[str, str]) -> str | None:
    image = _first(db, crop["photo_checksum"], crop["image_id"])
    if image != crop["image_id"]:
        return f"{COPIES[0]}: {image}"
    earlier = _first(db, crop["crop_checksum"], crop["crop_id"])
    if earlier != crop["crop_id"]:
        return f"{COPIES[1]}: {earlier}"
    return None


def _first(db: sqlite3.Connection, checksum: str, owner: str) -> str:
    """Who had the checksum first: `owner` where nobody had it before."""
    key = bytes.fromhex(checksum)
    if db.execute("INSERT OR IGNORE INTO first VALUES (?, ?)", (key, owner)).rowcount:
        return owner
    return db.execute("SELECT owner FROM first WHERE checksum = ?", (key,)).fetchone()[0]

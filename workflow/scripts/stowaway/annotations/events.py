"""Events: the frames of one visit, by `seq_id` or by location and a gap in time."""

import sqlite3
from collections.abc import Iterable, Iterator

UNKNOWN = "unknown"


def number_events(
    images: Iterable[tuple[str, str | None, str | None, float | None, str | None]],
    gap: float,
    use_seq_id: bool,
) -> Iterator[tuple[str, str]]:
    """Yield (event, image id) for images sorted by location, then by time.

    Each image is (id, location, datetime, seconds, seq_id). With `use_seq_id` an image's seq_id,
    where it has one, is its event, within its location: some cameras count from one. Else a new
    event starts at a new location and where the gap to the frame before is over `gap` seconds.
    Images of a location without a time cannot be told apart, so they are one event: frames of a
    burst must never be split between training and test.
    """
    last_location: str | None = None
    last_seconds: float | None = None
    event = ""
    for image_id, location, moment, seconds, seq_id in images:
        location = location or UNKNOWN
        if use_seq_id and seq_id:
            yield f"{location}@{seq_id}", image_id
            continue
        if seconds is None:
            yield f"{location}@{UNKNOWN}", image_id
            continue
        if location != last_location or last_seconds is None or seconds - last_seconds > gap:
            event = f"{location}@{moment}"
        last_location, last_seconds = location, seconds
        yield event, image_id


def assign_events(db: sqlite3.Connection, gap: float, use_seq_id: bool) -> None:
    """Fill `images.event` in the index database."""
    rows = db.execute(
        "SELECT id, location, datetime, seconds, seq_id FROM images"
        " ORDER BY location, seconds, file_name"
    )
    numbered = number_events(rows, gap, use_seq_id)
    db.execute("CREATE TEMP TABLE numbered (event TEXT, id TEXT PRIMARY KEY) WITHOUT ROWID")
    db.executemany("INSERT INTO numbered VALUES (?, ?)", numbered)
    db.execute("UPDATE images SET event = n.event FROM numbered n WHERE n.id = images.id")

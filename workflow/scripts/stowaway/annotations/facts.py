"""What the index says of the photos: counts and notes in a JSON, days with photos, people."""

import csv
import json
import sqlite3
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import IO

from stowaway.annotations.coco import UNKNOWN
from stowaway.core.files import Damaged, reading
from stowaway.core.names import shown

FAR = timedelta(days=365)  # a day so far from all others is asked about
FEW, FEW_OF_ALL = 0.01, 0.1  # share of a location's and of all photos that such days may hold
MOST_NOTES = 5

PEOPLE_COLUMNS = "image_id event location datetime label confidence".split()
PHOTOS_OF_PEOPLE = """
SELECT id, event, location, datetime, label, confidence FROM (
    SELECT i.*, s.label, s.confidence, ROW_NUMBER() OVER (
        PARTITION BY i.number ORDER BY people, s.confidence DESC
    ) AS nth
    FROM (
        SELECT image_id, label, confidence FROM annotations
        UNION ALL SELECT image_id, label, confidence FROM people
    ) s JOIN labels USING (label) JOIN images i ON i.id = s.image_id
    WHERE people IS NOT NULL AND i.reason IS NULL
) WHERE nth = 1 ORDER BY location, seconds, file_name
"""
CAMERA_DAYS = f"""
SELECT COALESCE(location, '{UNKNOWN}') AS place, substr(datetime, 1, 10) AS day, COUNT(*)
FROM images WHERE datetime IS NOT NULL GROUP BY place, day ORDER BY place, day
"""
# Locations whose times without an offset may be in UTC, as the others are, or on a local clock.
MIXED = """
SELECT location FROM images WHERE clock NOT NULL AND location NOT NULL GROUP BY location
HAVING MIN("offset") = 0 AND MAX("offset") = 0 AND COUNT("offset") < COUNT(*)
"""
IMAGES = """
SELECT COUNT(*) AS images, COALESCE(SUM(time_listed), 0) AS images_with_time,
COUNT(datetime) AS times_read, COUNT(*) - COUNT(datetime) AS untimed_images,
COUNT(*) - COUNT(location) AS unlocated_images FROM images
"""


def read_facts(path: Path | str) -> dict:
    """The facts of `index_facts.json`. Raises `BadInput` where it is damaged."""
    with reading(path):
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(facts, dict) or "times_read" not in facts:
            raise Damaged("it holds something else")
    return facts


def times_line(facts: dict) -> str:
    """How many of the listed times could be read, and the first that could not."""
    if not facts["images_with_time"]:
        return "times: no photo has one listed"
    line = f"times read {facts['times_read']:,} of {facts['images_with_time']:,}"
    return line + (f"; first unread: {facts['first_unread']}" if facts["first_unread"] else "")


def image_facts(db: sqlite3.Connection) -> dict:
    """Counts of all images, empty and refused ones too, but for copies."""
    cursor = db.execute(IMAGES)
    return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))


def write_camera_days(db: sqlite3.Connection, file: IO) -> list[str]:
    """Write `location,date,images`, of all images with a time; returns notes on doubtful times."""
    table = csv.writer(file)
    table.writerow(["location", "date", "images"])
    table.writerows(db.execute(CAMERA_DAYS))
    return clock_notes(camera_days(db), date.today()) + _mixed_notes(db)


def write_people(db: sqlite3.Connection, file: IO) -> int:
    """Write `PEOPLE_COLUMNS` of each usable photo with a person or vehicle; returns how many.

    A label counts before or after renaming, be its boxes kept, dropped or missing. Of several in a
    photo a person goes before a vehicle, then the highest confidence.
    """
    table, photos = csv.writer(file), 0
    table.writerow(PEOPLE_COLUMNS)
    for row in db.execute(PHOTOS_OF_PEOPLE):
        table.writerow(row)
        photos += 1
    return photos


def _mixed_notes(db: sqlite3.Connection) -> list[str]:
    """A line where locations have times in UTC and times without an offset."""
    count, first = db.execute(f"SELECT COUNT(*), MIN(location) FROM ({MIXED})").fetchone()
    where = f"location {shown(first)}" + f" and {count - 1:,} more" * (count > 1)
    line = f"{where}: its times without an offset may be in UTC or not: list the offset of each"
    return [line] * (count > 0)


def camera_days(db: sqlite3.Connection) -> dict[str, Counter]:
    """How many photos with a time each location has, by the local date."""
    days: dict[str, Counter] = defaultdict(Counter)
    for location, day, images in db.execute(CAMERA_DAYS):
        days[location][date.fromisoformat(day)] = images
    return days


def clock_notes(days: dict[str, Counter], today: date) -> list[str]:
    """A line for each location with dates that look like a camera's wrong clock."""
    wrong, usual = wrong_days(days, today)
    notes = [_note(place, days[place], sorted(wrong[place]), usual) for place in sorted(wrong)]
    more = len(notes) - MOST_NOTES
    return notes[:MOST_NOTES] + ([f"and {more:,} more locations with such dates"] * (more > 0))


def wrong_days(days: dict[str, Counter], today: date) -> tuple[dict[str, set[date]], set[date]]:
    """The dates of each location that look like a wrong clock, and those usual for all locations.

    `days` counts the photos of each location by date. Dates look wrong where they lie more than a
    year from all others of the location, and hold up to a hundredth of its photos or one day; where
    they lie so far from those of all locations, and are of one of them or up to a tenth of all
    photos; and where they are to come.
    """
    total = sum(days.values(), Counter())
    rare = set()
    for block in map(set, _outliers(total)):
        locations = sum(not block.isdisjoint(counts) for counts in days.values())
        images = sum(total[day] for day in block)
        if locations == 1 < len(days) or images <= FEW_OF_ALL * total.total():
            rare |= block
    found = {}
    for location, counts in days.items():
        wrong = counts.keys() & rare
        for block in _outliers(counts):
            if len(block) == 1 or sum(counts[day] for day in block) <= FEW * counts.total():
                wrong |= set(block)
        wrong |= {day for day in counts if day > today + timedelta(days=1)}
        if wrong:
            found[location] = wrong
    return found, total.keys() - rare


def _outliers(counts: Counter) -> list[list[date]]:
    """The dates in blocks more than a year apart, but for the block with the most photos."""
    blocks: list[list[date]] = []
    for day in sorted(counts):
        if not blocks or day - blocks[-1][-1] > FAR:
            blocks.append([])
        blocks[-1].append(day)
    blocks.sort(key=lambda block: sum(counts[day] for day in block))
    return blocks[:-1]


def _note(location: str, counts: Counter, wrong: list[date], usual: set[date]) -> str:
    dates = f"{wrong[0]}" + (f" to {wrong[-1]}" if len(wrong) > 1 else "")
    images = sum(counts[day] for day in wrong)
    whose, others = "its others", [day for day in counts if day not in set(wrong)]
    if not others:
        whose, others = "those of other locations", usual - set(wrong)
    apart = min((abs(other - day) for other in others for day in wrong), default=timedelta(0))
    line = f"location {shown(location)}: {images:,} photos are dated {dates}"
    if apart > FAR:
        line += f", {apart / timedelta(days=365.25):.0f} years from {whose}"
    return line + "; is the camera's clock wrong?"

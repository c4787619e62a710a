"""Annotations -> a table of usable boxes, and a table of what was refused, with the reason each."""

import csv
import json
import math
import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stowaway.annotations.box_forms import FAR, FormCheck, overshoot
from stowaway.annotations.coco import Labels, Limits, annotations_database, read_coco, settle
from stowaway.annotations.detections import read_photos, take_boxes
from stowaway.annotations.events import assign_events
from stowaway.annotations.facts import image_facts, times_line, write_camera_days, write_people
from stowaway.annotations.times import TimeReader
from stowaway.core.files import replacing
from stowaway.core.names import UNNAMED, crop_name, name_key
from stowaway.core.script import BadInput, say

COLUMNS = (
    "crop_id image_id file_name key x y w h species label location datetime event group width "
    "height confidence"
).split()
REJECTED_COLUMNS = "annotation_id image_id file_name label reason".split()
ANNOTATIONS = """
SELECT a.id, a.image_id, i.number AS image, i.reason AS image_reason, i.file_name, i.key, a.label,
       a.reason, a.x, a.y, a.w, a.h, a.relative, a.confidence, i.location, i.datetime, i.event,
       COALESCE(i."group", i.event) AS "group", i.width, i.height,
       ROW_NUMBER() OVER image AS nth, COUNT(*) OVER (PARTITION BY a.image_id) AS boxes
FROM annotations a LEFT JOIN images i ON i.id = a.image_id
WINDOW image AS (PARTITION BY a.image_id ORDER BY a.number)
ORDER BY i.location, i.seconds, i.file_name, a.number
"""
REJECTED = """
SELECT * FROM rejected
UNION ALL SELECT NULL, id, file_name, NULL, COALESCE(reason, 'no annotation') FROM images
WHERE id IS NOT NULL AND (
    reason IS NOT NULL OR NOT EXISTS (SELECT 1 FROM annotations a WHERE a.image_id = images.id)
)
"""
COPIES = "SELECT COUNT(*) FROM rejected WHERE reason = 'box is listed twice'"
DROPPED, EMPTY = "label is dropped", "box is empty or outside the frame"
BELOW = "confidence is below images.confidence"
SLIGHT = 1  # pixels over the edge: up to what Animl rounds to


def index_annotations(
    coco: Path | list,
    detections: Path | list,
    photo_times: Path | list,
    annotations: Path,
    rejected: Path,
    camera_days: Path,
    index_facts: Path,
    people: Path,
    failures: str,
    images: dict,
    labels: dict,
    events: dict,
    limits: dict,
    config: dict,
) -> None:
    """Write all five tables. The cost is linear in the annotations; memory does not grow with them.

    The photos are those of `coco`; where there is none, those of `detections`, at the times of the
    table `photo_times`. `images` (key, box, location, confidence), `labels` (rename, drop,
    unnamed), `events` and `limits` are the config's. Raises `BadInput` for a broken file,
    for what it has to ask (the boxes' form, the order of dates), for one without a usable box, and
    where more than the config's share `max_rejected` of the annotations is refused; these are in
    the table `failures` then. Dropped labels and copies do not count.
    """
    source = "coco" if coco else "detections"
    times = TimeReader(events["datetime_format"], source)
    words, size, box = Labels(**labels), Limits(**limits), images["box"] if coco else None
    with annotations_database(annotations.with_name(".index.sqlite")) as db:
        found: Counter = Counter()
        notes: list[str] = []
        if coco:
            read_coco(db, coco, images["key"], size, times)
        else:
            settings = images["confidence"], images["location"], photo_times, times
            found, notes = read_photos(db, detections, size, *settings)
        settle(db, times, words)
        if coco and detections:
            found, notes = take_boxes(db, detections, size, images["confidence"], words)
        assign_events(db, events["gap"], events["by"] == "seq_id", words.is_kept)
        with (
            replacing(annotations) as usable,
            replacing(rejected) as refused,
            replacing(camera_days) as days,
            replacing(index_facts) as file,
            replacing(people) as photos,
        ):
            reject = csv.writer(refused).writerow
            reject(REJECTED_COLUMNS)
            checks = {0: FormCheck(box), 1: FormCheck("bbox_relative")}
            counts = _write_boxes(db, csv.writer(usable), reject, checks, words)
            for row in db.execute(REJECTED):
                reject(row)
            copies = db.execute(COPIES).fetchone()[0]
            facts = {"annotations": counts.annotations + copies, "dropped": counts.dropped}
            facts |= {"copies": copies, "usable": counts.usable}
            facts |= {"refused": dict(counts.refused.most_common()), **image_facts(db)}
            facts |= {"first_unread": times.first_unread, "notes": write_camera_days(db, days)}
            facts |= {"clipped": counts.clipped, "clipped_far": counts.clipped_far}
            facts |= {"unnamed": counts.unnamed, "people": write_people(db, photos)}
            facts |= {
                "below": found["below"],
                "person_detector": bool(detections),
                "detections": dict(found),
            }
            facts["notes"] += notes
            json.dump(facts, file, indent=1, ensure_ascii=False)
            for line in _lines(facts):
                say(line)
            for check in checks.values():
                check.raise_if_unlike_form()
            if box:
                counts.details[EMPTY] = f" (images.box is {box})"
            refused.flush()
            counts.below, table = found["below"], Path(refused.name)
            if config.get("models") and not counts.usable and not counts.refused:
                say("index: a batch without an animal: only its camera-days count")
            else:
                _check_losses(source, counts, config["max_rejected"], table, failures)
    Path(failures).unlink(missing_ok=True)


def _lines(facts: dict) -> list[str]:
    """The facts in words."""
    return [
        f"index: {facts['usable']:,} usable boxes of {facts['annotations']:,} annotations; "
        f"{facts['dropped']:,} of dropped labels, {facts['copies']:,} listed twice, "
        f"{sum(facts['refused'].values()):,} refused" + _in_words(facts["refused"], ": "),
        f"index: {facts['unnamed']:,} of the usable boxes are unnamed; {facts['people']:,} photos "
        f"show a person or vehicle; {facts['below']:,} detections are below images.confidence",
        f"index: {times_line(facts)}; {facts['clipped']:,} boxes clipped at the edge by over "
        f"{SLIGHT} px, {facts['clipped_far']:,} of them by over {FAR} px",
        *(f"index: {note}" for note in facts["notes"]),
    ]


def _in_words(reasons: dict[str, int], before: str = "", details: Mapping = {}) -> str:
    """The most frequent reasons, after `before` if there are any; `details` has one of each."""
    most = [f"{n:,} x {reason}" + details.get(reason, "") for reason, n in reasons.items()]
    return before * bool(most) + "; ".join(most[:5])


def _check_losses(
    source: str, counts: "_Counts", max_rejected: float, table: Path, failures: str
) -> None:
    """Raise `BadInput` where too much was refused, and keep the table as `failures`."""
    mend = "mend the COCO" if source == "coco" else "mend the file"
    refused = counts.refused.total()
    total = counts.usable + refused
    reasons = dict(counts.refused.most_common())
    if not counts.usable:
        reasons |= {DROPPED: counts.dropped} if counts.dropped else {}
        reasons |= {BELOW: counts.below} if counts.below else {}
        why = _in_words(reasons, "", counts.details) or "no annotation"
        line = f"{source}: no usable box; {why}"
        advice = mend + " or labels.drop" * bool(counts.dropped)
        advice += " or lower images.confidence" * bool(counts.below)
    elif refused > math.ceil(max_rejected * total):
        line = (
            f"{source}: {refused:,} of {total:,} annotations ({refused / total:.1%}) cannot be "
            f"used, over max_rejected = {max_rejected:.1%}: "
            + _in_words(reasons, "", counts.details)
        )
        advice = f"{mend}, or raise max_rejected"
    else:
        return
    shutil.copyfile(table, failures)
    raise BadInput(f"{line}; {failures} lists them: {advice}")


@dataclass
class _Counts:
    """What became of the annotations.

    `refused` counts those of each reason, of which `details` has what the first one says after it.
    """

    refused: Counter = field(default_factory=Counter)
    details: dict[str, str] = field(default_factory=dict)
    dropped: int = 0
    usable: int = 0
    unnamed: int = 0
    clipped: int = 0
    clipped_far: int = 0
    below: int = 0

    @property
    def annotations(self) -> int:
        return self.usable + self.dropped + self.refused.total()


def _write_boxes(
    db: sqlite3.Connection,
    table,
    reject,
    checks: dict[int, FormCheck],
    labels: Labels,
) -> _Counts:
    """Stream the usable boxes and the others out; `checks` are those of bbox and bbox_relative."""
    cursor = db.execute(ANNOTATIONS)
    names = [column[0] for column in cursor.description]
    table.writerow(COLUMNS)
    counts = _Counts()
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        row["species"] = labels.species(row["label"])
        box = box_or_reason(row, labels, checks[row["relative"] or 0])
        clipped = box if isinstance(box, str) else clip_box(*box, row["width"], row["height"])
        clipped = clipped or EMPTY
        if isinstance(clipped, str):
            reject([row["id"], row["image_id"], row["file_name"], row["label"], clipped])
            if clipped == DROPPED:
                counts.dropped += 1
            else:
                reason, colon, detail = clipped.partition(": ")
                counts.refused[reason] += 1
                counts.details.setdefault(reason, f" ({detail})" if colon else "")
            continue
        over = overshoot(*box, row["width"], row["height"])
        counts.usable += 1
        counts.unnamed += row["species"] == UNNAMED
        counts.clipped += over > SLIGHT
        counts.clipped_far += over > FAR
        row |= zip("xywh", clipped, strict=True)
        row["crop_id"] = free_crop_name(db, row)
        table.writerow([row[name] for name in COLUMNS])
    return counts


def box_or_reason(
    row: dict, labels: Labels, check: FormCheck
) -> tuple[float, float, float, float] | str:
    """The row's box in pixels (x, y, width, height), not yet clipped, or why it cannot be used."""
    if not labels.is_kept(row["label"]):
        return DROPPED
    if row["image"] is None:
        return "image is not listed"
    if reason := row["image_reason"] or row["reason"]:
        return reason
    if row["x"] is None:
        return "no box"
    return check.in_pixels(row)


def clip_box(
    x: float, y: float, w: float, h: float, width: int | None, height: int | None
) -> tuple[int, int, int, int] | None:
    """The box in whole pixels, grown to cover it and cut at the frame; None if it is empty.

    A missing `width` or `height` leaves that side to be clipped when the image is opened.
    """
    left, top = max(0, math.floor(x)), max(0, math.floor(y))
    right = min(math.ceil(x + w), width or math.inf)
    bottom = min(math.ceil(y + h), height or math.inf)
    if w <= 0 or h <= 0 or right <= left or bottom <= top:
        return None
    return left, top, right - left, bottom - top


def free_crop_name(db: sqlite3.Connection, row: dict) -> str:
    """The crop's name, unlike any other crop's, any other image's and any folder's."""
    name = crop_name(row["file_name"], row["nth"] if row["boxes"] > 1 else None)
    if name == row["file_name"]:
        return name
    taken = (
        "SELECT 1 FROM images WHERE name = ?1 AND number <> ?2"
        " UNION ALL SELECT 1 FROM folders WHERE name = ?1 LIMIT 1"
    )
    take = "INSERT OR IGNORE INTO crops VALUES (?)"
    while (
        db.execute(taken, (name_key(name), row["image"])).fetchone()
        or not db.execute(take, (name_key(name),)).rowcount
    ):
        stem, dot, suffix = name.rpartition(".")
        name = f"{stem}_{dot}{suffix}"
    return name

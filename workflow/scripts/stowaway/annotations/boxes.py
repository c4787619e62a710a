"""A COCO JSON -> a table of usable boxes, and a table of what was refused, with the reason each."""

import csv
import json
import math
import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stowaway.annotations.coco import Limits, coco_database
from stowaway.annotations.events import assign_events
from stowaway.annotations.facts import image_facts, times_line, write_camera_days
from stowaway.annotations.times import TimeReader
from stowaway.core.files import replacing
from stowaway.core.names import crop_name, name_key, shown
from stowaway.core.script import BadInput, say

COLUMNS = (
    "crop_id image_id file_name key x y w h species label location datetime event group width "
    "height"
).split()
REJECTED_COLUMNS = "annotation_id image_id file_name label reason".split()
ANNOTATIONS = """
SELECT a.id, a.image_id, i.number AS image, i.reason AS image_reason, i.file_name, i.key, a.label,
       a.reason, a.x, a.y, a.w, a.h, a.relative, i.location, i.datetime, i.event,
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
SLIGHT, FAR = 1, 5  # pixels over the edge: up to what Animl rounds to; what no rounding explains
NEARLY_ALL, MANY = 0.95, 0.05  # shares of the boxes
RELATIVE = ("relative", "bbox_relative")  # the forms that are shares of the photo
ENOUGH = 20  # boxes of which none reaches far into its photo by chance
ROUNDED = 0.01  # share of the photo by which rounding moves such a box's edge at most


def index_annotations(
    coco: Path,
    annotations: Path,
    rejected: Path,
    camera_days: Path,
    index_facts: Path,
    failures: str,
    key: str,
    box: str | None,
    rename: dict[str, str],
    drop: list[str],
    events: dict,
    limits: dict,
    config: dict,
) -> None:
    """Write all four tables. The cost is linear in the annotations; memory does not grow with them.

    `key` is the image field that names the object to download, `box` the form of the boxes;
    `rename`, `drop`, `events` and `limits` are the config's. Raises `BadInput` for a broken COCO,
    for what it has to ask (the boxes' form, the order of dates), for one without a usable box, and
    where more than the config's share `max_rejected` of the annotations is refused; these are in
    the table `failures` then. Dropped labels and copies do not count.
    """
    database, times = annotations.with_name(".index.sqlite"), TimeReader(events["datetime_format"])
    with coco_database(coco, database, key, Limits(**limits), times) as db:
        use_seq_id = events["by"] == "seq_id"
        assign_events(
            db, events["gap"], use_seq_id, lambda label: rename.get(label, label) not in drop
        )
        with (
            replacing(annotations) as usable,
            replacing(rejected) as refused,
            replacing(camera_days) as days,
            replacing(index_facts) as file,
        ):
            reject = csv.writer(refused).writerow
            reject(REJECTED_COLUMNS)
            checks = {0: FormCheck(box), 1: FormCheck("bbox_relative")}
            counts = _write_boxes(db, csv.writer(usable), reject, checks, rename, set(drop))
            for row in db.execute(REJECTED):
                reject(row)
            copies = db.execute(COPIES).fetchone()[0]
            facts = {"annotations": counts.annotations + copies, "dropped": counts.dropped}
            facts |= {"copies": copies, "usable": counts.usable}
            facts |= {"refused": dict(counts.refused.most_common()), **image_facts(db)}
            facts |= {"first_unread": times.first_unread, "notes": write_camera_days(db, days)}
            facts |= {"clipped": counts.clipped, "clipped_far": counts.clipped_far}
            json.dump(facts, file, indent=1, ensure_ascii=False)
            for line in _lines(facts):
                say(line)
            for check in checks.values():
                check.raise_if_unlike_form()
            if box:
                counts.details[EMPTY] = f" (images.box is {box})"
            refused.flush()
            _check_losses(counts, config["max_rejected"], Path(refused.name), failures)
    Path(failures).unlink(missing_ok=True)


def _lines(facts: dict) -> list[str]:
    """The facts in words."""
    return [
        f"index: {facts['usable']:,} usable boxes of {facts['annotations']:,} annotations; "
        f"{facts['dropped']:,} of dropped labels, {facts['copies']:,} listed twice, "
        f"{sum(facts['refused'].values()):,} refused" + _in_words(facts["refused"], ": "),
        f"index: {times_line(facts)}; {facts['clipped']:,} boxes clipped at the edge by over "
        f"{SLIGHT} px, {facts['clipped_far']:,} of them by over {FAR} px",
        *(f"index: {note}" for note in facts["notes"]),
    ]


def _in_words(reasons: dict[str, int], before: str = "", details: Mapping = {}) -> str:
    """The most frequent reasons, after `before` if there are any; `details` has one of each."""
    most = [f"{n:,} x {reason}" + details.get(reason, "") for reason, n in reasons.items()]
    return before * bool(most) + "; ".join(most[:5])


def _check_losses(counts: "_Counts", max_rejected: float, table: Path, failures: str) -> None:
    """Raise `BadInput` where too much was refused, and keep the table as `failures`."""
    refused = counts.refused.total()
    total = counts.usable + refused
    reasons = dict(counts.refused.most_common())
    if not counts.usable:
        reasons |= {DROPPED: counts.dropped} if counts.dropped else {}
        line = f"coco: no usable box; {_in_words(reasons, '', counts.details) or 'no annotation'}"
        advice = "mend the COCO" + " or labels.drop" * bool(counts.dropped)
    elif refused > math.ceil(max_rejected * total):
        line = (
            f"coco: {refused:,} of {total:,} annotations ({refused / total:.1%}) cannot be used, "
            f"over max_rejected = {max_rejected:.1%}: {_in_words(reasons, '', counts.details)}"
        )
        advice = "mend the COCO, or raise max_rejected"
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
    clipped: int = 0
    clipped_far: int = 0

    @property
    def annotations(self) -> int:
        return self.usable + self.dropped + self.refused.total()


def _write_boxes(
    db: sqlite3.Connection,
    table,
    reject,
    checks: dict[int, "FormCheck"],
    rename: dict,
    drop: set,
) -> _Counts:
    """Stream the usable boxes and the others out; `checks` are those of bbox and bbox_relative."""
    cursor = db.execute(ANNOTATIONS)
    names = [column[0] for column in cursor.description]
    table.writerow(COLUMNS)
    counts = _Counts()
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        row["species"] = rename.get(row["label"], row["label"])
        box = box_or_reason(row, drop, checks[row["relative"] or 0])
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
        counts.clipped += over > SLIGHT
        counts.clipped_far += over > FAR
        row |= zip("xywh", clipped, strict=True)
        row["crop_id"] = free_crop_name(db, row)
        table.writerow([row[name] for name in COLUMNS])
    return counts


def box_or_reason(
    row: dict, drop: set[str], check: "FormCheck"
) -> tuple[float, float, float, float] | str:
    """The row's box in pixels (x, y, width, height), not yet clipped, or why it cannot be used."""
    if row["species"] in drop:
        return DROPPED
    if row["image"] is None:
        return "image is not listed"
    if reason := row["image_reason"] or row["reason"]:
        return reason
    if row["x"] is None:
        return "no box"
    return check.in_pixels(row)


@dataclass
class Scale:
    """Whether boxes of large photos are per cent or per mille of these: how far they reach.

    All reach within 0..`limit`, and the farthest reach `near`, (the less, the more), in the two
    directions. Only photos with sides over `sides`, (the shorter, the longer), in pixels count.
    """

    name: str
    limit: int
    near: tuple[int, int]
    sides: tuple[int, int]
    boxes: int = 0
    right: float = 0
    bottom: float = 0
    example: str = ""

    def count(self, row: dict, right: float, bottom: float) -> None:
        """Count a box that reaches so far; infinitely far if it cannot be of the form in mind."""
        width, height = row["width"], row["height"]
        if min(width, height) > self.sides[0] and max(width, height) > self.sides[1]:
            self.boxes += 1
            self.right, self.bottom = max(self.right, right), max(self.bottom, bottom)
            self.example = self.example or f"{_example(row)} on a photo of {width} x {height}"

    def fits(self) -> bool:
        """Whether no honest pixels look like that."""
        less, more = sorted((self.right, self.bottom))
        near = less >= self.near[0] and more >= self.near[1] and more <= 1.01 * self.limit
        return near and self.boxes >= ENOUGH


def _scales() -> tuple[Scale, Scale]:
    return (
        Scale("per cent", 100, (25, 50), (200, 200)),
        Scale("per mille", 1000, (990, 990), (1000, 1200)),
    )


@dataclass
class FormCheck:
    """Whether boxes are of the `form` they are taken for: None, images.box or "bbox_relative".

    `shares` are boxes whose numbers all lie within 0..1; of the boxes of photos with a size (the
    `sized`), `beyond` leave the photo by over 5 px, and `corners` would fit it as x1, y1, x2, y2.
    Empty boxes, and those declared to be pixels, are not counted.
    """

    form: str | None
    boxes: int = 0
    shares: int = 0
    sized: int = 0
    beyond: int = 0
    corners: int = 0
    share_example: str = ""
    beyond_example: str = ""
    scales: tuple[Scale, ...] = field(default_factory=_scales)
    corner_scales: tuple[Scale, ...] = field(default_factory=_scales)

    def in_pixels(self, row: dict) -> tuple[float, float, float, float] | str:
        """Count the row's box; returns x, y, width, height in pixels, or why it has none."""
        x, y, w, h = box = tuple(row[side] for side in "xywh")
        width, height = row["width"], row["height"]
        if self.form in RELATIVE:
            if not (width and height):
                return "relative box, and the image's size is unknown"
            box = x * width, y * height, w * width, h * height
        elif self.form == "corners":
            box = x, y, w - x, h - y
        if self.form == "pixels" or w <= 0 or h <= 0:
            return box
        self.boxes += 1
        if all(-0.01 <= number <= 1.01 for number in (x, y, w, h)):
            self.shares += 1
            self.share_example = self.share_example or _example(row)
            if self.form not in RELATIVE:
                return "box lies within one pixel: are its numbers shares of the photo?"
        if width and height:
            self.sized += 1
            self.corners += x < w and y < h and overshoot(0, 0, w, h, width, height) <= FAR
            if self.form not in RELATIVE:
                for scale, of_corners in zip(self.scales, self.corner_scales, strict=True):
                    scale.count(row, box[0] + box[2], box[1] + box[3])
                    of_corners.count(row, w if x < w else math.inf, h if y < h else math.inf)
            # shares of two decimals leave a large photo by more than pixels do
            far = max(FAR, (self.form in RELATIVE) * ROUNDED * max(width, height))
            if overshoot(*box, width, height) > far:
                self.beyond += 1
                size = f" on a photo of {width} x {height}"
                self.beyond_example = self.beyond_example or _example(row) + size
        return box

    def raise_if_unlike_form(self) -> None:
        """Raise `BadInput` where the boxes look like another form.

        So it is where nearly all pixels are shares, where none reaches beyond 100 or 1,000 in large
        photos, and where many boxes leave their photos.
        """
        but = {None: "", "bbox_relative": "bbox_relative: "}.get(
            self.form, f"images.box is {self.form}, but "
        )
        if self.form not in RELATIVE and self.shares and self.shares >= NEARLY_ALL * self.boxes:
            ask = (
                "set images.box to relative if they are shares of the photo (x, y, width, height), "
                "or to pixels if they are not"
            )
            if self.form:
                ask = (
                    "corners as shares of the photo are not read: convert them to x, y, width, "
                    "height and set images.box to relative"
                )
            raise BadInput(
                f"coco: {but}{self.shares:,} of {self.boxes:,} boxes lie within 0..1, as "
                f"{self.share_example}: {ask}"
            )
        for scale in (*self.scales, *self.corner_scales):
            if scale.fits():
                convert = "convert them to x, y, width, height and " * bool(self.form)
                raise BadInput(
                    f"coco: {but}all {scale.boxes:,} boxes on photos over {scale.sides[1]:,} px lie"
                    f" within 0..{scale.limit:,}, as {scale.example}: if they are {scale.name} of "
                    f"the photo, convert them to shares (x, y, width, height) and set images.box to"
                    f" relative; if they are pixels, {convert}set it to pixels"
                )
        if self.beyond < 2 or self.beyond <= MANY * self.sized:
            return
        ask = "width and height may be of another copy of the photos: mend them, or "
        if self.form == "relative" and self.shares <= MANY * self.boxes:
            ask = "are they pixels? Then set images.box to pixels, or to corners (x1, y1, x2, y2)"
        elif self.form in RELATIVE:
            ask = (
                "are they corners, or centre, width, height? Neither is read as shares: convert "
                "them to shares x, y, width, height within the photo"
            )
        elif self.form:
            ask += "convert the boxes to x, y, width, height and set images.box to pixels"
        elif self.corners >= NEARLY_ALL * self.sized:
            ask = (
                "are they corners (x1, y1, x2, y2)? Then set images.box to corners, or to pixels to"
                " clip them"
            )
        else:
            ask += "set images.box to pixels to clip them"
        raise BadInput(
            f"coco: {but}{self.beyond:,} of {self.sized:,} boxes leave their photo by over {FAR} "
            f"px, as {self.beyond_example}; {ask}"
        )


def _example(row: dict) -> str:
    numbers = ", ".join(f"{row[side]:g}" for side in "xywh")
    return f"[{numbers}] of annotation {shown(row['id'])}"


def overshoot(
    x: float, y: float, w: float, h: float, width: int | None, height: int | None
) -> float:
    """By how many pixels the box leaves the frame, on the side where it is most."""
    return max(-x, -y, x + w - (width or math.inf), y + h - (height or math.inf))


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

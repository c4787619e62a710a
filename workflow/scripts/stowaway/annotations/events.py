"""Events: the frames of one visit, by `seq_id` or by location and a gap in time; and their groups.

Two events are told apart by what is known of both: the location, the sequence or the time. Where
that is missing, frames of one visit may lie in two events, which then share a group, so that no
visit lies in training and in test:

- Where a location has frames without a time, and frames that no sequence tells apart from them,
  all its events are one group. A time that is doubted, as by a camera's wrong clock, is as none.
- Where a location has frames with and without a sequence, events within the gap are one group.
- Where a frame has no location, though others have one, its event and all events within the gap
  are one group, and so are those of its sequence, and those without a time.
- Where a time has no offset, though those of its location have several, its event and all that it
  would be within the gap of by another of these offsets are one group. Where they have UTC alone,
  it is doubted: the others may be on the local clock.

A group goes by the name of one of its events; an event that is told apart from all is its group.
"""

import sqlite3
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import accumulate, groupby
from typing import NamedTuple

from stowaway.annotations.coco import UNKNOWN
from stowaway.annotations.facts import MIXED, camera_days, wrong_days
from stowaway.annotations.times import DAY
from stowaway.core.names import shown
from stowaway.core.script import BadInput

# A frame with nothing that is known of it may be of any visit. So may one of a sequence that no
# other frame tells the place or time of, where others lack their sequence.
REJECT_UNPLACED = """
UPDATE images SET reason = 'visit is unknown: no location, no time, no sequence of known photos'
WHERE reason IS NULL AND location IS NULL AND seconds IS NULL
AND EXISTS (SELECT 1 FROM images WHERE location IS NOT NULL AND reason IS NULL)
AND (seq_id IS NULL OR EXISTS (SELECT 1 FROM images WHERE seq_id IS NULL AND reason IS NULL)
    AND seq_id NOT IN (
        SELECT seq_id FROM images WHERE seq_id IS NOT NULL AND reason IS NULL
        AND (location IS NOT NULL OR seconds IS NOT NULL)
    )
)
"""
FRAMES = """
SELECT number, location, datetime, seconds, span, seq_id FROM images WHERE reason IS NULL
ORDER BY location, seconds, file_name
"""
# The most frequent offsets of each location with several; a frame of no location may have any.
OFFSETS = """
CREATE TEMP TABLE offsets AS SELECT location, "offset" FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY location ORDER BY images DESC) AS nth,
    COUNT(*) OVER (PARTITION BY location) AS offsets FROM (
        SELECT location, "offset", COUNT(*) AS images FROM images
        WHERE "offset" IS NOT NULL AND location IS NOT NULL GROUP BY location, "offset"
        UNION ALL SELECT NULL, "offset", COUNT(*) FROM images
        WHERE "offset" IS NOT NULL GROUP BY "offset"
    )
) WHERE offsets > 1 AND nth <= 4
"""
# Frames with a time that may be wrong.
DOUBTED = """
INSERT OR IGNORE INTO doubted
SELECT number FROM images WHERE location = ? AND substr(datetime, 1, 10) = ?
"""
DOUBT_MIXED = f"""
INSERT OR IGNORE INTO doubted
SELECT number FROM images WHERE "offset" IS NULL AND clock NOT NULL AND location IN ({MIXED})
"""
# Whether some frames have a time (location, sequence, offset) and others none.
PARTLY_KNOWN = """
SELECT MAX(seconds IS NULL) > MIN(seconds IS NULL) OR MAX(location IS NULL) > MIN(location IS NULL)
OR MAX(seq_id IS NULL) > MIN(seq_id IS NULL) OR EXISTS (SELECT 1 FROM offsets)
OR EXISTS (SELECT 1 FROM doubted)
FROM images WHERE reason IS NULL
"""
# Sequences, those of one photo, those named after it, and those of one photo that has another one
# of its location within the gap. A date without a time tells no gap.
SEQUENCES = f"""
SELECT COUNT(*), SUM(photos = 1), SUM(photos = 1 AND seq_id = id), SUM(photos = 1 AND near),
    MIN(id) FILTER (WHERE photos = 1 AND near)
FROM (
    SELECT id, location, seq_id, COUNT(*) OVER sequence AS photos,
        ROW_NUMBER() OVER (sequence ORDER BY number) AS nth,
        MIN(
            COALESCE(at - LAG(at) OVER place, 1e12), COALESCE(LEAD(at) OVER place - at, 1e12)
        ) <= ? AND location NOT NULL AS near
    FROM (SELECT *, IIF(span < {DAY}, seconds, NULL) AS at FROM images WHERE reason IS NULL)
    WINDOW sequence AS (PARTITION BY location, seq_id), place AS (PARTITION BY location ORDER BY at)
) WHERE seq_id NOT NULL AND nth = 1
"""
FEWEST, NEARLY_ALL, MANY = 20, 0.95, 0.2  # sequences; shares of them and of those of one photo
# Images with a box to crop: only these can lie in training or in test.
BOXED = """
CREATE TEMP VIEW boxed AS SELECT * FROM images WHERE reason IS NULL AND EXISTS (
    SELECT 1 FROM annotations a
    WHERE a.image_id = images.id AND a.x IS NOT NULL AND is_kept(a.label)
)
"""
EVENTS = """
SELECT event, location, seq_id, MIN(seconds) AS start, MAX(seconds + lasting(span)) AS until,
MAX(seconds IS NULL OR number IN doubted) AS untimed FROM boxed GROUP BY event
UNION ALL
SELECT i.event, i.location, i.seq_id, clock - o."offset", clock - o."offset" + lasting(span), 0
FROM boxed i JOIN offsets o ON o.location IS i.location
WHERE i."offset" IS NULL AND clock IS NOT NULL
ORDER BY location, start
"""


def assign_events(
    db: sqlite3.Connection, gap: float, use_seq_id: bool, is_kept: Callable[[str | None], bool]
) -> None:
    """Fill `images.event` and, where it is not the event, `images."group"`.

    `is_kept` says whether a label's boxes are cropped; photos without such a box link no events.
    Frames that may be of any visit are refused. Memory grows with the events of one location, and
    with those that are linked or have no location. Raises `BadInput` where each photo seems to be
    a sequence of its own.
    """
    if not use_seq_id:
        db.execute("UPDATE images SET seq_id = NULL WHERE seq_id IS NOT NULL")
    adopt_offsets(db)
    if use_seq_id:
        _check_sequences(db, gap)
    db.execute(OFFSETS)
    db.execute("CREATE TEMP TABLE doubted (number INTEGER PRIMARY KEY)")
    _doubt_clocks(db)
    db.execute(DOUBT_MIXED)
    db.execute(REJECT_UNPLACED)
    db.execute("CREATE TEMP TABLE numbered (number INTEGER PRIMARY KEY, event TEXT)")
    frames = db.execute(FRAMES)
    db.executemany("INSERT INTO numbered VALUES (?, ?)", number_events(frames, gap))
    db.execute("UPDATE images SET event = n.event FROM numbered n WHERE n.number = images.number")
    if db.execute(PARTLY_KNOWN).fetchone()[0]:
        db.create_function("lasting", 1, lambda span: lasting(span or 0, gap), deterministic=True)
        db.create_function("is_kept", 1, is_kept, deterministic=True)
        db.execute(BOXED)
        db.execute(f"CREATE TEMP TABLE events AS {EVENTS}")
        groups = link_events(lambda: map(Event._make, db.execute("SELECT * FROM events")), gap)
        db.execute('CREATE TEMP TABLE linked (event TEXT PRIMARY KEY, "group" TEXT) WITHOUT ROWID')
        db.executemany("INSERT INTO linked VALUES (?, ?)", groups)
        db.execute(
            'UPDATE images SET "group" = l."group" FROM linked l WHERE l.event = images.event'
        )


def _check_sequences(db: sqlite3.Connection, gap: float) -> None:
    """Raise `BadInput` where the sequences are photos, though many follow each other."""
    total, single, own, near, example = db.execute(SEQUENCES, [gap]).fetchone()
    alone = total >= FEWEST and single >= NEARLY_ALL * total
    if total and (alone or own == total) and near > MANY * single:
        raise BadInput(
            f"coco: {single:,} of {total:,} sequences (seq_id) are one photo, though {near:,} of "
            f"these are within events.gap of another at their location, as image {shown(example)}: "
            "set events.by to gap, or lower events.gap if they are other visits"
        )


def _doubt_clocks(db: sqlite3.Connection) -> None:
    """Doubt the times of days that look like a wrong clock, where the location has others."""
    days = camera_days(db)
    wrong, _ = wrong_days(days, date.today())
    partly = {place: dates for place, dates in wrong.items() if dates < days[place].keys()}
    if partly:
        db.execute("CREATE INDEX by_day ON images (location, substr(datetime, 1, 10))")
        doubted = ((place, str(day)) for place, dates in partly.items() for day in dates)
        db.executemany(DOUBTED, doubted)


def adopt_offsets(db: sqlite3.Connection) -> None:
    """Bring times without offset to UTC by the offset of the nearest clock time of the location.

    Where the location has no time with an offset, the most frequent one of all is taken: times of
    that location are only compared with each other, and with those of no location.
    """
    offsets = 'SELECT "offset" FROM images WHERE "offset" IS NOT NULL'
    most = db.execute(f'{offsets} GROUP BY "offset" ORDER BY COUNT(*) DESC LIMIT 1').fetchone()
    naive = 'SELECT number, location, clock FROM images WHERE "offset" IS NULL AND clock NOTNULL'
    if most is None or db.execute(naive).fetchone() is None:
        return
    db.execute('CREATE INDEX zoned ON images (location, clock) WHERE "offset" IS NOT NULL')
    near = f"{offsets} AND location IS :location AND clock".replace("SELECT", "SELECT clock,")
    before, after = f"{near} <= :clock ORDER BY clock DESC", f"{near} >= :clock ORDER BY clock"

    def adopted() -> Iterator[tuple[float, int]]:
        for number, location, clock in db.execute(naive):
            at = {"location": location, "clock": clock}
            found = [db.execute(f"{query} LIMIT 1", at).fetchone() for query in (before, after)]
            nearest = min(filter(None, found), key=lambda row: abs(row[0] - clock), default=most)
            yield clock - nearest[-1], number

    db.execute("CREATE TEMP TABLE adopted (seconds REAL, number INTEGER PRIMARY KEY)")
    db.executemany("INSERT INTO adopted VALUES (?, ?)", adopted())
    db.execute(
        "UPDATE images SET seconds = a.seconds FROM adopted a WHERE a.number = images.number"
    )


def lasting(span: int, gap: float) -> float:
    """How long after its time a photo may be from: at most `span` seconds, exclusive.

    A date without a time stands for its day, and does not reach the next one by the gap.
    """
    return max(0, span - 1 - (gap if span == DAY else 0))


def number_events(
    frames: Iterable[tuple[int, str | None, str | None, float | None, int | None, str | None]],
    gap: float,
) -> Iterator[tuple[int, str]]:
    """Yield (image, event) for frames sorted by location, then by time.

    Each frame is (image, location, datetime, seconds, span, seq_id). A frame's seq_id, where it has
    one, is its event, within its location: some cameras count from one. Else a new event starts at
    a new location and where the gap to the frames before is over `gap` seconds. Its name is that of
    the location and its first time, so that photos that come later change no other event. Frames of
    a location without a time cannot be told apart, so they are one event.
    """
    last_location: str | None = None
    until: float | None = None
    event = ""
    for image, location, moment, seconds, span, seq_id in frames:
        # without an @ of its own, which would make the names of two events one
        place = (location or UNKNOWN).replace("%", "%25").replace("@", "%40")
        if seq_id:
            yield image, f"{place}@{seq_id}"
            continue
        if seconds is None:
            yield image, f"{place}@{UNKNOWN}"
            continue
        if location != last_location or until is None or seconds - until > gap:
            event, until = f"{place}@{moment}", seconds
        last_location, until = location, max(until, seconds + lasting(span, gap))
        yield image, event


class Event(NamedTuple):
    """An event as far as it is known: None where no frame has a location, sequence or time."""

    name: str
    location: str | None
    seq_id: str | None
    start: float | None
    until: float | None
    untimed: int  # 1 where some frame has no time, or one that is doubted


class Links:
    """Which events are linked, directly or by others: a union-find over their names."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def link(self, one: str, other: str) -> None:
        """Note that two events cannot be told apart."""
        self.parent[self._root(one)] = self._root(other)

    def _root(self, name: str) -> str:
        while (parent := self.parent.setdefault(name, name)) != name:
            self.parent[name] = self.parent[parent]
            name = parent
        return name

    def groups(self) -> Iterator[tuple[str, str]]:
        """Yield (event, group) of all that are linked: the event without time, else the first."""
        members = defaultdict(list)
        for name in self.parent:
            members[self._root(name)].append(name)
        for names in members.values():
            group = min(names, key=lambda name: (not name.endswith(f"@{UNKNOWN}"), name))
            yield from ((name, group) for name in names)


def link_events(
    read_events: Callable[[], Iterator[Event]], gap: float
) -> Iterator[tuple[str, str]]:
    """Yield (event, group) of the events that cannot be told apart from another one.

    `read_events` starts an iterator of each `Event` by location and start, unknown ones first.
    """
    links, lost, others = Links(), [], False
    for location, events in groupby(read_events(), key=lambda event: event.location):
        events = list(events)
        _link_within(events, links, gap)
        if location is None:
            lost = events
        others = others or location is not None
    if lost and others:
        _link_lost(lost, (event for event in read_events() if event.location), links, gap)
    return links.groups()


def _link_within(events: list[Event], links: Links, gap: float) -> None:
    """Link the events of one location, sorted by start, that sequences do not tell apart."""
    if all(event.seq_id for event in events):
        return
    untimed = any(event.untimed for event in events)
    last, until = events[0], events[0].until
    for event in events[1:]:
        if untimed or event.start - until <= gap:
            links.link(last.name, event.name)
        if not untimed:
            last, until = event, max(until, event.until)


def _link_lost(lost: list[Event], located: Iterable[Event], links: Links, gap: float) -> None:
    """Link the events of no location with those of known ones that they may be part of."""
    sequences = {event.seq_id: event.name for event in lost if event.seq_id}
    everything = _Rivals(lost, gap)
    bare = _Rivals([event for event in lost if not event.seq_id], gap)
    for event in located:
        if event.seq_id in sequences:
            links.link(event.name, sequences[event.seq_id])
        # one sequence is told apart from another whatever their times
        (bare if event.seq_id else everything).link(event, links)
    everything.link_touched(links)
    bare.link_touched(links)


class _Rivals:
    """Events without a location, in blocks within the gap of each other.

    An event of a known location links all blocks that it touches. To stay linear it notes only
    the first and the last.
    """

    def __init__(self, events: list[Event], gap: float) -> None:
        self.events, self.gap, self.all_touched = events, gap, False
        self.blocks, self.starts, self.ends = [], [], []
        for event in events:
            if event.start is None:
                continue
            if self.ends and event.start - self.ends[-1] <= gap:
                self.blocks[-1].append(event)
                self.ends[-1] = max(self.ends[-1], event.until)
            else:
                self.blocks.append([event])
                self.starts.append(event.start)
                self.ends.append(event.until)
        self.touched: set[int] = set()
        self.steps = [0] * len(self.blocks)  # how many events begin less end to span this block on

    def link(self, event: Event, links: Links) -> None:
        """Link the event to the first block that it touches."""
        if event.untimed and self.events:  # it may be any of them
            links.link(event.name, self.events[0].name)
            self.all_touched = True
        if event.start is None:
            return
        first = bisect_left(self.ends, event.start - self.gap)
        last = bisect_right(self.starts, event.until + self.gap) - 1
        if first <= last:
            links.link(event.name, self.blocks[first][0].name)
            self.touched.add(first)
            self.steps[first] += 1
            self.steps[last] -= 1

    def link_touched(self, links: Links) -> None:
        """Link the events of each block that was touched, and the blocks that one event touched."""
        for block, spanning in enumerate(accumulate(self.steps)):
            if spanning:
                links.link(self.blocks[block][0].name, self.blocks[block + 1][0].name)
                self.touched |= {block, block + 1}
        blocks = [self.events] if self.all_touched else [self.blocks[n] for n in self.touched]
        for block in blocks:
            for event in block[1:]:
                links.link(block[0].name, event.name)

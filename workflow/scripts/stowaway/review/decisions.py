"""Decisions come back: reviewers' files are read, checked, brought to one verdict, and applied.

A verdict is of an event and a label: it is for the crops of that event with the label that the
decided crop has. What reviewers agree on is decisions.csv, where they differ is conflicts.csv.
"""

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from io import StringIO
from itertools import chain
from pathlib import Path

from stowaway.core.files import damaged, reading
from stowaway.core.names import UNNAMED, clean_label, clean_text, is_run_name, shown
from stowaway.core.script import BadInput
from stowaway.core.tables import read_sheet, rows, unguarded
from stowaway.data.exact_copies import COPIES
from stowaway.data.losses import DECIDED

NATIVE, NOVEL, NOT_ANIMAL, PERSON, UNSURE = "native novel not_animal person unsure".split()
VERDICTS = (NATIVE, NOVEL, NOT_ANIMAL, PERSON, UNSURE)
KEEP, SUPPRESS, UNDO = "keep", "suppress", "undo"  # the first two are of a suppressed group
GROUP = "repeat:"  # how the name of a suppressed group begins
WRITTEN = (
    "schema batch queue_sha256 event crop_id image_path box decision species note reviewer "
    "decided_at seconds_shown score p_value rank sampled"
).split()
MARKED = "yes"  # in the column find_more, which older files do not have
DECISIONS = (
    "batch event crop_id decision species label predicted reviewer decided_at seconds_shown score "
    "p_value rank sampled note find_more queue_sha256"
).split()
CONFLICTS = (
    "batch event crop_id reviewer decision species label decided_at note queue_sha256 reason"
).split()
CROPS = (
    "batch event crop_id crop_checksum decision species find_more label location image_path "
    "window_path photo_checksum"
).split()
OF_QUEUE = "predicted score p_value rank sampled".split()
PREFIXED = "crop_id image_id event group".split()
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
LONGEST = 2_000  # characters of a cell; the page takes 300 for a note
MOST_SECONDS = 1e8  # three years
ORIGINAL = "give the file as the page saved it, not as a spreadsheet did"
# What a Timelapse template may call a verdict, in lower case.
WORDS = {
    **dict.fromkeys(["native"], NATIVE),
    **dict.fromkeys(["novel", "new", "not native", "alien", "invasive"], NOVEL),
    **dict.fromkeys(["not animal", "not an animal", "no animal", "empty", "blank"], NOT_ANIMAL),
    **dict.fromkeys(["person", "people", "human", "vehicle"], PERSON),
    **dict.fromkeys(["unsure", "unknown", "can't tell", "cannot tell"], UNSURE),
}
Row = dict[str, str]
Own = dict[tuple[str, str], tuple[str, str]]  # decision and species of an event's label


class Refused(Exception):
    """Why a row or a file of decisions cannot be used, in a few words."""


# The files. ---------------------------------------------------------------------------------------


def read_files(
    files: list[Path], queues: "Queues", verdict_column: str | None
) -> tuple[list[Row], Counter]:
    """The rows of all files, checked, in the order in which they were decided; and counts of them.

    The order within a file is kept, whatever the clock did: rows of several files are merged by the
    latest time so far. A row that two files hold is read once; the counts say how many `rows` there
    are, how many of them are `copies`, and how many photos of a Timelapse CSV have no crop to
    decide on. Raises `BadInput`, a line that names the file and the row, where one is cut short, of
    another queue, changed by a spreadsheet, or no decision.
    """
    merged, counts, known = [], Counter(), set()
    for path in files:
        try:
            header, found = parse(path)
            if {"File", "RelativePath"} <= {*header}:
                found, without = from_timelapse(found, path, queues, verdict_column)
                counts["without"] += without
            else:
                found = [checked(row, n, queues) for n, row in enumerate(found, 1)]
        except Refused as why:
            raise BadInput(f"decisions: {path}: {why}") from None
        latest = 0.0
        for row in found:
            latest = max(latest, row.pop("moment"))
            key = json.dumps(row)
            counts["copies" if key in known else "rows"] += 1
            if key not in known:
                merged.append((latest, row))
            known.add(key)
    return [row for _, row in sorted(merged, key=lambda pair: pair[0])], counts


def parse(path: Path) -> tuple[list[str], list[Row]]:
    """The columns and rows of a CSV or JSON, every value as text.

    What loses nothing is read: other separators, UTF-16, a byte order mark, apostrophes before what
    looks like a formula.
    """
    try:
        content = path.read_bytes()
        wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except OSError as error:
        raise Refused(f"it cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise Refused(f"it is cut short, or not in UTF-8; {ORIGINAL}") from None
    if not text.strip():
        raise Refused("it is empty")
    is_json = text.lstrip()[0] in "[{"
    return (_parse_json if is_json else _parse_csv)(text)


def _parse_json(text: str) -> tuple[list[str], list[Row]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("it is cut short, or no JSON; give it as it was saved") from None
    found = value.get("decisions") if isinstance(value, dict) else value
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Refused("it has no list of decisions")
    for number, row in enumerate(found, 1):
        if bad := [key for key, of in row.items() if isinstance(of, dict | list | bool)]:
            raise Refused(f"row {number}: {shown(bad[0])} is neither a text nor a number")
        _need(row, f"row {number} has")
    return WRITTEN, [{k: "" if v is None else str(v) for k, v in row.items()} for row in found]


def _parse_csv(text: str) -> tuple[list[str], list[Row]]:
    if text[-1] not in "\r\n":
        raise Refused("its last line is cut short; give it as it was saved")
    first = text.lstrip().splitlines()[0]
    separator = max(",;\t", key=first.count)
    try:
        header, *lines = filter(any, csv.reader(StringIO(text), delimiter=separator, strict=True))
    except csv.Error as error:
        if "field larger" in str(error):
            raise Refused(f"it has a cell of over {LONGEST:,} characters; {ORIGINAL}") from None
        raise Refused(f"it is cut short, or no CSV; {ORIGINAL}") from None
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise Refused(f"it has a column {shown(twice[0])} twice; {ORIGINAL}")
    if not {"File", "RelativePath"} <= {*header}:
        _need(header, "it has")
    found = []
    for number, cells in enumerate(lines, 1):
        if len(cells) != len(header):
            raise Refused(
                f"row {number} has {len(cells)} of {len(header)} cells: it is cut short, or changed"
                f" by a spreadsheet; {ORIGINAL}"
            )
        found.append(dict(zip(header, map(unguarded, cells), strict=True)))
    return header, found


def _need(columns: Iterable[str], what: str) -> None:
    if missing := [name for name in WRITTEN if name not in columns]:
        raise Refused(f"{what} no column {missing[0]}; {ORIGINAL}")


def checked(row: Row, number: int, queues: "Queues") -> Row:
    """The row with WRITTEN and `moment`, in seconds; score, rank and the like are the queue's.

    Raises `Refused` that names the row where it is not one that the page of a known queue wrote.
    """
    try:
        row = {"find_more": ""} | row
        row = {name: row[name].strip() for name in (*WRITTEN, "find_more")}
        if long := [name for name in row if len(row[name]) > LONGEST]:
            raise Refused(f"its {long[0]} has over {LONGEST:,} characters; {ORIGINAL}")
        if row["find_more"] not in ("", MARKED):
            raise Refused(f"find_more is {shown(row['find_more'])}, not yes or blank; {ORIGINAL}")
        if row["schema"] not in ("1", "1.0"):
            raise Refused(f"its schema is {shown(row['schema'])}; this version reads 1")
        known = queues.event(row)
        decision = row["decision"]
        if decision not in (*VERDICTS, KEEP, SUPPRESS, UNDO):
            raise Refused(f"{shown(decision)} is no decision; known are {', '.join(VERDICTS)}")
        is_group = row["event"].startswith(GROUP)
        if decision != UNDO and is_group != (decision in (KEEP, SUPPRESS)):
            what = "a suppressed group" if is_group else "an event"
            raise Refused(f"{shown(decision)} is no decision on {what}")
        row["reviewer"] = clean_text(row["reviewer"])
        if not row["reviewer"]:
            raise Refused("it has no reviewer; enter your name on the page, and save again")
        seconds = row["seconds_shown"].replace(",", ".")
        is_number = re.fullmatch(r"(\d+(\.\d*)?(e[+-]?\d+)?)?", seconds, re.I)
        if not is_number or float(seconds or 0) > MOST_SECONDS:
            raise Refused(f"seconds_shown is {shown(seconds)}, no such number; {ORIGINAL}")
        moment = _moment(row["decided_at"])
    except Refused as why:
        raise Refused(f"row {number}: {why}") from None
    seconds = f"{float(seconds):.10g}" if seconds else ""
    return row | known | {"schema": "1", "seconds_shown": seconds, "moment": moment}


def _moment(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 time with an offset."""
    try:
        if MOMENT.fullmatch(text):
            return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        pass
    raise Refused(f"decided_at is {shown(text)}, no time with an offset; {ORIGINAL}")


@dataclass
class Queues:
    """The queues that pages were made of: results/<run>/queues/<sha256 of its bytes>.csv."""

    results: Path
    _read: dict[Path, dict[str, Row]] = field(default_factory=dict)
    _photos: dict[str, dict[str, Row]] = field(default_factory=dict)

    def event(self, row: Row) -> Row:
        """The columns OF_QUEUE and `label` of a decided row's event; blank for a group.

        Raises `Refused` where the run, the queue or the event is unknown, or where the row's crop
        is another one: a spreadsheet sorted or filled some of the columns.
        """
        batch, checksum, event = (row[name] for name in ("batch", "queue_sha256", "event"))
        if not is_run_name(batch) or not (self.results / batch).is_dir():
            raise Refused(
                f"it is of batch {shown(batch)}, and there is no {self.results}/"
                f"{clean_text(batch)[:60]}; bring that folder back, or take the file out of "
                "decisions"
            )
        if not re.fullmatch("[0-9a-f]{64}", checksum):
            raise Refused(f"queue_sha256 is {shown(checksum)}, no checksum; {ORIGINAL}")
        path = self.results / batch / "queues" / f"{checksum}.csv"
        if not path.is_file():
            raise Refused(
                f"it is of another queue of {batch} ({checksum[:12]}), which is not in "
                f"{path.parent}; decide on the page of this queue, or take the file out of "
                "decisions"
            )
        events = self.events(path)
        blank = dict.fromkeys([*OF_QUEUE, "label"], "")
        if event.startswith(GROUP):
            if row["crop_id"] not in self.crops(path):
                raise Refused(f"{shown(event)} is no group of that queue; {ORIGINAL}")
            return blank
        if event not in events:
            raise Refused(f"that queue has no event {shown(event)}; {ORIGINAL}")
        if events[event]["crop_id"] != row["crop_id"]:
            raise Refused(
                f"event {shown(event)} has crop {shown(events[event]['crop_id'])} in that queue, "
                f"not {shown(row['crop_id'])}; {ORIGINAL}"
            )
        return {name: events[event][name] for name in blank}

    def events(self, path: Path) -> dict[str, Row]:
        """The rows of a queue's copy by event, every value as text."""
        if path not in self._read:
            with reading(path), open(path, "rb") as file:
                content = file.read()
            if sha256(content).hexdigest() != path.stem:
                raise BadInput(damaged(path, "its bytes are not those that it is named after"))
            table = read_sheet(path).rename(columns={"species": "label"})
            with reading(path):
                table = table["event crop_id label".split() + OF_QUEUE]
                found = table.astype(object).where(table.notna(), "").to_dict("records")
            self._read[path] = {row["event"]: {k: str(v) for k, v in row.items()} for row in found}
        return self._read[path]

    def crops(self, path: Path) -> set[str]:
        """The crops that stand for events of the queue, suppressed ones too."""
        crops = {row["crop_id"] for row in self.events(path).values()}
        suppressed = path.parents[1] / "suppressed.csv"
        if suppressed.is_file():
            crops |= set(read_sheet(suppressed)["crop_id"])
        return crops

    def latest(self, batch: str, event: str) -> tuple[str, Row]:
        """The checksum and row of the newest queue of the run that has the event; else blank."""
        copies = (self.results / batch / "queues").glob("*.csv")
        for path in sorted(copies, key=lambda path: (path.stat().st_mtime, path), reverse=True):
            if row := self.events(path).get(event):
                return path.stem, row
        return "", {}

    def photos(self, batch: str) -> dict[str, Row]:
        """The first crop of each photo of a run, by file name."""
        if batch not in self._photos:
            found = self._photos[batch] = {}
            for row in rows(self.results / batch / "labels.csv"):
                found.setdefault(row["file_name"], row)
        return self._photos[batch]


def from_timelapse(
    lines: list[Row], path: Path, queues: Queues, column: str | None
) -> tuple[list[Row], int]:
    """Rows as of `checked` from a CSV that Timelapse exported; and photos without a crop.

    A row there is a photo, `RelativePath`/`File`, and its verdict is in the config's
    `review.verdict_column`, a word of WORDS, maybe with a name after a colon (`novel: rat`); blank
    ones say nothing. The run is the one whose photos they are, by their paths, and by `DateTime`
    where several runs have them. Each verdict on an event goes by the name of its first photo, as
    if photos were reviewers: where they differ, it is a conflict.
    """
    if not column:
        raise Refused("it is of Timelapse; name its column of verdicts as review.verdict_column")
    words = {}
    for number, line in enumerate(lines, 1):
        if column not in line:
            raise Refused(f"it has no column {shown(column)}, which review.verdict_column names")
        word, _, name = clean_label(line[column]).partition(":")
        word = word.strip().replace("_", " ").replace("’", "'")
        if word and word not in WORDS:
            known = ", ".join(WORDS)
            raise Refused(f"row {number}: {shown(line[column])} is no verdict; known are {known}")
        if word:
            folder = line["RelativePath"].replace("\\", "/").strip("/")
            photo = "/".join(filter(None, [folder, line["File"]]))
            words[number] = photo, WORDS[word], name.strip(), line.get("DateTime", "")
    if not words:
        return [], 0
    batch = _run_of(words.values(), queues)
    found, without, photos = {}, 0, queues.photos(batch)
    for number, (photo, decision, name, _) in words.items():
        if photo not in photos:
            if decision != NOT_ANIMAL:
                raise Refused(f"row {number}: {batch} has no animal on photo {shown(photo)}")
            without += 1
            continue
        event = photos[photo]["event"]
        checksum, of_queue = queues.latest(batch, event)
        row = dict.fromkeys([*WRITTEN, *OF_QUEUE, "label", "find_more"], "") | of_queue
        row |= {"schema": "1", "batch": batch, "queue_sha256": checksum, "event": event}
        row |= {"crop_id": row["crop_id"] or photos[photo]["crop_id"], "decision": decision}
        row |= {"species": name, "reviewer": f"{path.name}: {photo}", "moment": 0.0}
        found.setdefault((event, decision, name), row)
    return list(found.values()), without


def _run_of(words: Iterable[tuple[str, str, str, str]], queues: Queues) -> str:
    """The run that has most of these photos, at the times that are given, if several have them."""
    runs = {}
    for folder in sorted(queues.results.glob("*/queues")):
        if (folder.parent / "labels.csv").is_file():
            photos = queues.photos(folder.parent.name)
            here = [(photos[photo], time) for photo, _, _, time in words if photo in photos]
            same = sum(row["datetime"][:19] == time.replace(" ", "T")[:19] for row, time in here)
            runs[folder.parent.name] = len(here), same
    best = max(runs.values(), default=(0, 0))
    names = [name for name, count in runs.items() if count == best]
    if not best[0]:
        raise Refused("its photos are of no run that has a review page")
    if len(names) > 1:
        raise Refused(f"its photos may be of {' or '.join(names)}; keep one of these runs")
    return names[0]


# The verdicts. ------------------------------------------------------------------------------------


def standing(decided: list[Row]) -> tuple[dict[tuple[str, str], list[Row]], Counter]:
    """The row of each reviewer that holds, by (batch, event): the last one; and counts of the rest.

    An event's rows are in the order in which they were decided.
    `undo` takes back that reviewer's row before it for that event. The counts are of rows: `undone`
    with the undoing rows themselves, and `replaced` by a later row.
    """
    piles = defaultdict(lambda: defaultdict(list))  # by event, then reviewer: (place, row)
    counts = Counter()
    for place, row in enumerate(decided):
        pile = piles[row["batch"], row["event"]][row["reviewer"]]
        if row["decision"] != UNDO:
            pile.append((place, row))
            continue
        counts["undone"] += 1 + bool(pile)
        del pile[-1:]
    held = {}
    for event, of_reviewers in piles.items():
        if last := sorted(pile[-1] for pile in of_reviewers.values() if pile):
            held[event] = [row for _, row in last]
        counts["replaced"] += sum(max(len(pile) - 1, 0) for pile in of_reviewers.values())
    return held, counts


def agree(
    held: list[Row], natives: set[str], rename: dict[str, str]
) -> tuple[Row | None, list[Row]]:
    """The one row of DECISIONS that reviewers of an event agree on, or their rows as conflicts.

    They agree where the decision is the same, and the species as far as they name one. Reviewers
    are listed in one cell then. A native without a name is the `label` where that is native, else
    what it was `predicted` to be; a novel one is UNNAMED. Conflicts have a `reason`: a native that
    the config does not list, and a novel animal of a species that it lists as native, are some.
    What one of them marked, to find more like it, is marked.
    """
    named = []
    for row in held:
        name = clean_label(row["species"]) if row["decision"] in (NATIVE, NOVEL) else ""
        named.append(row | {"species": rename.get(name, name)})
    names, last = {row["species"] for row in named} - {""}, named[-1]
    decision, species, why = last["decision"], next(iter(names), ""), ""
    if len({row["decision"] for row in named}) > 1 or len(names) > 1:
        why = "reviewers differ"
    elif decision == NATIVE:
        guesses = [name for name in (last["label"], last["predicted"]) if name in natives]
        species = species or next(iter(guesses), "")
        if species not in natives:
            why = f"native, but {shown(species)} is not in species.native"
            why = why if species else "native, but of no species that is known: name it"
    elif decision == NOVEL:
        why = f"novel, but {shown(species)} is in species.native" * (species in natives)
        species = species or UNNAMED
    elif decision == UNSURE:
        species = UNNAMED
    if why:
        return None, [row | {"reason": why} for row in named]
    reviewers = "; ".join(row["reviewer"] for row in named)
    mark = max(row["find_more"] for row in named)
    return last | {"species": species, "reviewer": reviewers, "find_more": mark}, []


@dataclass
class Outcome:
    """What came of the files: rows of DECISIONS and CONFLICTS, the crops, and counts of rows.

    `joining` are rows of labels.csv with `group`, of crops of other runs that join this one;
    `crops` are rows of CROPS, all crops that were decided on.
    """

    decisions: list[Row] = field(default_factory=list)
    conflicts: list[Row] = field(default_factory=list)
    joining: list[Row] = field(default_factory=list)
    crops: list[Row] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)


def decide(
    files: list[Path],
    results: Path,
    run: str,
    natives: list[str],
    rename: dict[str, str],
    verdict_column: str | None = None,
) -> Outcome:
    """Read the files for the config of `run`, a folder of `results` as all batches are.

    Of an event of another run, the crops with the decided crop's label join; names of events and
    crops get the run's name and a slash before them. Raises `BadInput` as `read_files`, and where a
    table of a decided run is gone.
    """
    decided, counts = read_files(files, queues := Queues(results), verdict_column)
    held, more = standing(decided)
    out = Outcome(counts=counts + more)
    for batch in dict.fromkeys(batch for batch, _ in held):
        events = {event: of for (name, event), of in held.items() if name == batch}
        boxes = _Boxes.read(queues.results / batch, events, own=batch == run)
        for event, of_event in events.items():
            crop_id = of_event[-1]["crop_id"]
            is_group = event.startswith(GROUP)
            if not is_group and crop_id not in boxes.labels:
                why = f"its crop is no longer in {results / batch}"
                out.conflicts += [row | {"reason": why} for row in of_event]
                continue
            label = boxes.labels.get(crop_id, "")
            of_event = [row | {"label": label} for row in of_event]
            verdict, conflicts = agree(of_event, set(natives), rename)
            out.conflicts += conflicts
            if not verdict:
                continue
            out.decisions.append(verdict)
            same = [row for row in boxes.crops[event] if row["species"] == label]
            what = {name: verdict[name] for name in ("batch", "decision", "find_more")}
            out.crops += [row | what | {"species": verdict["species"]} for row in same]
            if batch != run and verdict["species"]:
                out.joining += [_joined(row, batch, verdict["species"]) for row in same]
    return out


@dataclass
class _Boxes:
    """The label of each box of decided events by crop_id, and the rows of their crops by event."""

    labels: dict[str, str]
    crops: dict[str, list[Row]]

    @classmethod
    def read(cls, folder: Path, events: Iterable[str], own: bool) -> "_Boxes":
        """Of a run's folder. Labels are those before any decision, as the index has them.

        The crops of the own run come from the shards' tables, since its labels.csv is made of the
        decisions; those of another from its labels.csv.
        """
        labels, groups, crops = {}, {}, defaultdict(list)
        tables = [folder / "labels.csv"]
        if own:
            tables = sorted((folder / "crop_tables").glob("*.csv"))
            tables = [table for table in tables if not table.match("*.rejected.csv")]
        for table in (folder / "annotations.csv", *tables):
            if not table.is_file():
                raise BadInput(
                    f"decisions: there is no {table} any more, and decisions are on it; run "
                    f"{folder.name} again, or take its files out of decisions"
                )
        for row in rows(folder / "annotations.csv"):
            if row["event"] in events:
                labels[row["crop_id"]], groups[row["crop_id"]] = row["species"], row["group"]
        for row in chain.from_iterable(map(rows, tables)):
            if not own and "window_path" not in row:
                raise BadInput(
                    f"decisions: {tables[0]} has no column window_path: an older version made it; "
                    f"run {folder.name} again, or take its files out of decisions"
                )
            if row["event"] in events and row["crop_id"] in labels:
                same = {"species": labels[row["crop_id"]], "group": groups[row["crop_id"]]}
                crops[row["event"]].append(row | same)
        return cls(labels, crops)


def _joined(row: Row, batch: str, species: str) -> Row:
    named = {name: f"{batch}/{row[name]}" for name in PREFIXED}
    return row | named | {"species_label": species}


# What becomes of them. ----------------------------------------------------------------------------


def own_verdicts(decisions: Path | list, run: str) -> Own:
    """The decision and species of each decided (event, label) of the run itself."""
    found = _verdicts(decisions)
    return {
        (row["event"], row["label"]): (row["decision"], row["species"])
        for row in found
        if row["batch"] == run and row["decision"] in VERDICTS
    }


def with_verdicts(boxes: Iterable[Row], own: Own) -> Iterator[Row]:
    """Rows of boxes, with the species that was decided on; without those that leave."""
    for row in boxes:
        decision, species = own.get((row["event"], row["species"]), ("", row["species"]))
        if decision not in DECIDED:
            row["species"] = species
            yield row


def leaving(boxes: Iterable[Row], own: Own) -> Iterator[Row]:
    """The rows of boxes that leave, each with its `reason`."""
    if any(decision in DECIDED for decision, _ in own.values()):
        for row in boxes:
            decision, _ = own.get((row["event"], row["species"]), ("", ""))
            if decision in DECIDED:
                yield row | {"reason": DECIDED[decision]}


def decided_boxes(
    annotations: Path, decisions: Path | list, reviewed: Path | list, run: str
) -> Iterator[Row]:
    """The boxes of a run as reviewers leave them, then those of other runs that join it."""
    own = own_verdicts(decisions, run)
    joining = rows(reviewed) if reviewed else ()
    return chain(
        with_verdicts(rows(annotations), own),
        (row | {"species": row["species_label"]} for row in joining),
    )


class Joining:
    """The crops of other runs that join a run, without exact copies of what is there already.

    `see` is called with each row of the run's own labels. `rows` then has the others, each with why
    it is left out, or None: a copy of a photo or of a crop of this run, or of another of these.
    """

    def __init__(self, reviewed: Path | list) -> None:
        self.table = [dict(row) for row in rows(reviewed)] if reviewed else []
        names = ("photo_checksum", "crop_checksum")
        self.known = {row[name]: "" for row in self.table for name in names}

    def see(self, row: Row) -> None:
        """Note a row of the run's labels."""
        for name, of in (("photo_checksum", "image_id"), ("crop_checksum", "crop_id")):
            if row[name] in self.known:
                self.known[row[name]] = row[of]

    def rows(self) -> Iterator[tuple[Row, str | None]]:
        """Yield each row, and the reason why it is left out, or None."""
        for row in self.table:
            image, crop = self.known[row["photo_checksum"]], self.known[row["crop_checksum"]]
            if image not in ("", row["image_id"]):
                yield row, f"{COPIES[0]}: {image}"
            elif crop:
                yield row, f"{COPIES[1]}: {crop}"
            else:
                self.see(row)
                yield row, None


def decided_events(decisions: Path | list, run: str) -> set[str]:
    """The events of the queue of `run` that were decided, by the names that they have there."""
    return {
        row["event"] if row["batch"] == run else f"{row['batch']}/{row['event']}"
        for row in _verdicts(decisions)
        if row["decision"] in VERDICTS
    }


def crops_of_groups(decisions: Path | list, run: str, decision: str) -> set[str]:
    """The crops that stood for suppressed groups of `run` that were decided so: KEEP or SUPPRESS.

    A group is known by such a crop. Numbers of groups may change from one queue to the next.
    """
    return {
        row["crop_id"]
        for row in _verdicts(decisions)
        if row["batch"] == run and row["decision"] == decision
    }


def decided_checksums(decided_crops: Path | list) -> list[str]:
    """The checksums of all crops that reviewers decided on, each once."""
    found = rows(decided_crops) if decided_crops else ()
    return sorted({row["crop_checksum"] for row in found})


def _verdicts(decisions: Path | list) -> list[Row]:
    return read_sheet(decisions).to_dict("records") if decisions else []

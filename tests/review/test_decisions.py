"""Decisions come back: what is read, what is refused, and what becomes of each event."""

import json
from collections import Counter
from hashlib import sha256
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from conftest import write_csv
from read_decisions import read_decisions
from split_annotations import split_annotations
from stowaway.annotations.boxes import COLUMNS
from stowaway.core.files import files_in
from stowaway.core.script import BadInput
from stowaway.core.tables import read_sheet, read_table, rows, write_sheet
from stowaway.data.splits import LABELS, assign_roles, check_sides, count_boxes
from stowaway.review.decisions import (
    VERDICTS,
    WRITTEN,
    crops_of_groups,
    decided_boxes,
    decided_checksums,
    decided_events,
)

WEEK, NATIVES = "2026-w47", ["fox", "skunk"]
NEXT = iter(range(10**6))


def checksum(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


class Results:
    """Runs as the workflow leaves them, and rows as their review pages write them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder / "results", folder / "files"
        self.files.mkdir(parents=True)
        self.boxes: dict[str, list[dict]] = {}
        self.queues: dict[str, str] = {}

    def run(self, name: str, *crops: tuple[str, str, str], **more) -> None:
        """A run of crops (event, crop_id, label), and its queue of the first crop of each event."""
        folder, self.boxes[name] = self.folder / name, []
        for event, crop_id, label in crops:
            box = dict.fromkeys(LABELS, "1") | {"event": event, "crop_id": crop_id, "label": label}
            box |= {"species": label, "species_label": label, "group": event, "location": "cam7"}
            box |= {"image_id": crop_id, "file_name": f"cam7/{crop_id}", "clipped": 0}
            box |= {"datetime": "2026-11-16T10:00:00", "image_path": f"crops/{crop_id}"}
            box |= {"window_path": f"windows/{crop_id}"}
            box |= {"photo_checksum": checksum("p" + crop_id)}
            self.boxes[name].append(box | {"crop_checksum": checksum(name + crop_id)} | more)
        write_csv(folder / "annotations.csv", COLUMNS, self.boxes[name])
        write_csv(folder / "labels.csv", LABELS, self.boxes[name])
        table = ["species", *LABELS]
        write_csv(folder / "crop_tables/1-of-1.csv", table, self.boxes[name])
        write_csv(folder / "crop_tables/1-of-1.rejected.csv", ["crop_id"], [])
        queue = pd.DataFrame(self.boxes[name])[["event", "crop_id", "species"]]
        queue = queue.drop_duplicates("event").assign(rank=range(1, queue["event"].nunique() + 1))
        queue["predicted"], queue["sampled"] = "skunk", "alarm"
        self.queues[name] = self.queue(name, queue.assign(score=1.5, p_value=0.05, alarm="yes"))

    def queue(self, name: str, table: pd.DataFrame) -> str:
        """Keep a queue's copy, and return its checksum."""
        folder = self.folder / name / "queues"
        folder.mkdir(exist_ok=True)
        write_sheet(table, folder / "new.csv")
        name = sha256((folder / "new.csv").read_bytes()).hexdigest()
        (folder / "new.csv").rename(folder / f"{name}.csv")
        return name

    def row(self, event: str, decision: str, species: str = "", who: str = "ann", **more) -> dict:
        """A row as the page writes it, a second later than the one before."""
        batch = more.get("batch", WEEK)
        crops = (box["crop_id"] for box in self.boxes.get(batch, []) if box["event"] == event)
        second = next(NEXT)
        at = f"2026-11-16T12:{second // 60 % 60:02}:{second % 60:02}.5-08:00"
        row = {"schema": 1, "batch": batch, "queue_sha256": self.queues.get(batch, "a" * 64)}
        row |= {"event": event, "crop_id": next(crops, ""), "image_path": "x.jpg", "box": "1 2 3 4"}
        row |= {"decision": decision, "species": species, "note": "", "reviewer": who}
        row |= {"decided_at": at, "seconds_shown": 2.5, "score": 1.5, "p_value": 0.05, "rank": 1}
        return row | {"sampled": "alarm"} | more

    def save(self, *lines: dict, name: str = "a.csv") -> Path:
        path = self.files / name
        if path.suffix == ".json":
            path.write_text(json.dumps(lines))
        else:
            marked = any("find_more" in line for line in lines)
            write_csv(path, [*WRITTEN, *["find_more"] * marked], list(lines))
        return path

    def read(self, *files: Path, run: str = "site", column: str | None = None) -> SimpleNamespace:
        """The tables of `read_decisions`, and their paths as `of`."""
        folder = self.folder / run
        folder.mkdir(exist_ok=True)
        names = "decisions conflicts reviewed decided_crops".split()
        paths = {name: folder / f"{name}.csv" for name in names}
        rename = {"ratt": "rat"}
        read_decisions(list(files), **paths, native=NATIVES, rename=rename, verdict_column=column)
        tables = {name: read_sheet(path) for name, path in paths.items()}
        return SimpleNamespace(of=paths, **tables)

    def refused(self, *files: Path, **more) -> str:
        with pytest.raises(BadInput) as error:
            self.read(*files, **more)
        assert "\n" not in str(error.value)
        assert not (self.folder / "site/decisions.csv").exists()
        return str(error.value)


@pytest.fixture
def results(tmp_path):
    """A week of four events: e1 has two unnamed crops and a fox, e2 and e3 one crop each."""
    made = Results(tmp_path)
    week = ("e1", "1a.jpg", "unnamed"), ("e1", "1b.jpg", "unnamed"), ("e1", "1c.jpg", "fox")
    made.run(
        WEEK, *week, ("e2", "2.jpg", "unnamed"), ("e3", "3.jpg", "mouse"), ("0012", "4", "fox")
    )
    return made


def by_event(table: pd.DataFrame, column: str = "decision") -> dict:
    return table.set_index("event")[column].to_dict()


# What holds. --------------------------------------------------------------------------------------


def test_the_last_row_of_a_reviewer_holds_and_an_undo_takes_back_the_one_before(results):
    row = results.row
    first = results.save(row("e1", "novel", "Ratt"), row("e2", "native"), row("e2", "undo"))
    more = row("e3", "native"), row("e3", "unsure"), row("e3", "undo"), row("e1", "undo")
    second = results.save(*more, row("e1", "undo"), row("e1", "novel", "ratt"), name="b.csv")
    found = results.read(first, second)
    assert by_event(found.decisions) == {"e1": "novel", "e3": "native"}
    assert by_event(found.decisions, "species") == {"e1": "rat", "e3": "skunk"}  # predicted
    assert by_event(found.decisions, "label") == {"e1": "unnamed", "e3": "mouse"}
    assert found.decisions.loc[0, ["score", "p_value", "rank", "sampled"]].tolist() == [
        1.5,
        0.05,
        1,
        "alarm",
    ]
    assert found.conflicts.empty


def test_a_reviewers_file_that_was_saved_twice_counts_once(results):
    """The later file holds the rows of the earlier one, of which one is undone."""
    lines = [
        results.row("e1", "native"),
        results.row("e1", "novel", "rat"),
        results.row("e1", "undo"),
    ]
    files = results.save(*lines[:2]), results.save(*lines, name="b.json")
    assert by_event(results.read(*files).decisions) == {"e1": "native"}


def test_the_order_within_a_file_holds_whatever_the_clock_did(results):
    late = results.row("e1", "novel", "rat", decided_at="2026-11-20T09:00:00+01:00")
    early = results.row("e1", "native", decided_at="2026-11-20T07:59:00Z")
    assert by_event(results.read(results.save(late, early)).decisions) == {"e1": "native"}


def test_reviewers_who_differ_are_in_conflict_and_equal_ones_are_one_row(results):
    row = results.row
    file = results.save(
        row("e1", "native", "fox"),
        row("e1", "novel", "rat", who="bob"),
        row("e2", "novel", "rat"),
        row("e2", "novel", who="bob", note="=tail"),  # who names nothing contradicts nothing
        row("e3", "novel", "rat"),
        row("e3", "novel", "cat", who="bob"),
    )
    found = results.read(file)
    assert by_event(found.decisions, "reviewer") == {"e2": "ann; bob"}
    assert by_event(found.decisions, "species") == {"e2": "rat"}
    assert by_event(found.decisions, "note") == {"e2": "=tail"}
    assert found.conflicts[["event", "reviewer", "species", "reason"]].to_numpy().tolist() == [
        ["e1", "ann", "fox", "reviewers differ"],
        ["e1", "bob", "rat", "reviewers differ"],
        ["e3", "ann", "rat", "reviewers differ"],
        ["e3", "bob", "cat", "reviewers differ"],
    ]
    assert set(found.reviewed["event"]) == {f"{WEEK}/e2"}


def test_species_that_contradict_the_config_are_conflicts(results):
    row = results.row
    file = results.save(row("e1", "novel", "Fox"), row("e2", "native", "rat"), row("e3", "unsure"))
    found = results.read(file)
    assert by_event(found.conflicts, "reason") == {
        "e1": "novel, but 'fox' is in species.native",
        "e2": "native, but 'rat' is not in species.native",
    }
    assert by_event(found.decisions, "species") == {"e3": "unnamed"}


def test_a_mark_to_find_more_is_carried_and_a_file_without_it_is_as_before(results):
    marked = results.row("e1", "novel", "ratt", find_more="yes"), results.row("e2", "unsure")
    marked[1]["find_more"] = ""
    second = results.row("e1", "novel", who="ben", find_more="")
    old = results.row("e3", "novel", "rat")
    files = [results.save(*marked), results.save(second, name="b.json")]
    out = results.read(*files, results.save(old, name="old.csv"))
    assert by_event(out.decisions, "find_more") == {"e1": "yes", "e2": "", "e3": ""}
    crops = out.decided_crops.set_index("crop_id").loc[["1a.jpg", "1b.jpg", "2.jpg", "3.jpg"]]
    assert len(crops) == len(out.decided_crops)
    assert crops["find_more"].tolist() == ["yes", "yes", "", ""]
    assert crops["species"].tolist() == ["rat", "rat", "unnamed", "rat"]
    row = crops.loc["1a.jpg"]
    kept = {"label": "unnamed", "location": "cam7", "image_path": "crops/1a.jpg"}
    kept |= {"window_path": "windows/1a.jpg"}
    assert row[list(kept)].to_dict() == kept
    assert row["photo_checksum"] == checksum("p1a.jpg")
    assert row["crop_checksum"] == checksum(WEEK + "1a.jpg")


def test_a_mark_is_yes_or_blank(results):
    line = results.refused(results.save(results.row("e1", "novel", find_more="TRUE")))
    assert "a.csv: row 1: find_more is 'TRUE', not yes or blank" in line


def test_no_row_is_lost(results):
    """Each is a decision, in a conflict, replaced by a later one, or taken back with its undo."""
    rng = np.random.default_rng(3)
    kinds, events = [*VERDICTS, "undo"], ["e1", "e2", "e3", "0012"]
    lines = [
        results.row(rng.choice(events), rng.choice(kinds), who=rng.choice(["ann", "bob", "eve"]))
        for _ in range(200)
    ]
    expected: dict = {}
    for line in lines:
        pile = expected.setdefault(line["event"], {}).setdefault(line["reviewer"], [])
        pile.append(line["decision"]) if line["decision"] != "undo" else pile[-1:] and pile.pop()
    last = {e: [p[-1] for p in of.values() if p] for e, of in expected.items()}
    found = results.read(results.save(*lines))
    agreed = {event for event, of in last.items() if len(set(of)) == 1}
    assert set(found.decisions["event"]) == agreed
    assert Counter(found.conflicts["event"]) == {
        event: len(of) for event, of in last.items() if of and event not in agreed
    }


def test_groups_that_are_suppressed_are_kept_by_the_crop_that_stands_for_them(results):
    row = results.row
    keep = row("repeat:cam7:1", "keep", crop_id="2.jpg", rank="", p_value="")
    again = row("repeat:cam7:2", "suppress", crop_id="3.jpg")
    found = results.read(results.save(keep, again, row("e1", "native")), run=WEEK)
    assert by_event(found.decisions)["repeat:cam7:1"] == "keep"
    assert crops_of_groups(found.of["decisions"], WEEK, "keep") == {"2.jpg"}
    assert crops_of_groups(found.of["decisions"], WEEK, "suppress") == {"3.jpg"}
    assert crops_of_groups(found.of["decisions"], "site", "keep") == set()
    assert decided_events(found.of["decisions"], WEEK) == {"e1"}
    assert decided_events(found.of["decisions"], "site") == {f"{WEEK}/e1"}
    line = results.refused(results.save(row("repeat:cam7:1", "native", crop_id="2.jpg")))
    assert "a.csv: row 1: 'native' is no decision on a suppressed group" in line


# What is read though a spreadsheet changed it, and what is refused. ------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ";").replace(";2.5;", ";2,5;").encode(),
        lambda text: text.replace(",", "\t").encode("utf-16"),
        lambda text: ("\ufeff" + text).encode(),
        lambda text: text.replace("\r\n", "\n").encode(),
        lambda text: (text + ",,,,,,,,,,,,,,,,\r\n").encode(),
    ],
    ids=["semicolons", "utf-16", "bom", "newlines", "blank-row"],
)
def test_what_loses_nothing_is_read(results, change):
    file = results.save(results.row("e1", "novel", "rat", note="'=1+1"))
    file.write_bytes(change(file.read_text()))
    found = results.read(file).decisions
    assert found[["event", "species", "note"]].to_numpy().tolist() == [["e1", "rat", "=1+1"]]
    assert found["seconds_shown"].tolist() == [2.5]


CHANGES = {
    "half": (lambda t: t[: len(t) // 2], "a.csv: its last line is cut short"),
    "last-line": (lambda t: t[:-4], "a.csv: its last line is cut short"),
    "cells": (lambda t: t.replace("x.jpg,", ""), "a.csv: row 1 has 16 of 17 cells"),
    "empty": (lambda t: "", "a.csv: it is empty"),
    "lost-column": (lambda t: t.replace("decided_at", "when"), "it has no column decided_at"),
    "scientific": (
        lambda t: t.replace(",0012,", ",1.2E+01,"),
        "row 2: that queue has no event '1.",
    ),
    "zeros": (lambda t: t.replace(",0012,", ",12,"), "row 2: that queue has no event '12'"),
    "shifted": (lambda t: t.replace(",0012,", ",e1,"), "row 2: event 'e1' has crop '1a.jpg'"),
    "date": (lambda t: t.replace("2026-11-16T1", "03/01/2024 1"), "row 1: decided_at is '03/01/20"),
    "decision": (
        lambda t: t.replace("unsure", "maybe"),
        "row 2: 'maybe' is no decision; known are",
    ),
    "schema": (lambda t: t.replace("\n1,", "\n2,"), "row 1: its schema is '2'; this version reads"),
    "nobody": (lambda t: t.replace("ann", " "), "row 1: it has no reviewer"),
    "seconds": (
        lambda t: t.replace(",2.5,", ",03. May,"),
        "row 1: seconds_shown is '03. May', no such numbe",
    ),
    "endless": (
        lambda t: t.replace(",2.5,", ",1e999,"),
        "row 1: seconds_shown is '1e999', no such num",
    ),
    "column": (
        lambda t: "".join(f"{line},decision\r\n" for line in t.splitlines()),
        "a.csv: it has a column 'decision' twice",
    ),
    "long": (
        lambda t: t.replace("rat", "r" * 2001),
        "row 1: its species has over 2,000 characters",
    ),
    "longest": (
        lambda t: t.replace("rat", "r" * 10**6),
        "a.csv: it has a cell of over 2,000 charac",
    ),
    "quote": (lambda t: t.replace("e1", '"e1'), "a.csv: it is cut short, or no CSV"),
    "checksum": (
        lambda t: t.replace("{sha}", "1.2E+63"),
        "row 1: queue_sha256 is '1.2E+63', no che",
    ),
    "queue": (
        lambda t: t.replace("{sha}", "b" * 64),
        "row 1: it is of another queue of 2026-w47 (b",
    ),
    "batch": (lambda t: t.replace(WEEK, "2025-w01"), "there is no {results}/2025-w01; bring that"),
    "outside": (lambda t: t.replace(WEEK, "../site"), "it is of batch '../site', and there is no"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_loses_identity_is_refused_by_file_and_row(results, name):
    change, line = CHANGES[name]
    at = "2026-11-16T12:00:00Z"
    lines = results.row("e1", "novel", "rat", decided_at=at), results.row("0012", "unsure")
    file, sha = results.save(*lines), results.queues[WEEK]
    file.write_text(change(file.read_text().replace(sha, "{sha}")).replace("{sha}", sha))
    assert line.format(results=results.folder) in results.refused(file)


@pytest.mark.parametrize(
    "text, line",
    [
        ('[{"schema": 1, "batch"', "it is cut short, or no JSON"),
        ('{"rows": []}', "it has no list of decisions"),
        ('[{"schema": 1}]', "row 1 has no column batch"),
        ('[{"schema": [1]}]', "row 1: 'schema' is neither a text nor a number"),
        ("[" * 100_000, "it is cut short, or no JSON"),
        ("\x80\x81", "it is cut short, or not in UTF-8"),
    ],
)
def test_broken_json_is_refused(results, text, line):
    file = results.files / "a.json"
    file.write_bytes(text.encode("latin-1"))
    assert f"{file}: {line}" in results.refused(file)


def test_a_queues_copy_that_was_changed_is_damaged(results):
    file = results.save(results.row("e1", "native"))
    copy = results.folder / WEEK / "queues" / f"{results.queues[WEEK]}.csv"
    copy.write_text(copy.read_text().replace("e1", "e9"))
    assert "its bytes are not those" in results.refused(file)


def test_a_batch_whose_tables_are_gone_is_named(results):
    file = results.save(results.row("e1", "native"))
    (results.folder / WEEK / "labels.csv").unlink()
    line = results.refused(file)
    assert f"there is no {results.folder}/{WEEK}/labels.csv any more" in line


def test_a_folder_stands_for_its_files_and_a_missing_one_is_refused(tmp_path):
    for name in ("b.csv", "a.JSON", ".~lock.b.csv", "notes.txt"):
        (tmp_path / name).touch()
    listed = [str(tmp_path), str(tmp_path / "b.csv")]
    found = files_in(listed, (".csv", ".json"), "decisions")
    assert [Path(name).name for name in found] == ["a.JSON", "b.csv"]
    with pytest.raises(
        BadInput, match=r"decisions: there is no file or folder .*gone; take it out"
    ):
        files_in([str(tmp_path / "gone")], (".csv",), "decisions")
    (tmp_path / "{a}.csv").touch()
    with pytest.raises(BadInput, match=r"decisions: .*{a}.csv has a { or } in its name; rename it"):
        files_in([str(tmp_path)], (".csv",), "decisions")


# Timelapse. ---------------------------------------------------------------------------------------


def timelapse(results: Results, *lines: tuple[str, str], name: str = "t.csv") -> Path:
    columns = "File RelativePath DateTime Verdict".split()
    at = {"RelativePath": "cam7", "DateTime": "2026-11-16 10:00:00"}
    table = [at | {"File": file, "Verdict": word} for file, word in lines]
    write_csv(path := results.files / name, columns, table)
    return path


def test_a_csv_of_timelapse_is_mapped_by_the_path_of_the_photo(results):
    results.run("2026-w46", ("e1", "1a.jpg", "unnamed"), datetime="2026-11-09T10:00:00")
    words = ("1a.jpg", "Novel: Ratt"), ("1b.jpg", "novel: ratt"), ("2.jpg", "Not an animal")
    file = timelapse(results, *words, ("3.jpg", ""), ("empty.jpg", "empty"))
    found = results.read(file, column="Verdict")
    assert found.decisions[["batch", "event", "decision", "species"]].to_numpy().tolist() == [
        [WEEK, "e1", "novel", "rat"],
        [WEEK, "e2", "not_animal", ""],
    ]
    assert found.decisions["reviewer"].tolist()[0] == "t.csv: cam7/1a.jpg"
    file = timelapse(results, ("1a.jpg", "native"), ("1b.jpg", "novel"))
    assert set(results.read(file, column="Verdict").conflicts["event"]) == {"e1"}


def test_what_timelapse_cannot_mean_is_refused(results):
    file = timelapse(results, ("1a.jpg", "native"), ("1b.jpg", "a bird?"))
    assert "t.csv: row 2: 'a bird?' is no verdict" in results.refused(file, column="Verdict")
    assert "name its column of verdicts as review.verdict_column" in results.refused(file)
    assert "no column 'Species', which review" in results.refused(file, column="Species")
    file = timelapse(results, ("1a.jpg", "native"), ("z.jpg", "novel"))
    line = results.refused(file, column="Verdict")
    assert "row 2: 2026-w47 has no animal on photo 'cam7/z.jpg'" in line
    file = timelapse(results, ("z.jpg", "novel"))
    assert "of no run that has a review page" in results.refused(file, column="Verdict")
    results.run("2026-w46", ("e1", "1a.jpg", "unnamed"))
    file = timelapse(results, ("1a.jpg", "native"))
    line = results.refused(file, column="Verdict")
    assert "its photos may be of 2026-w46 or 2026-w47" in line


# What becomes of them. ----------------------------------------------------------------------------


def test_events_of_a_batch_join_with_the_decided_species_and_the_batchs_name(results):
    row = results.row
    file = results.save(
        row("e1", "novel"), row("e2", "person"), row("e3", "native", "fox"), row("0012", "unsure")
    )
    found = results.read(file)
    joined = found.reviewed
    assert list(joined) == [*LABELS, "group"]
    assert joined[
        ["crop_id", "event", "group", "image_id", "species_label"]
    ].to_numpy().tolist() == [
        [f"{WEEK}/{crop}", f"{WEEK}/{event}", f"{WEEK}/{event}", f"{WEEK}/{crop}", species]
        for crop, event, species in (
            ("1a.jpg", "e1", "unnamed"),
            ("1b.jpg", "e1", "unnamed"),  # 1c.jpg is labelled as a fox, which nobody decided on
            ("3.jpg", "e3", "fox"),
            ("4", "0012", "unnamed"),
        )
    ]
    paths = "1a.jpg 1b.jpg 3.jpg 4".split()
    assert set(joined["image_path"]) == {f"crops/{path}" for path in paths}
    assert set(joined["window_path"]) == {f"windows/{path}" for path in paths}
    crops = ["1a.jpg", "1b.jpg", "2.jpg", "3.jpg", "4"]
    assert decided_checksums(found.of["decided_crops"]) == sorted(checksum(WEEK + c) for c in crops)
    assert decided_checksums([]) == []


def test_crops_of_a_run_of_an_older_version_without_windows_are_refused(results):
    labels = results.folder / WEEK / "labels.csv"
    older = [name for name in LABELS if name != "window_path"]
    write_csv(labels, older, results.boxes[WEEK])
    line = results.refused(results.save(results.row("e1", "novel")))
    assert line == (
        f"decisions: {labels} has no column window_path: an older version made it; run {WEEK} "
        "again, or take its files out of decisions"
    )


def test_events_of_two_batches_with_one_name_stay_two(results):
    results.run("2026-w48", ("e1", "1a.jpg", "unnamed"))
    lines = results.row("e1", "native", "fox"), results.row("e1", "novel", batch="2026-w48")
    found = results.read(results.save(*lines))
    joined = found.reviewed.drop_duplicates("event").set_index("event")["species_label"]
    assert joined.to_dict() == {f"{WEEK}/e1": "fox", "2026-w48/e1": "unnamed"}


def site(results: Results, natives: int = 12) -> None:
    """A site of labelled events, each of two crops; `odd` has a fox and a rat."""
    events = [(f"{s}{n}", s) for s, n in product(NATIVES, range(natives))]
    crops = [(event, f"{event}{part}.jpg", s) for event, s in events for part in "ab"]
    odd = ("odd", "odd1.jpg", "fox"), ("odd", "odd2.jpg", "rat")
    results.run("site", *crops, *odd, ("rat0", "rat0.jpg", "rat"), ("rat1", "rat1.jpg", "rat"))


def boxes_of(results: Results, found: SimpleNamespace) -> list[dict]:
    annotations = results.folder / "site/annotations.csv"
    return list(decided_boxes(annotations, found.of["decisions"], found.of["reviewed"], "site"))


def test_own_events_are_overridden_or_leave_by_the_label_of_the_decided_crop(results):
    site(results)
    row = results.row
    file = results.save(
        row("fox0", "novel", "rat", batch="site"),
        row("fox1", "person", batch="site"),
        row("odd", "not_animal", batch="site"),
        row("rat0", "unsure", batch="site"),
        row("rat1", "native", "skunk", batch="site"),
    )
    found = results.read(file)
    species = {box["crop_id"]: box["species"] for box in boxes_of(results, found)}
    assert found.reviewed.empty
    assert species["fox0a.jpg"] == species["fox0b.jpg"] == "rat"
    assert "fox1a.jpg" not in species and "odd1.jpg" not in species
    assert species["odd2.jpg"] == "rat" and species["rat0.jpg"] == "unnamed"
    assert species["rat1.jpg"] == "skunk" and species["fox2a.jpg"] == "fox"
    assert len(decided_checksums(found.of["decided_crops"])) == 7
    # labels.csv is made of the decisions; to decide again, the label is still that of the index
    (results.folder / "site/labels.csv").unlink()
    again = results.save(row("fox0", "native", "fox", batch="site"), name="b.csv")
    species = {b["crop_id"]: b["species"] for b in boxes_of(results, results.read(file, again))}
    assert species["fox0a.jpg"] == "fox"


def test_an_event_that_the_site_no_longer_has_is_listed(results):
    site(results)
    file = results.save(results.row("fox0", "native", batch="site"))
    write_csv(results.folder / "site/annotations.csv", COLUMNS, results.boxes["site"][2:])
    found = results.read(file)
    assert found.decisions.empty
    assert found.conflicts["reason"].tolist() == [f"its crop is no longer in {results.folder}/site"]


@pytest.mark.parametrize("unit", ["sequence", "location", "time"])
def test_a_decided_event_is_on_one_side_and_roles_of_the_others_hardly_move(results, unit):
    site(results)
    rng = np.random.default_rng(5)
    week = [(f"n{n}", f"n{n}{part}.jpg", "unnamed") for n in range(6) for part in "abc"]
    results.run("2026-w48", *week)
    for table in ("site", "2026-w48"):
        for box in results.boxes[table]:  # locations, so that these can be dealt
            box["location"] = f"cam{sum(map(ord, box['event'])) % 25}"
            box["datetime"] = f"2026-11-{sum(map(ord, box['event'])) % 28 + 1:02}T10:00:00"
        for name, columns in (("annotations", COLUMNS), ("labels", LABELS)):
            path = results.folder / table / f"{name}.csv"
            write_csv(path, columns, results.boxes[table])
    names = [f"n{n}" for n in range(6)]
    words = [("native", rng.choice(NATIVES)) for _ in names[:4]] + [
        ("novel", "rat"),
        ("novel", "x"),
    ]
    lines = [results.row(e, *word, batch="2026-w48") for e, word in zip(names, words, strict=True)]
    found = results.read(results.save(*lines))
    shares = {"train": 0.5, "val": 0.1, "calibration": 0.2, "test": 0.2}
    split = {"fractions": shares, "group": unit, "seed": 1}
    before = count_boxes(rows(results.folder / "site/annotations.csv"))
    after = count_boxes(iter(boxes_of(results, found)))
    assert after["boxes"].sum() == before["boxes"].sum() + len(week)
    before, after = (assign_roles(table, NATIVES, ["rat"], split) for table in (before, after))
    check_sides(after)
    joined = after[after["event"].str.startswith("2026-w48/")]
    assert joined.groupby("event")["role"].nunique().eq(1).all() and len(joined) == 6
    assert set(joined.loc[joined["species"] == "x", "role"]) == {"unlisted"}
    assert set(joined.loc[joined["species"] == "rat", "role"]) == {"novel"}
    if unit == "sequence":
        moved = before.merge(after, "left", ["event", "species"])
        assert (moved["role_x"] != moved["role_y"]).sum() <= 6


def test_the_split_takes_what_was_decided(results):
    site(results)
    lines = results.row("e1", "native", "fox"), results.row("fox0", "person", batch="site")
    found, folder = results.read(results.save(*lines)), results.folder / "site"
    facts = {"times_read": 3, "images_with_time": 10, "first_unread": None}
    (folder / "index_facts.json").write_text(json.dumps(facts))
    shares = {"train": 0.4, "val": 0.2, "calibration": 0.2, "test": 0.2}
    split_annotations(
        folder / "annotations.csv",
        folder / "index_facts.json",
        folder / "splits.csv",
        NATIVES,
        ["rat"],
        {"fractions": shares, "group": "sequence", "seed": 1},
        False,
        {"by": "gap", "gap": 60},
        None,
        found.of["decisions"],
        found.of["reviewed"],
    )
    table = read_table(folder / "splits.csv").set_index(["event", "species"])
    assert table.loc[(f"{WEEK}/e1", "fox"), "boxes"] == 2
    assert ("fox0", "fox") not in table.index and ("fox1", "fox") in table.index


def test_labels_are_those_that_were_decided_on_and_copies_of_other_runs_are_left_out(
    shards, results
):
    """Of the week, 1a has the pixels of a crop of the site, and 3 is its photo again."""
    folder = shards.folder / "photos"
    folder.mkdir()
    for n, colour in enumerate(["red", "green", "blue"]):
        Image.new("RGB", (40, 30), colour).save(folder / f"{n}.jpg")
    boxes = [
        {"crop_id": f"{n}.jpg", "image_id": str(n), "box": (0, 0, 20, 20), "event": f"own{n}"}
        for n in range(3)
    ]
    shards.crop(boxes, {str(n): folder / f"{n}.jpg" for n in range(3)})
    cropped = list(rows(shards.crops[0]))
    of_week = {row["crop_id"]: row for row in results.boxes[WEEK]}
    of_week["1a.jpg"]["crop_checksum"] = cropped[0]["crop_checksum"]
    of_week["3.jpg"]["photo_checksum"] = cropped[1]["photo_checksum"]
    write_csv(results.folder / WEEK / "labels.csv", LABELS, results.boxes[WEEK])
    lines = [results.row(event, "native", "fox") for event in ("e1", "e3")]
    found = results.read(results.save(*lines))
    own = {"batch": shards.folder.name, "label": "fox"}
    decided = found.decisions.to_dict("records") + [
        own | {"event": "own0", "decision": "novel", "species": "rat"},
        own | {"event": "own2", "decision": "person", "species": ""},
    ]
    write_sheet(pd.DataFrame(decided), found.of["decisions"])
    paths = shards.gather(max_rejected=0, refused={}, decided=found.of)
    labels = {row["crop_id"]: row["species_label"] for row in rows(paths.labels)}
    assert labels == {"0.jpg": "rat", "1.jpg": "fox", f"{WEEK}/1b.jpg": "fox"}
    assert {row["crop_id"]: row["reason"] for row in rows(paths.rejected)} == {
        "2.jpg": "a reviewer saw a person",
        f"{WEEK}/1a.jpg": "same pixels as another crop: 0.jpg",
        f"{WEEK}/3.jpg": "same photo as another image: 1",
    }
    summary = paths.summary.read_text()
    assert "crops: 2 of 2 labels" in summary
    assert "boxes lost on the way to the crops: 0.0% of 2" in summary
    assert "1 x a reviewer saw a person" in summary
    assert "decided by reviewers: 4 events, 2 native, 1 novel, 1 person; in conflict" in summary
    assert "joined from other runs: 1 crops of 1 labels; 2 more are copies" in summary
    batch = shards.gather(max_rejected=0, refused={}, decided=found.of | {"reviewed": []})
    summary = batch.summary.read_text()
    assert "decided by reviewers: 4 events" in summary and "joined" not in summary

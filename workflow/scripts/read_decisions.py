"""Reviewers' files -> decisions.csv, conflicts.csv, and what joins this run of other runs."""

import csv
from collections import Counter
from pathlib import Path

import pandas as pd

from stowaway.core.files import replacing
from stowaway.core.script import run_rule, say
from stowaway.core.tables import write_sheet
from stowaway.data.splits import LABELS
from stowaway.review.decisions import CONFLICTS, CROPS, DECISIONS, Row, decide


def read_decisions(
    files: list[Path],
    decisions: Path,
    conflicts: Path,
    reviewed: Path,
    decided_crops: Path,
    native: list[str],
    rename: dict[str, str],
    verdict_column: str | None,
) -> None:
    """Write all four tables, which may have no rows.

    `decisions` and `conflicts` are sheets for people, with what is agreed on and what is not;
    `reviewed` are crops of other runs in the form of labels.csv; `decided_crops` are all crops that
    somebody decided on. `native` and `rename` are the config's.
    """
    folder = decisions.parent
    found = decide(files, folder.parent, folder.name, native, rename, verdict_column)
    write_sheet(pd.DataFrame(found.decisions, columns=DECISIONS), decisions)
    write_sheet(pd.DataFrame(found.conflicts, columns=CONFLICTS), conflicts)
    write_rows(found.joining, [*LABELS, "group"], reviewed)
    write_rows(found.crops, CROPS, decided_crops)
    counts, kinds = found.counts, Counter(row["decision"] for row in found.decisions)
    say(
        f"decisions: {counts['rows']:,} rows in {len(files):,} files, {counts['copies']:,} more "
        f"stand twice; {counts['replaced']:,} were replaced by later ones, {counts['undone']:,} "
        f"taken back with their undo"
        + f"; {counts['without']:,} photos have no crop to decide on"
        * bool(counts["without"])
    )
    events = len({(row["batch"], row["event"]) for row in found.conflicts})
    say(
        f"decisions: {len(found.decisions):,} events decided"
        + "".join(f", {n:,} {kind}" for kind, n in kinds.most_common())
        + f"; {events:,} in conflict, which nobody uses: see {conflicts}" * bool(events)
    )


def write_rows(table: list[Row], columns: list[str], path: Path) -> None:
    """Write rows as CSV; their other columns are left out."""
    with replacing(path) as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    run_rule(read_decisions, snakemake)

"""CSV tables. Text stays text ('007' is a location, 'NA' a label); a blank number is missing."""

import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stowaway.core.files import Damaged, damaged, reading, replacing
from stowaway.core.script import BadInput

if TYPE_CHECKING:
    import pandas as pd

# Every other column is a number.
TEXT = (
    "crop_id image_id annotation_id file_name key image_path window_path species_label species "
    "label location datetime date event group role reason photo_checksum crop_checksum fold "
    "detector rival level metric rule stratum target predicted alarm asked second nearest sampled "
    "suppressed photo_path batch queue_sha256 box decision note reviewer decided_at suggested week "
    "offset find_more watched"
).split()
# What a spreadsheet may take for a formula (OWASP, "CSV injection"), behind any apostrophes.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


# Whole numbers, in tables that are read row by row.
INTEGERS = (
    "x y w h width height crop_width crop_height photo_width photo_height bytes clipped"
).split()

# What the readers of whole tables need of them; the first pattern that fits a path counts.
NEEDED = {
    "shortcuts.csv": "crop_id",
    "queue.csv": "crop_id event species role p_value alarm",
    "scores.csv": "crop_id species role event",
    "scores/*.csv": "crop_id score",
    "tsne/*/*.csv": "crop_id species",
    "*.history.csv": "epoch train_loss val_loss",
    "example_scores.csv": "species draw detector examples event novel score",
    "learning_scores.csv": "species detector share fitted event novel score",
    "examples.csv": "detector examples metric value low high ceiling",
    "learning_curve.csv": "detector share fitted_events metric value low high",
    "metrics.csv": "fold detector level stratum metric value low high",
    "comparison.csv": "fold level detector rival metric gain low high",
    "curves.csv": "fold detector level false_alarm_rate recall",
    "alarms.csv": "fold detector location target setting realised low high recall",
}


def read_table(
    path: Path | str, columns: list[str] | None = None, needed: Sequence[str] = ()
) -> "pd.DataFrame":
    """Read a table of this workflow, or some of its columns.

    Raises `BadInput` where it is damaged, or has no column of `columns`, `needed` or NEEDED.
    """
    import pandas as pd  # imported here: scripts that only use `rows` need not load it

    with reading(path):
        cells = lines(path)
        header = next(cells)
        for _ in cells:  # pandas would fill up a line that is cut short, without a word
            pass
        _check_header(header, columns or needed or _needed(path))
        table = pd.read_csv(
            path,
            usecols=columns,
            keep_default_na=False,
            na_values={name: ["", "nan"] for name in header if name not in TEXT},
            dtype=dict.fromkeys(TEXT, str),
        )
        for name in table.columns.difference(TEXT):
            if len(table) and not pd.api.types.is_numeric_dtype(table[name]):
                raise Damaged(f"column {name} holds what is no number")
    return table


def write_table(table: "pd.DataFrame", path: Path | str) -> None:
    """Write a table as CSV, whole; if that fails, the old file stays."""
    with replacing(path) as file:
        # RFC 4180's line ends, as csv's: otherwise a bare CR in a cell is not quoted, and ends it.
        table.to_csv(file, index=False, lineterminator="\r\n")


def write_sheet(table: "pd.DataFrame", path: Path | str) -> None:
    """Write a table that people open in a spreadsheet: text like a formula gets an apostrophe."""
    write_table(_map_text(table, no_formula), path)


def no_formula(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet may take it for a formula."""
    return "'" + text if _FORMULA.match(text) else text


def read_sheet(path: Path | str) -> "pd.DataFrame":
    """Read a table of `write_sheet`, with the text as it was."""
    return _map_text(read_table(path), unguarded)


def unguarded(text: str) -> str:
    """The text without the apostrophe that `write_sheet` puts before what looks like a formula."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


def _map_text(table: "pd.DataFrame", change: Callable[[str], str]) -> "pd.DataFrame":
    text = {name: table[name].map(change, na_action="ignore") for name in table if name in TEXT}
    return table.assign(**text)


def rows(path: Path | str) -> Iterator[dict[str, str]]:
    """Yield a table's rows one by one, every value as text. Raises `BadInput` where damaged."""

    class Row(dict):
        def __missing__(self, column: str) -> str:
            raise BadInput(damaged(path, f"it has no column {column}"))

    with reading(path):
        table = lines(path)
        header = next(table)
        _check_header(header)
        integers = [place for place, name in enumerate(header) if name in INTEGERS]
        for number, cells in enumerate(table, 1):
            for place in integers:
                if cells[place] and not cells[place].removeprefix("-").isdecimal():
                    raise Damaged(f"row {number}: {header[place]} is no whole number")
            yield Row(zip(header, cells, strict=True))


def lines(path: Path | str) -> Iterator[list[str]]:
    """Yield a table's header, then its other lines, each as cells, as many as in the header.

    Raises `BadInput` where it is damaged.
    """
    with reading(path), open(path, newline="", encoding="utf-8") as file:
        if end := file.buffer.seek(0, os.SEEK_END):
            file.buffer.seek(end - 1)
            if file.buffer.read() != b"\n":
                raise Damaged("its last line is cut short")
            file.buffer.seek(0)
        table = csv.reader(file)
        header = next(table, None)
        if not header:
            raise Damaged("it is empty")
        yield header
        for number, cells in enumerate(filter(None, table), 1):
            if len(cells) != len(header):
                raise Damaged(f"row {number} has {len(cells)} of {len(header)} cells")
            yield cells


def _check_header(header: list[str], columns: Sequence[str] = ()) -> None:
    """Raise `Damaged` where one of the columns is missing, or no name is known."""
    if missing := [name for name in columns if name not in header]:
        raise Damaged(f"it has no column {missing[0]}")
    if not {*TEXT, *INTEGERS, "epoch"}.intersection(header):
        raise Damaged("it holds something else")


def _needed(path: Path | str) -> list[str]:
    """The columns that NEEDED has for a table."""
    fits = (names.split() for pattern, names in NEEDED.items() if Path(path).match(pattern))
    return next(fits, [])

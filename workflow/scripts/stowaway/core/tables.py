"""CSV tables. Text stays text ('007' is a location, 'NA' a label); a blank number is missing."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from stowaway.core.files import replacing

if TYPE_CHECKING:
    import pandas as pd

# Every other column is a number.
TEXT = (
    "crop_id image_path species_label species label location datetime event group role image_id "
    "photo_checksum crop_checksum fold detector rival level metric rule stratum target "
    "predicted alarm asked"
).split()
# What a spreadsheet may take for a formula (OWASP, "CSV injection"), behind any apostrophes.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def read_table(path: Path | str, columns: list[str] | None = None) -> "pd.DataFrame":
    """Read a table of this workflow, or some of its columns."""
    import pandas as pd  # imported here: scripts that only use `rows` need not load it

    header = pd.read_csv(path, nrows=0).columns
    return pd.read_csv(
        path,
        usecols=columns,
        keep_default_na=False,
        na_values={name: ["", "nan"] for name in header if name not in TEXT},
        dtype=dict.fromkeys(TEXT, str),
    )


def write_table(table: "pd.DataFrame", path: Path | str) -> None:
    """Write a table as CSV, whole; if that fails, the old file stays."""
    with replacing(path) as file:
        # RFC 4180's line ends, as csv's: otherwise a bare CR in a cell is not quoted, and ends it.
        table.to_csv(file, index=False, lineterminator="\r\n")


def write_sheet(table: "pd.DataFrame", path: Path | str) -> None:
    """Write a table that people open in a spreadsheet: text like a formula gets an apostrophe."""
    write_table(_map_text(table, lambda text: "'" + text if _FORMULA.match(text) else text), path)


def read_sheet(path: Path | str) -> "pd.DataFrame":
    """Read a table of `write_sheet`, with the text as it was."""
    guarded = re.compile("'" + _FORMULA.pattern)
    return _map_text(read_table(path), lambda text: text[1:] if guarded.match(text) else text)


def _map_text(table: "pd.DataFrame", change: Callable[[str], str]) -> "pd.DataFrame":
    text = {name: table[name].map(change, na_action="ignore") for name in table if name in TEXT}
    return table.assign(**text)


def rows(path: Path | str) -> Iterator[dict[str, str]]:
    """Yield a table's rows one by one, every value as text."""
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)

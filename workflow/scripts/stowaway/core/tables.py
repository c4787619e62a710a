"""CSV tables: text stays text ('007' a location, 'NA' a label), a blank number is missing."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from stowaway.core.files import replacing

if TYPE_CHECKING:
    import pandas as pd

# Every other column is a number.
TEXT = (
    "crop_id image_path species_label species label location datetime event group role image_id "
    "photo_checksum crop_checksum "
    "detector fold level metric rule stratum target rival predicted alarm asked"
).split()


def read_table(path: Path | str, columns: list[str] | None = None) -> "pd.DataFrame":
    """Read a table of this workflow, or some of its columns."""
    import pandas as pd  # here, since `rows` serves scripts that do without it

    header = pd.read_csv(path, nrows=0).columns
    return pd.read_csv(
        path,
        usecols=columns,
        keep_default_na=False,
        na_values={name: ["", "nan"] for name in header if name not in TEXT},
        dtype=dict.fromkeys(TEXT, str),
    )


def write_table(table: "pd.DataFrame", path: Path | str) -> None:
    """Write a table whole, or leave what was there."""
    with replacing(path) as file:
        table.to_csv(file, index=False)


def rows(path: Path | str) -> Iterator[dict[str, str]]:
    """Stream a table's rows as text."""
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)

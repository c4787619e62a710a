"""Files that are whole or not there, and files that are gone at the end."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(
    path: Path | str, mode: str = "w", temporary: Path | None = None, buffering: int = -1
) -> Iterator[IO]:
    """Open a temporary file beside `path` and rename it to `path` once the block ends well.

    Nobody ever sees half a file; when the block fails, what was at `path` is still there. Where no
    other process writes `path`, the same `temporary` each time leaves no rest of a killed one.
    """
    path = Path(path)
    temporary = temporary or path.with_name(f".{path.name}.{os.getpid()}.part")
    text = {} if "b" in mode else {"newline": "", "encoding": "utf-8"}
    try:
        with _fresh(temporary, mode.replace("w", "x"), buffering, **text) as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _fresh(path: Path, mode: str, buffering: int, **text: str) -> IO:
    """Open a file that is not there yet, at the cost of one call; a link is not followed."""
    try:
        return open(path, mode, buffering, **text)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        path.unlink()
    return open(path, mode, buffering, **text)


@contextmanager
def temporary_database(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """An SQLite file at `path` for as long as the block lasts: for what memory should not hold."""
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path)
    try:
        db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + schema)
        yield db
    finally:
        db.close()
        path.unlink()

"""Write files whole or not at all, remove temporary ones, and compare folders."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EINVAL, ENOSYS, EOPNOTSUPP, EPERM
from pathlib import Path
from typing import IO

NO_LINKS = (EPERM, EACCES, EINVAL, ENOSYS, EOPNOTSUPP)  # what file systems without them answer


@contextmanager
def replacing(
    path: Path | str, mode: str = "w", temporary: Path | str | None = None, buffering: int = -1
) -> Iterator[IO]:
    """Open a temporary file beside `path`; rename it to `path` when the block ends without error.

    No reader ever sees half a file. When the block fails, the old file at `path` stays. A killed
    process leaves its temporary file behind, unless the caller names one `temporary` for all times,
    which the next run overwrites; only one process at a time may then write `path`.
    """
    if not temporary:
        temporary = Path(path).with_name(f".{Path(path).name}.{os.getpid()}.part")
    text = {} if "b" in mode else {"newline": "", "encoding": "utf-8"}
    try:
        with _fresh(temporary, mode.replace("w", "x"), buffering, **text) as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _fresh(path: Path | str, mode: str, buffering: int, **text: str) -> IO:
    """Create and open a file; one that exists, or a link there, is deleted first."""
    try:
        return open(path, mode, buffering, **text)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        Path(path).unlink()
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


def overlap(one: Path | str, other: Path | str) -> bool:
    """Whether `one` is a folder that is, holds or lies in the folder `other`, by any links."""
    one, other = Path(one).resolve(), Path(other).resolve()
    # `Path.is_dir` would raise in a folder that cannot be read
    within = one in (other, *other.parents) or other in one.parents
    return within and os.path.isdir(one)  # noqa: PTH112


def link_or_copy(file: Path, target: Path) -> bool:
    """Make `target` a symbolic link to `file`, whatever file lies there; True where that is done.

    Where the file system has no such links, `target` is a copy.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.symlink(file, target)
        return True
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
    part = target.with_name(f".{target.name}.part")
    with open(file, "rb") as content, replacing(target, "wb", part) as copy:
        shutil.copyfileobj(content, copy)
    return False

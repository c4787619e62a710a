"""A store's journal: what each complete file is."""

import csv
import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stowaway.core.script import BadInput

FORGOTTEN = "-" * 16  # an origin that no file has


class Journal:
    """A CSV that outlives a killed run and is only added to, by one process at a time.

    It is named <shard>-of-<shards>.csv. `records`: file name -> bytes, MD5, origin (16 hexadecimal
    digits). Those of another number of shards are read first, so that nothing is fetched again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        found = sorted(path.parent.glob("*.csv"), key=lambda other: other == path)
        shards = path.stem.split("-")[-1]
        found = [p for p in found if p == path or p.stem.split("-")[-1] != shards]
        self.records = {name: record for path in found for name, record in _read(path)}

    @contextmanager
    def opened(self) -> Iterator[Callable]:
        """A function that adds [file name, bytes, MD5, origin]; one thread at a time may call it.

        A kill loses the last 8 KB of lines; the next run compares their files with the source.
        Raises `BadInput` while another process has the journal open.
        """
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadInput(f"{self.path}: another process fills it; wait for it") from None
            except OSError:
                pass  # a file system without locks
            file.write("\n" if file.tell() else "")  # ends a line that a killed run left open
            yield csv.writer(file).writerow


def _read(path: Path) -> Iterator[tuple[str, tuple[int, str, str]]]:
    """What is no line of a journal is passed over, as a kill or a power cut can leave it."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(csv.Error):
                row = next(csv.reader([line]), ())
                if len(row) == 4 and row[1].isdecimal() and len(row[3]) == 16:
                    yield row[0], (int(row[1]), row[2], row[3])

"""A store's journal: what each file is, noted as soon as it is complete."""

import csv
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock

from stowaway.core.script import BadInput


class Journal:
    """A CSV that outlives a killed run and is only added to, by one process at a time.

    There may be others beside it, of other shards; they are read once the number of shards has
    changed, so that no file is fetched again for that.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    @cached_property
    def records(self) -> dict[str, tuple[int, str, str]]:
        """File name -> bytes, MD5 and origin, as noted before this process added anything."""
        shards = self.path.stem.split("-")[-1]  # of as many, an image is in one only
        others = sorted(self.path.parent.glob("*.csv"))
        others = [path for path in others if path.stem.split("-")[-1] != shards]
        return {name: record for path in (*others, self.path) for name, record in _read(path)}

    @contextmanager
    def opened(self) -> Iterator[Callable]:
        """A function that adds a file's name, bytes, MD5 and origin, from any thread.

        Raises `BadInput` while another process has it open.
        """
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadInput(
                    f"{self.path}: another process fills this shard of the store; wait for its end"
                ) from None
            except OSError:
                pass  # a file system without locks
            file.write("\n" if file.tell() else "")  # ends a line that a killed run left open
            write, lock, flushed = csv.writer(file).writerow, Lock(), 0.0

            def add(*record: object) -> None:
                nonlocal flushed
                with lock:
                    write(record)
                    if (now := time.monotonic()) > flushed + 1:
                        file.flush()
                        flushed = now

            yield add


def _read(path: Path) -> Iterator[tuple[str, tuple[int, str, str]]]:
    """Half a line, as a kill can leave it, is passed over."""
    if path.exists():
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:  # one by one, so that a quote that was cut off ends with its line
                row = next(csv.reader([line]), ())
                if len(row) == 4 and len(row[3]) == 16:
                    yield row[0], (int(row[1]), row[2], row[3])

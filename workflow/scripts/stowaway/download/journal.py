"""A store's journal: what each file is, noted as soon as it is complete."""

import csv
import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from stowaway.core.script import BadInput


class Noted(NamedTuple):
    """A complete file's size and MD5, and a hash of where it came from."""

    bytes: int
    md5: str
    origin: str


class Journal:
    """A CSV that outlives a killed run and is only added to, by one process at a time.

    There may be others beside it, of other shards; they are read once the number of shards has
    changed, so that no file is fetched again for that.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    @cached_property
    def _own(self) -> dict[str, Noted]:
        return _read(self.path)

    @cached_property
    def _others(self) -> dict[str, Noted]:
        shards = self.path.stem.split("-")[-1]  # of as many, an image is in one only
        others = sorted(self.path.parent.glob("*.csv"))
        others = [path for path in others if path.stem.split("-")[-1] != shards]
        return {name: noted for other in others for name, noted in _read(other).items()}

    def known(self, name: str) -> Noted | None:
        """What was noted of the file, before this process added anything."""
        return self._own.get(name) or self._others.get(name)

    @contextmanager
    def opened(self) -> Iterator[Callable[[str, Noted], None]]:
        """A function that notes a file down at once.

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
            write = csv.writer(file).writerow

            def note(name: str, noted: Noted) -> None:
                write([name, *noted])
                file.flush()

            yield note


def _read(journal: Path) -> dict[str, Noted]:
    """File name -> what was noted; half a line, as a kill can leave it, is passed over."""
    if not journal.exists():
        return {}
    known = {}
    with open(journal, encoding="utf-8", errors="replace") as file:
        for line in file:  # one by one, so that a quote that was cut off ends with its line
            row = next(csv.reader([line]), ())
            if len(row) == 4 and len(row[3]) == 16:
                known[row[0]] = Noted(int(row[1]), row[2], row[3])
    return known

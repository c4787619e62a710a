"""The image store: a folder of complete files and a journal of what each of them is."""

import csv
import errno
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .run import BadInput
from .sources import Fetch, Missing, Unreachable

PAUSES = (0.5, 2.0)  # seconds before an image is tried again, on top of the client's own retries


@dataclass
class Entry:
    """One image: where it is, or why it is not there. `status` is ok, missing or failed."""

    image_id: str
    file_name: str
    path: str
    bytes: int = 0
    sha256: str = ""
    status: str = "ok"
    error: str = ""


class Store:
    """Images under `folder`, by file name, fetched from `source`.

    The journal notes size, checksum and origin of each file. It outlives a killed run and is only
    added to; there may be others beside it, of other shards.
    """

    def __init__(self, folder: Path, journal: Path, source: str) -> None:
        self.folder, self.journal, self.source = folder, journal, source
        journal.parent.mkdir(parents=True, exist_ok=True)
        self.known = _read(journal)

    @cached_property
    def known_elsewhere(self) -> dict[str, list[str]]:
        """What the other journals know: needed once the number of shards has changed."""
        others = sorted(set(self.journal.parent.glob("*.csv")) - {self.journal})
        return {name: row for other in others for name, row in _read(other).items()}

    def origin(self, key: str) -> str:
        """A short hash of source and key: it tells another origin, and no secret."""
        return hashlib.blake2b(f"{self.source}\n{key}".encode(), digest_size=8).hexdigest()

    def complete(self, entry: Entry, key: str) -> bool:
        """Whether the file is there, from this origin and with the size that was noted."""
        path = Path(entry.path)
        if not path.is_file():
            return False
        name = entry.file_name
        noted = self.known.get(name) or self.known_elsewhere.get(name)
        if not noted or noted[2] != self.origin(key) or int(noted[0]) != path.stat().st_size:
            return False
        entry.bytes, entry.sha256 = int(noted[0]), noted[1]
        return True

    def fill(
        self, images: Iterable[tuple[str, str, str]], fetch: Fetch, threads: int
    ) -> Iterator[Entry]:
        """Fetch what is not complete, yielding an entry for each (image id, file name, key).

        A failed image is an entry with its error. A few images per thread are in flight.
        """
        with (
            open(self.journal, "a", newline="", encoding="utf-8") as file,
            ThreadPoolExecutor(threads) as pool,
        ):
            file.write("\n" if file.tell() else "")  # ends a line that a killed run left open

            def finished(pending: set[Future]) -> Iterator[Entry]:
                done, rest = wait(pending, return_when=FIRST_COMPLETED)
                pending.intersection_update(rest)
                for entry, key in (future.result() for future in done):
                    if not entry.error:
                        row = [entry.file_name, entry.bytes, entry.sha256, self.origin(key)]
                        csv.writer(file).writerow(row)
                    yield entry
                file.flush()

            pending: set[Future] = set()
            try:
                for image_id, name, key in images:
                    entry = Entry(image_id, name, str(self.folder / name))
                    if self.complete(entry, key):
                        yield entry
                        continue
                    pending.add(pool.submit(_bring, entry, key, fetch))
                    if len(pending) >= 4 * threads:
                        yield from finished(pending)
                while pending:
                    yield from finished(pending)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _read(journal: Path) -> dict[str, list[str]]:
    """File name -> [bytes, sha256, origin]; half a line, as a kill can leave it, is passed over."""
    if not journal.exists():
        return {}
    with open(journal, newline="", encoding="utf-8") as file:
        return {row[0]: row[1:] for row in csv.reader(file) if len(row) == 4 and len(row[3]) == 16}


def _bring(entry: Entry, key: str, fetch: Callable) -> tuple[Entry, str]:
    path = Path(entry.path)
    for pause in (*PAUSES, None):
        entry.status, entry.error = "ok", ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fetch(key, path)
            with open(path, "rb") as file:
                entry.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            entry.bytes = path.stat().st_size
        except Unreachable as reason:
            entry.status, entry.error = "failed", str(reason)
        except Missing as reason:
            entry.status, entry.error = "missing", str(reason)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise BadInput(
                    f"{path.parent}: the disk is full; free some and run again"
                ) from None
            entry.status, entry.error = "failed", f"{type(error).__name__}: {error.strerror}"
        if entry.status != "failed" or pause is None:
            break
        time.sleep(pause)
    return entry, key

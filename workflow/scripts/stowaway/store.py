"""The image store: a folder of complete files and a journal of what each of them is."""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from .run import BadInput
from .sources import Fetch, Missing


@dataclass
class Entry:
    """One image: where it is, or why it is not there."""

    image_id: str
    file_name: str
    path: str
    bytes: int = 0
    sha256: str = ""
    error: str = ""


class Store:
    """Images under `folder`, by file name. `journal` outlives a killed run; it is only added to."""

    def __init__(self, folder: Path, journal: Path) -> None:
        self.folder, self.journal = folder, journal
        journal.parent.mkdir(parents=True, exist_ok=True)
        self.known: dict[str, tuple[int, str]] = {}
        if journal.exists():
            with open(journal, newline="", encoding="utf-8") as file:
                for row in csv.reader(file):
                    if len(row) == 3 and len(row[2]) == 64:  # a killed run can leave half a line
                        self.known[row[0]] = (int(row[1]), row[2])

    def complete(self, entry: Entry) -> bool:
        """Whether the file is there with the size it was stored with; fills in the entry."""
        size, digest = self.known.get(entry.file_name, (-1, ""))
        path = Path(entry.path)
        if not path.is_file() or path.stat().st_size != size:
            return False
        entry.bytes, entry.sha256 = size, digest
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
            note = csv.writer(file).writerow
            pending: set[Future[Entry]] = set()
            try:
                for image_id, name, key in images:
                    entry = Entry(image_id, name, str(self.folder / name))
                    if self.complete(entry):
                        yield entry
                        continue
                    pending.add(pool.submit(_bring, entry, key, fetch))
                    if len(pending) >= 4 * threads:
                        yield from _finished(pending, note)
                        file.flush()
                while pending:
                    yield from _finished(pending, note)
                    file.flush()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _finished(pending: set[Future[Entry]], note: Callable) -> Iterator[Entry]:
    """Wait for one fetch or more, take what is done out of `pending`, note it in the journal."""
    done, rest = wait(pending, return_when=FIRST_COMPLETED)
    pending.intersection_update(rest)
    for entry in (future.result() for future in done):
        if not entry.error:
            note([entry.file_name, entry.bytes, entry.sha256])
        yield entry


def _bring(entry: Entry, key: str, fetch: Fetch) -> Entry:
    path = Path(entry.path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fetch(key, path)
        with open(path, "rb") as file:
            entry.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        entry.bytes = path.stat().st_size
    except Missing as reason:
        entry.error = str(reason)
    except OSError as error:
        if error.errno == 28:
            raise BadInput(
                f"{path.parent}: no space left on the disk; free some and run again"
            ) from None
        entry.error = f"{type(error).__name__}: {error.strerror}"
    return entry

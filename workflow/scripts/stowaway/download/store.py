"""The image store: a folder of complete files and a journal of what each of them is."""

import errno
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from stowaway.core.names import listed, public
from stowaway.core.script import BadInput
from stowaway.core.tables import rows
from stowaway.download.errors import Unavailable
from stowaway.download.journal import Journal
from stowaway.download.sources import Sources

AHEAD = 16  # images per connection that are begun before their turn


@dataclass
class Entry:
    """One image: where it is, or why it is not there. `status` is ok, missing or failed.

    `md5` is empty where it is not known, as of a file that is linked; `fetched` tells a file that
    was brought now from one that was there.
    """

    image_id: str
    file_name: str
    path: str
    bytes: int = 0
    md5: str = ""
    status: str = "ok"
    error: str = ""
    fetched: bool = False


def images_of(shard: Path) -> Iterator[tuple[str, str, str]]:
    """(image id, file name, key) of each image; the boxes of one image stand together."""
    for image, _ in groupby(rows(shard), itemgetter("image_id", "file_name", "key")):
        yield image


class Store:
    """Images under `folder`, by file name, fetched from `source` and noted in `journal`."""

    def __init__(self, folder: Path, journal: Path, source: str | list[str]) -> None:
        self.folder, self.journal = folder, Journal(journal)
        self.origins = [public(url) for url in listed(source)]
        self.is_inside = cache(self._is_inside)

    def origin(self, key: str) -> str:
        """A short hash of source and key: it tells another origin, and no secret."""
        return hashlib.blake2b(f"{self.origins}\n{key}".encode(), digest_size=8).hexdigest()

    def complete(self, entry: Entry, key: str) -> bool:
        """Whether the file is there, from this origin and with the size that was noted."""
        size, md5, origin = self.journal.records.get(entry.file_name, (0, "", ""))
        path = Path(entry.path)
        if origin != self.origin(key) or not path.is_file() or path.stat().st_size != size:
            return False
        entry.bytes, entry.md5 = size, md5
        return True

    def fill(
        self, images: Iterable[tuple[str, str, str]], opened: Callable[[], Sources], threads: int
    ) -> Iterator[Entry]:
        """Fetch what is not complete; yield an entry for each (image id, file name, key), in order.

        `opened` is called once something is to be fetched. A failed image is an entry with its
        error. A bounded number is in flight. Raises `BadInput`.
        """
        pool, opened = ThreadPoolExecutor(threads), cache(opened)

        def jobs() -> Iterator[Future]:
            for image_id, name, key in images:
                entry = Entry(image_id, name, f"{self.folder}/{name}")
                if self.complete(entry, key):
                    job = Future()
                    job.set_result(entry)
                    yield job
                else:
                    yield pool.submit(self._fetch, entry, key, opened(), add)

        with self.journal.opened() as add:
            try:
                yield from _in_order(jobs(), AHEAD * threads)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _fetch(self, entry: Entry, key: str, sources: Sources, add: Callable) -> Entry:
        path = Path(entry.path)
        try:
            if not self.is_inside(path.parent):
                raise Unavailable("a folder in the store is a symbolic link", "failed")
            entry.bytes, entry.md5, entry.fetched = sources.fetch(key, path)
            add(entry.file_name, entry.bytes, entry.md5, self.origin(key))
        except Unavailable as reason:
            entry.status = "missing" if reason.kind == "missing" else "failed"
            entry.error = str(reason)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise BadInput(
                    f"{path.parent}: the disk is full; free some and run again"
                ) from None
            entry.status, entry.error = "failed", f"{type(error).__name__}: {error.strerror}"
        return entry

    def _is_inside(self, folder: Path) -> bool:
        """False if a link leads from the store to elsewhere."""
        return folder.resolve() == self.folder.resolve() / folder.relative_to(self.folder)


def _in_order(jobs: Iterator[Future], most: int) -> Iterator:
    """The jobs' results in their order; at most `most` are begun and not yet yielded.

    What one of them raises is raised at once.
    """
    pending = deque(islice(jobs, most))
    while pending:
        half = [pending.popleft() for _ in range(len(pending) // 2 + 1)]
        for job in wait(half, return_when=FIRST_EXCEPTION).done:
            job.result()
        yield from (job.result() for job in half)
        pending.extend(islice(jobs, len(half)))

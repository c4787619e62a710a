"""The image store: a folder of complete files and a journal of what each of them is."""

import errno
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from threading import Lock

from stowaway.core.names import listed, public
from stowaway.core.script import BadInput
from stowaway.core.tables import rows
from stowaway.download.errors import Unavailable
from stowaway.download.journal import Journal
from stowaway.download.sources import Sources

TOGETHER, AHEAD = 4, 4  # images that a thread takes at once, and how often before their turn


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
        record = self.journal.records.get(entry.file_name)
        if not record or record[2] != self.origin(key) or not (path := Path(entry.path)).is_file():
            return False
        if path.stat().st_size != record[0]:
            return False
        entry.bytes, entry.md5 = record[:2]
        return True

    def fill(
        self, images: Iterable[tuple[str, str, str]], opened: Callable[[], Sources], threads: int
    ) -> Iterator[Entry]:
        """Fetch what is not complete; yield an entry for each (image id, file name, key), in order.

        `opened` is called once something is to be fetched. A failed image is an entry with its
        error. A bounded number is in flight. Raises `BadInput`.
        """
        pool, images = ThreadPoolExecutor(threads), iter(images)
        lock, opened = Lock(), cache(opened)

        def once() -> Sources:
            with lock:
                return opened()

        def entries(some: list[tuple[str, str, str]]) -> list[Entry]:
            return [self._fetch(*image, once, add) for image in some]

        with self.journal.opened() as add:
            try:
                some = iter(lambda: list(islice(images, TOGETHER)), [])
                jobs = (pool.submit(entries, images) for images in some)
                yield from chain.from_iterable(_in_order(jobs, AHEAD * threads))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _fetch(self, image_id: str, name: str, key: str, opened: Callable, add: Callable) -> Entry:
        entry = Entry(image_id, name, f"{self.folder}/{name}")
        try:
            if self.complete(entry, key):
                return entry
            if not self.is_inside(entry.path.rpartition("/")[0]):
                raise Unavailable("a folder in the store is a symbolic link", "failed")
            entry.bytes, entry.md5, entry.fetched = opened().fetch(key, entry.path)
            add(name, entry.bytes, entry.md5, self.origin(key))
        except Unavailable as reason:
            entry.status = "missing" if reason.kind == "missing" else "failed"
            entry.error = str(reason)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise BadInput(
                    f"{self.folder}: the disk is full; free some and run again"
                ) from None
            entry.status, entry.error = "failed", f"{type(error).__name__}: {error.strerror}"
        return entry

    def _is_inside(self, folder: str) -> bool:
        """False if a link leads from the store to elsewhere."""
        inside = Path(folder).relative_to(self.folder)
        return Path(folder).resolve() == self.folder.resolve() / inside


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

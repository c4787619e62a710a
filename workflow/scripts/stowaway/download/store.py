"""The image store: a folder of complete files and a journal of what each of them is."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from threading import Lock

from stowaway.core.files import overlap
from stowaway.core.names import listed, public
from stowaway.core.script import is_disk_full, naming_full_disk
from stowaway.core.tables import rows
from stowaway.download.errors import Unavailable
from stowaway.download.journal import FORGOTTEN, Journal

Image = tuple[str, str, str]  # image id, file name, key
BATCH, AHEAD = 2, 8  # images a thread takes at once; batches per thread begun ahead of the oldest


@dataclass
class Entry:
    """One image: where it is, or why it is not there. `status` is ok, missing or failed.

    `md5` may be empty; `fetched` tells a file that was brought now from one that was there.
    """

    image_id: str
    file_name: str
    path: str
    bytes: int = 0
    md5: str = ""
    status: str = "ok"
    error: str = ""
    fetched: bool = False


def images_of(shard: Path) -> Iterator[Image]:
    """The images of a shard's table, in which the boxes of one image stand together."""
    return (image for image, _ in groupby(rows(shard), itemgetter("image_id", "file_name", "key")))


class Store:
    """Images under `folder`, by file name, fetched from `source` and noted in `journal`."""

    def __init__(self, folder: Path, journal: Path, source: str | list[str]) -> None:
        self.folder, self.journal = folder, Journal(journal)
        self.origins = [public(url) for url in listed(source)]
        self.is_source = any(overlap(url, folder) for url in listed(source))
        self.root, self.lock = folder.resolve(), Lock()
        self.is_inside = cache(self._is_inside)

    def origin(self, key: str) -> str:
        """A short hash of source and key: it tells another origin, and no secret."""
        return hashlib.blake2b(f"{self.origins}\n{key}".encode(), digest_size=8).hexdigest()

    def complete(self, entry: Entry, key: str) -> bool:
        """Whether the file is there, from this origin and with the size that was noted."""
        record = self.journal.records.get(entry.file_name)
        path = Path(entry.path)
        # `Path.is_file` would raise in a folder that cannot be read
        if not record or record[2] != self.origin(key) or not os.path.isfile(path):  # noqa: PTH113
            return False
        entry.bytes, entry.md5 = record[:2]
        return path.stat().st_size == entry.bytes

    def forget(self, entries: Iterable[dict[str, str]], keep: bool = False) -> None:
        """Have the next download ask for these rows of a manifest again, and delete their files.

        A file that is a source's own stays; of a link to it, the link goes. With `keep`, all stay
        until they are compared with the source.
        """
        with self.journal.opened() as add:
            for entry in entries:
                add([entry["file_name"], 0, "", FORGOTTEN])
                path = Path(entry["path"])
                with suppress(OSError):
                    if not keep and (path.is_symlink() or not self.is_source):
                        path.unlink()

    def fill(self, images: Iterable[Image], opened: Callable, threads: int) -> Iterator[Entry]:
        """Yield an entry per image, in order; what is missing comes from `opened()`."""
        pool, images = ThreadPoolExecutor(threads), iter(images)
        batches = iter(lambda: list(islice(images, BATCH)), [])
        with naming_full_disk(self.folder), self.journal.opened() as add:
            try:
                fetch = partial(self._fetch, cache(opened), add)
                jobs = (pool.submit(list, map(fetch, batch)) for batch in batches)
                yield from chain.from_iterable(in_order(jobs, AHEAD * threads))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)  # the next run compares its files

    def _fetch(self, opened: Callable, add: Callable, image: Image) -> Entry:
        image_id, name, key = image
        entry = Entry(image_id, name, f"{self.folder}/{name}")
        try:
            if self.complete(entry, key):
                return entry
            if not self.is_inside(entry.path.rpartition("/")[0]):
                raise Unavailable("a folder in the store is a symbolic link", "failed")
            with self.lock:
                sources = opened()
            entry.bytes, entry.md5, entry.fetched = sources.fetch(key, entry.path)
            with self.lock:
                add([name, entry.bytes, entry.md5, self.origin(key)])
            return entry
        except Unavailable as reason:
            status, error = "missing" if reason.kind == "missing" else "failed", str(reason)
        except OSError as reason:
            if is_disk_full(reason):
                raise
            status, error = "failed", f"{type(reason).__name__}: {reason.strerror}"
        return Entry(image_id, name, entry.path, status=status, error=error)

    def _is_inside(self, folder: str) -> bool:
        """False if a link leads from the store to elsewhere."""
        return Path(folder).resolve() == self.root / Path(folder).relative_to(self.folder)


def in_order(jobs: Iterator[Future], most: int) -> Iterator:
    """The jobs' results in their order, `most` of them ahead; what one raises is raised at once."""
    pending = deque(islice(jobs, most))
    while pending:
        half = [pending.popleft() for _ in range(len(pending) // 2 + 1)]
        for job in wait(half, return_when=FIRST_EXCEPTION).done:
            job.result()
        yield from (job.result() for job in half)
        pending.extend(islice(jobs, len(half)))

"""The image store: a folder of complete files and a journal of what each of them is."""

import errno
import hashlib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from stowaway.core.names import listed, public
from stowaway.core.script import BadInput
from stowaway.core.tables import rows
from stowaway.download.answers import Unavailable
from stowaway.download.inorder import in_order
from stowaway.download.journal import Journal, Noted

AHEAD = 16  # images per connection that may be done before their turn to be told of
FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class Entry:
    """One image: where it is, or why it is not there. `status` is ok, missing or failed.

    `md5` is empty for a file that is linked, which nobody has read yet; `fetched` tells a file that
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
    """Images under `folder`, by file name, fetched from `source`.

    The journal notes size, MD5 and origin of each file as soon as it is complete. It outlives a
    killed run and is only added to; there may be others beside it, of other shards. One process at
    a time may fill the store by one journal.
    """

    def __init__(self, folder: Path, journal: Path, source: str | list[str]) -> None:
        self.folder, self.journal, self.source = folder, Journal(journal), source
        self.origins = [public(url) for url in listed(source)]
        self.root = folder.resolve()
        self.ready = cache(self._ready)

    def origin(self, key: str) -> str:
        """A short hash of source and key: it tells another origin, and no secret."""
        return hashlib.blake2b(f"{self.origins}\n{key}".encode(), digest_size=8).hexdigest()

    def complete(self, entry: Entry, key: str) -> bool:
        """Whether the file is there, from this origin and with the size that was noted."""
        noted = self.journal.known(entry.file_name)
        if not noted or noted.origin != self.origin(key) or _size(entry.path) != noted.bytes:
            return False
        entry.bytes, entry.md5 = noted.bytes, noted.md5
        return True

    def _ready(self, folder: Path) -> bool:
        """Make the folder. False if a link leads from the store to elsewhere."""
        if folder.resolve() != self.root / folder.relative_to(self.folder):
            return False
        folder.mkdir(parents=True, exist_ok=True)
        return True

    def fill(
        self, images: Iterable[tuple[str, str, str]], opened: Callable, connections: int
    ) -> Iterator[Entry]:
        """Fetch what is not complete; yield an entry for each (image id, file name, key), in order.

        `opened` returns the sources (see `mirrors.Mirrors`); it is called when something is to be
        fetched. A file that is there, but in no journal, is compared with its source, and taken if
        it is the same. A failed image is an entry with its error. A bounded number is in flight.
        """
        sources = None

        def jobs() -> Iterator[Entry | Coroutine]:
            nonlocal sources
            for image_id, name, key in images:
                entry = Entry(image_id, name, str(self.folder / name))
                if self.complete(entry, key):
                    yield entry
                else:
                    sources = sources or opened()
                    yield self._bring(entry, key, sources, note)

        with self.journal.opened() as note:
            yield from in_order(jobs(), AHEAD * connections, lambda: sources and sources.close())

    async def _bring(self, entry: Entry, key: str, sources, note: Callable) -> Entry:
        path = Path(entry.path)
        try:
            if not self.ready(path.parent):
                raise Unavailable("a folder in the store is a symbolic link", "failed")
            had = await _same(key, path, sources)
            entry.bytes, entry.md5 = had or await sources.bring(key, path)
            entry.fetched = not had
            note(entry.file_name, Noted(entry.bytes, entry.md5, self.origin(key)))
        except Unavailable as reason:
            entry.status = "missing" if reason.kind == "missing" else "failed"
            entry.error = str(reason)
        except OSError as error:
            if error.errno in FULL:
                raise BadInput(
                    f"{path.parent}: the disk is full; free some and run again, what is there stays"
                ) from None
            entry.status, entry.error = "failed", f"{type(error).__name__}: {error.strerror}"
        return entry


async def _same(key: str, path: Path, sources) -> tuple[int, str] | None:
    """Bytes and MD5 of a file that is there and is the source's, as far as the source tells."""
    if not path.is_file():
        return None
    try:
        return await sources.same(key, path)
    except Unavailable:  # some servers refuse to tell, but give
        return None


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except OSError:
        return None

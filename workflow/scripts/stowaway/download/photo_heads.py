"""When photos were taken, and their sizes, by the first bytes of their files."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from threading import Lock

from stowaway.core.names import why_unsafe
from stowaway.data.photos import photo_header, why_no_photo_in
from stowaway.download.errors import Unavailable
from stowaway.download.sources import Sources
from stowaway.download.store import AHEAD, in_order

HEADS = 1 << 16, 1 << 20, 1 << 24  # bytes; the next where a header is longer, or lies at the end


@dataclass
class PhotoHead:
    """A photo's time as EXIF has it, its offset to UTC, and the upright photo's size in pixels.

    What is not known is blank. `status` is ok, missing or failed.
    """

    file_name: str
    datetime: str = ""
    offset: str = ""
    width: int | str = ""
    height: int | str = ""
    status: str = "ok"
    error: str = ""
    bytes: int = 0


def read_heads(
    names: Iterable[str], opened: Callable[[], Sources], threads: int
) -> Iterator[PhotoHead]:
    """Yield the head of each photo, in their order, `threads` at a time; memory is bounded."""
    pool, lock, sources = ThreadPoolExecutor(threads), Lock(), cache(opened)

    def read(name: str) -> PhotoHead:
        with lock:
            source = sources()
        return read_head(source, name)

    try:
        yield from in_order((pool.submit(read, name) for name in names), AHEAD * threads)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def read_head(sources: Sources, name: str) -> PhotoHead:
    """The head of the photo `name`; where it cannot be had or is no photo, one with the error."""
    if reason := why_unsafe(name):
        return PhotoHead(name, status="failed", error=reason)
    try:
        for length in HEADS:
            content = sources.head(name, length)
            try:
                return PhotoHead(name, *photo_header(BytesIO(content)), bytes=len(content))
            except Exception:  # what a reader raises on hostile bytes has no common class
                if len(content) < length:
                    break
        return PhotoHead(name, status="failed", error=why_no_photo_in(content))
    except Unavailable as reason:
        status = "missing" if reason.kind == "missing" else "failed"
        return PhotoHead(name, status=status, error=str(reason))

"""When photos were taken, and their sizes, by the first bytes of their files."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from threading import Lock
from typing import IO

from PIL import Image

from stowaway.annotations.times import exif_time
from stowaway.core.names import why_unsafe
from stowaway.data.photos import FORMATS, why_no_photo_in
from stowaway.download.errors import Unavailable
from stowaway.download.sources import Sources
from stowaway.download.store import AHEAD, in_order

HEADS = 1 << 16, 1 << 20, 1 << 24  # bytes; the next where a header is longer, or lies at the end
TAGS = 0x9003, 0x9291, 0x9011  # DateTimeOriginal, SubSecTimeOriginal, OffsetTimeOriginal
EXIF, ORIENTATION, SIDEWAYS = 0x8769, 0x0112, (5, 6, 7, 8)


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
                return PhotoHead(name, *_header(BytesIO(content)), bytes=len(content))
            except Exception:  # what a reader raises on hostile bytes has no common class
                if len(content) < length:
                    break
        return PhotoHead(name, status="failed", error=why_no_photo_in(content))
    except Unavailable as reason:
        status = "missing" if reason.kind == "missing" else "failed"
        return PhotoHead(name, status=status, error=str(reason))


def _header(file: IO[bytes]) -> tuple[str, str, int, int]:
    """Time, offset, width and height of a photo; no pixel is decoded."""
    with Image.open(file, formats=FORMATS) as photo:
        exif, size = photo.getexif(), photo.size
        tags = exif.get_ifd(EXIF)
        if exif.get(ORIENTATION) in SIDEWAYS:
            size = size[::-1]
        return *exif_time(*(tags.get(tag) for tag in TAGS)), *size

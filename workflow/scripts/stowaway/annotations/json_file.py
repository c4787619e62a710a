"""The bytes of a COCO JSON, plain or zipped, and the objects of its lists, one at a time."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import ijson

from stowaway.core.script import BadInput


@dataclass(frozen=True)
class Limits:
    """What is refused: a JSON of over `json_bytes`, or over `zip_ratio` times its packed size."""

    json_bytes: int
    zip_ratio: float


def read_list(source: Path, name: str, limits: Limits) -> Iterator[dict]:
    """Yield the objects of one top-level list of the JSON, one at a time.

    Raises `BadInput` with the byte offset when the JSON is cut short or broken before the list's
    end, and when nothing is in the list (unless there are no annotations at all).
    """
    empty = name != "annotations"
    with _opened(source, limits) as file:
        try:
            for number, entry in enumerate(ijson.items(file, f"{name}.item", use_float=True)):
                if not isinstance(entry, dict):
                    raise BadInput(
                        f"{source}: entry {number} of '{name}' is no object; is it COCO?"
                    )
                empty = False
                yield entry
        except ijson.IncompleteJSONError as error:
            # ijson raises this one class for a cut file and for broken syntax.
            at, rest = file.tell(), file.read(1)
            what = str(error).splitlines()[0]
            cut = not rest and re.search("premature|incomplete", what, re.IGNORECASE)
            how = f"cut short: it ends at byte {at}" if cut else f"broken near byte {at}"
            raise BadInput(f"{source}: JSON {how} ({what}); export or download it again") from None
    if empty:
        raise BadInput(f"{source}: no '{name}' list with entries; is this a COCO JSON?")


class _LimitedFile:
    """A file that refuses to be read beyond a number of bytes, whatever a header says."""

    def __init__(self, file: IO[bytes], path: Path, limit: float, refusal: str) -> None:
        self.file, self.path, self.limit, self.refusal = file, path, limit, refusal
        self.tell, self.bytes_read = file.tell, 0

    def read(self, size: int = -1) -> bytes:
        content = self.file.read(size)
        self.bytes_read += len(content)
        if self.bytes_read > self.limit:
            raise BadInput(f"{self.path}: {self.refusal}; raise it if the file can be trusted")
        return content


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[_LimitedFile]:
    """The JSON's bytes: of `path` itself, or of the one JSON in it when it is a zip."""
    too_long = f"the JSON has over {limits.json_bytes:,} bytes (limits.json_bytes)"
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            yield _LimitedFile(file, path, limits.json_bytes, too_long)
        return
    with zipfile.ZipFile(path) as archive:
        # a Mac adds a folder __MACOSX with a file of the same name
        names = [n for n in archive.namelist() if not n.startswith("__MACOSX/")]
        members = [name for name in names if name.lower().endswith(".json")]
        if len(members) != 1:
            raise BadInput(
                f"{path}: {len(members)} JSON files in the zip; it must hold exactly one"
            )
        unpacked = limits.zip_ratio * max(archive.getinfo(members[0]).compress_size, 1000)
        bomb = f"the zip holds over {limits.zip_ratio:g} times its size (limits.zip_ratio)"
        limit, refusal = min((unpacked, bomb), (limits.json_bytes, too_long))
        try:
            with archive.open(members[0]) as file:
                yield _LimitedFile(file, path, limit, refusal)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise BadInput(f"{path}: the zip cannot be read: {error}") from None

"""Stream the lists of a COCO JSON, zipped or not, however long they are."""

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

    json_bytes: int = 20_000_000_000
    zip_ratio: float = 200


class _Counted:
    """A file whose reading ends once more bytes come than are allowed, whatever a header says."""

    def __init__(self, file: IO[bytes], path: Path, most: float, why: str) -> None:
        self.file, self.path, self.most, self.why = file, path, most, why
        self.tell, self.count = file.tell, 0

    def read(self, size: int = -1) -> bytes:
        piece = self.file.read(size)
        self.count += len(piece)
        if self.count > self.most:
            raise BadInput(f"{self.path}: {self.why}; raise it if the file can be trusted")
        return piece


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[_Counted]:
    """The JSON's bytes: of `path` itself, or of the one JSON in it when it is a zip."""
    too_long = f"the JSON has over {limits.json_bytes:,} bytes (limits.json_bytes)"
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            yield _Counted(file, path, limits.json_bytes, too_long)
        return
    with zipfile.ZipFile(path) as archive:
        # a Mac adds a folder __MACOSX with a file of the same name
        names = [n for n in archive.namelist() if not n.startswith("__MACOSX/")]
        members = [name for name in names if name.lower().endswith(".json")]
        if len(members) != 1:
            raise BadInput(
                f"{path}: {len(members)} JSON files in the zip; it must hold exactly one"
            )
        packed = limits.zip_ratio * max(archive.getinfo(members[0]).compress_size, 1000)
        bomb = f"the zip holds over {limits.zip_ratio:g} times its size (limits.zip_ratio)"
        most, why = min((packed, bomb), (limits.json_bytes, too_long))
        try:
            with archive.open(members[0]) as file:
                yield _Counted(file, path, most, why)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise BadInput(f"{path}: the zip cannot be read: {error}") from None


def items(path: Path, prefix: str, limits: Limits = Limits()) -> Iterator[dict]:  # noqa: B008
    """Yield the elements of one top-level list, one at a time.

    Raises `BadInput` with the byte offset when the JSON is cut short or broken before the
    list's end, or when nothing is in the list.
    """
    found = False
    with opened(path, limits) as file:
        try:
            for number, item in enumerate(ijson.items(file, f"{prefix}.item", use_float=True)):
                if not isinstance(item, dict):
                    raise BadInput(
                        f"{path}: entry {number} of '{prefix}' is no object; is it COCO?"
                    )
                found = True
                yield item
        except ijson.IncompleteJSONError as error:
            # ijson raises this one class for a cut file and for broken syntax.
            at, rest = file.tell(), file.read(1)
            what = str(error).splitlines()[0]
            cut = not rest and re.search("premature|incomplete", what, re.IGNORECASE)
            how = f"cut short: it ends at byte {at}" if cut else f"broken near byte {at}"
            raise BadInput(f"{path}: JSON {how} ({what}); export or download it again") from None
    if not found and prefix != "annotations":
        raise BadInput(f"{path}: no '{prefix}' list with entries; is this a COCO JSON?")

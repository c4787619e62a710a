"""Stream the lists of a COCO JSON, zipped or not, however long they are."""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import ijson

from .run import BadInput


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The JSON's bytes: of `path` itself, or of the one JSON in it when it is a zip."""
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.lower().endswith(".json")]
        if len(members) != 1:
            raise BadInput(
                f"{path}: {len(members)} JSON files in the zip; it must hold exactly one"
            )
        with archive.open(members[0]) as file:
            yield file


def items(path: Path, prefix: str) -> Iterator[dict]:
    """Yield the elements of one top-level list, one at a time.

    Raises `BadInput` with the byte offset when the JSON is cut short or broken before the
    list's end, or when nothing is in the list.
    """
    found = False
    with opened(path) as file:
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

"""Bring the COCO JSON (or its zip or gzip) from the first of its addresses that has it, once."""

import gzip
import shutil
import zlib
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

from stowaway.annotations.file_kinds import HEAD, encoding_of, file_kind
from stowaway.core.files import replacing
from stowaway.core.names import listed, public
from stowaway.core.script import BadInput, run_rule
from stowaway.download.errors import Unavailable
from stowaway.download.sources import ADDRESSES, Sources


def fetch_coco(coco: Path, config: dict) -> None:
    """Bring one object, the COCO JSON, from the first of its addresses that has it, to `coco`.

    Raises `BadInput` if it cannot be had, or is no whole COCO.
    """
    most, timeout = config["limits"]["json_bytes"], config["images"]["timeout"]
    check, reasons = partial(why_no_coco, most=most), []
    opened = partial(Sources, aws=config["aws"], timeout=timeout, most=most, check=check)
    for url in listed(config["coco"]):
        try:
            if url.startswith("s3://"):
                base, _, key = url.rpartition("/")
                opened(base).fetch(key, str(coco))
            elif url.startswith(ADDRESSES):  # as it stands: it may be signed
                opened(url).fetch("", str(coco))
            elif not Path(url).is_file():
                raise BadInput(f"{public(url)}: there is no such file; put the export there")
            elif reason := check(url):
                raise BadInput(f"{public(url)}: {reason}")
            else:
                with open(url, "rb") as file, replacing(coco, "wb") as out:
                    shutil.copyfileobj(file, out)
            return
        except (Unavailable, BadInput) as reason:
            reasons.append(str(reason))
    raise BadInput("coco: it is not there or cannot be had: " + "; ".join(reasons))


def why_no_coco(path: Path | str, most: int) -> str | None:
    """The reason why the file cannot be a whole COCO JSON, zip or gzip, or None.

    A JSON is not parsed: it begins and ends with a brace, and names images. Of a gzip up to `most`
    bytes are unpacked.
    """
    with open(path, "rb") as file:
        head, size = file.read(HEAD), file.seek(0, 2)
        kind = file_kind(head)
        if kind in ("zip", "gzip"):
            whole = is_whole_zip(file) if kind == "zip" else is_whole_gzip(file, most)
            return None if whole else f"the {kind} of {size:,} bytes is cut short or damaged"
        if kind != "JSON":
            return f"not a COCO JSON: {kind}" + f" of {size:,} bytes" * bool(size)
        code = encoding_of(head)
        with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            blanks, end = b" \t\r\n" + b"\0" * (code != "utf-8"), size
            while end > 0 and not (last := content[max(0, end - HEAD) : end].rstrip(blanks)):
                end -= HEAD
            if not last.endswith(b"}"):
                return f"the JSON of {size:,} bytes is cut short: it does not end with }}"
            if content.find('"images"'.encode(code)) < 0:
                return f"not a COCO JSON: JSON of {size:,} bytes without a list of images"
    return None


def is_whole_zip(file: IO[bytes]) -> bool:
    """Whether the zip's table of contents, which stands at its end, can be read."""
    try:
        return bool(ZipFile(file).infolist())
    except BadZipFile:
        return False


def is_whole_gzip(file: IO[bytes], most: int) -> bool:
    """Whether the gzip can be unpacked to its end, or to `most` bytes."""
    file.seek(0)
    try:
        with gzip.open(file) as content:
            while content.read(1 << 20) and content.tell() < most:
                pass
        return True
    except (EOFError, OSError, zlib.error):
        return False


if __name__ == "__main__":
    run_rule(fetch_coco, snakemake)

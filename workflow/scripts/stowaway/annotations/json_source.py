"""The text of a JSON file, plain or packed, in any Unicode encoding; and what a file is instead."""

import codecs
import gzip
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from stowaway.core.script import BadInput, first_line

PIECE = 1 << 20  # bytes read at once
ZIP, GZIP = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b"
# RuntimeError: a password, or (NotImplementedError) a method of packing that zipfile lacks
DAMAGED = zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError

MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
    b"%PDF": "PDF",
    b"SQLite format 3": "SQLite database",
    b"PK\3\4": "zip",
    b"PK\5\6": "zip",
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ": "xz archive",
    b"BZh": "bzip2 archive",
    b"7z\xbc\xaf": "7-Zip archive",
    b"Rar!": "RAR archive",
    b"\x28\xb5\x2f\xfd": "Zstandard archive",
}
BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"crx ": "CR3 (raw photo)"} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "HEIC"
)
HEAD = 1024  # bytes that tell


class Format(NamedTuple):
    """A kind of JSON that a key of the config names.

    `lists` and `maps` are what it must have at its top level. `others` says of a list at the top
    level, or of a key there, which file it is of. NaN and Infinity are refused, unless `constants`.
    """

    key: str
    name: str
    lists: tuple[str, ...]
    maps: tuple[str, ...]
    needs: str
    others: dict[str, str]
    constants: bool = False

    def refusal(self, kind: str) -> str:
        """The words for a file that is of another kind."""
        return f"not {self.name}: {self.others.get(kind, kind)}; {self.needs}"


COCO = Format(
    key="coco",
    name="a COCO JSON",
    lists=("categories", "images", "annotations"),
    maps=(),
    needs="coco needs one JSON object with the lists 'images', 'annotations' and 'categories'",
    others={
        "detection_categories": "MegaDetector results, which have boxes and no labels; give the "
        "file as detections",
        "predictions": "a SpeciesNet results file, not yet checked by a person",
        "resources": "the datapackage.json of a Camtrap DP, whose labels are in its tables",
        "features": "a GeoJSON, which has places and no photos",
        "total_results": "an answer of iNaturalist, which is no export",
    },
)
MEGADETECTOR = Format(
    key="detections",
    name="MegaDetector results",
    lists=("images",),
    maps=("detection_categories",),
    needs="detections needs one JSON object with 'images' and 'detection_categories', as "
    "run_detector_batch writes it, or PytorchWildlife's save_detection_timelapse_json",
    others={
        "JSON list": "a list, as microsoft/MegaDetector writes it, with corners in pixels",
        "predictions": "a SpeciesNet results file",
        "categories": "a COCO JSON, or PytorchWildlife's own; give a COCO JSON as coco",
    },
    constants=True,  # as Python writes them; the one detection is refused
)


@dataclass(frozen=True)
class Limits:
    """What is refused: a JSON of over `json_bytes`, or over `zip_ratio` times its packed size."""

    json_bytes: int
    zip_ratio: float


class JsonText:
    """The text of a JSON in pieces, and which byte a character of it was.

    A byte's place is its offset from 0 in the unpacked JSON. Raises `BadInput` where the JSON is
    over `limit(bytes_read)`, cannot be unpacked, is no text of the encoding that it begins with, or
    begins as no `wanted` does.
    """

    def __init__(
        self, file: IO[bytes], path: Path, refuse_over: Callable[[int], None], wanted: Format
    ) -> None:
        self.file, self.path, self.refuse_over, self.wanted = file, path, refuse_over, wanted
        self.bytes_read, self.ended = 0, False
        self.first = self._read_bytes()
        if kind := kind_of(self.first[:HEAD]):
            raise BadInput(f"{path}: {wanted.refusal(kind)}")
        self.encoding = json.detect_encoding(self.first)
        self.decoder = codecs.getincrementaldecoder(self.encoding)()

    def read(self) -> str:
        """The next piece of text; empty at the end."""
        text = ""
        while not text and not self.ended:
            content, self.first = self.first or self._read_bytes(), b""
            self.ended = not content
            try:
                text = self.decoder.decode(content, final=self.ended)
            except UnicodeDecodeError as error:
                raise BadInput(f"{self.path}: {self._undecodable(error)}") from None
        return text

    def byte_of(self, rest: str) -> int:
        """The byte at which `rest` begins, the last of the text that was read."""
        plain = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
        waiting = len(self.decoder.getstate()[0])  # of a character cut by the piece's end
        return self.bytes_read - waiting - len(rest.encode(plain.get(self.encoding, self.encoding)))

    def cut_short(self) -> BadInput:
        """The error for a JSON that ends too early."""
        where = f"cut short: it ends at byte {self.bytes_read}"
        return BadInput(f"{self.path}: JSON {where}; export or download it again")

    def _read_bytes(self) -> bytes:
        try:
            content = self.file.read(PIECE)
        except DAMAGED as error:
            raise _unreadable(self.path, error) from None
        self.bytes_read += len(content)
        self.refuse_over(self.bytes_read)
        return content

    def _undecodable(self, error: UnicodeDecodeError) -> str:
        """Why the bytes are no text. No guess is read: a wrong one would give wrong labels."""
        if self.ended:
            return str(self.cut_short()).removeprefix(f"{self.path}: ")
        at = self.bytes_read - len(error.object) + error.start
        what = f"byte 0x{error.object[error.start]:02X} at byte {at} is not {self.encoding.upper()}"
        if not self.encoding.startswith("utf-8"):
            return f"{what}; save the file as UTF-8"
        around = error.object[max(0, error.start - 12) : error.start + 12]
        reads = f"as Windows-1252 it is {excerpt(around.decode('cp1252', 'replace'))}"
        convert = "convert it (iconv -f WINDOWS-1252 -t UTF-8)"
        return f"{what}; {reads}; if that is right, {convert}, else export it as UTF-8"


@contextmanager
def json_text(path: Path, limits: Limits, wanted: Format) -> Iterator[JsonText]:
    """The text of `path`, of the one JSON in it when it is a zip, unpacked when it is a gzip."""
    if path.exists() and not path.is_file():  # reading a named pipe would wait for ever
        what = "a folder" if path.is_dir() else "no file that can be read twice"
        raise BadInput(f"{path}: this is {what}; {wanted.key} is the path of one file")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            if _begins(file, ZIP):
                file = stack.enter_context(_member(path, file, limits))
            packed = file if _begins(file, GZIP) else None
            if packed:
                file = stack.enter_context(gzip.GzipFile(fileobj=packed))
        except DAMAGED as error:
            raise _unreadable(path, error) from None

        def refuse_over(size: int) -> None:
            _refuse_over(path, limits, size, packed.tell() if packed else size)

        yield JsonText(file, path, refuse_over, wanted)


def kind_of(head: bytes) -> str | None:
    """What a file is that begins with these bytes, or None when it may be a JSON object."""
    kind = file_kind(head)
    if kind == "JSON":
        return None
    if kind not in ("text", "unknown binary file"):
        return kind + ", unpack it first" * kind.endswith("archive")
    text = head_text(head)
    kind = "table (CSV)" if re.match(r"[^\n{]*[,;\t]", text) else kind
    return f"{kind} that begins with {excerpt(text)}"


def file_kind(head: bytes) -> str:
    """Name the kind of a file whose first bytes, up to HEAD of them, are `head`.

    "JSON" is an object, or only blanks so far, after which one may come.
    """
    if not head:
        return "empty file"
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12], "video (MP4, MOV)")
    if head.startswith(b"RIFF"):
        return "WebP" if head[8:12] == b"WEBP" else "video or sound (RIFF)"
    for magic, name in MAGIC.items():
        if head.startswith(magic):
            return name
    text = head_text(head).lower()
    if text.startswith(("<!doctype html", "<html")) or "<html" in text or "<body" in text:
        return "HTML page"
    if text.startswith("<"):
        return "XML"
    if text[:1] in ("", "{", "["):
        return "JSON list" if text.startswith("[") else "JSON"
    printable = sum(c.isprintable() or c in "\t\r\n" for c in text.replace("\ufffd", "\0"))
    return "text" if printable >= 0.95 * len(text) else "unknown binary file"


def head_text(head: bytes) -> str:
    """The first bytes as text, in the Unicode encoding that they show, without leading blanks."""
    return head.decode(json.detect_encoding(head), "replace").lstrip("\ufeff \t\r\n")


def excerpt(text: str) -> str:
    """The first characters of a text, quoted, on one line and without control characters."""
    return repr(text[:24]) if len(repr(text[:24])) < 60 else ascii(text[:4])


def _unreadable(path: Path, error: Exception) -> BadInput:
    """The error for a file that the system does not give, or that cannot be unpacked."""
    if isinstance(error, OSError) and error.strerror:
        return BadInput(f"{path}: it cannot be read: {error.strerror}")
    if isinstance(error, RuntimeError):
        why = "it has a password, or is packed in a way that is not known here"
        why = f"the archive cannot be unpacked: {why}; unpack it, and give the JSON"
        return BadInput(f"{path}: {why}")
    why = repr(first_line(error))[1:-1][:80]
    return BadInput(f"{path}: the archive cannot be unpacked ({why}); export or download it again")


def _begins(file: IO[bytes], signatures: bytes | tuple[bytes, ...]) -> bool:
    start = file.read(4)
    file.seek(0)
    return start.startswith(signatures)


def _member(path: Path, file: IO[bytes], limits: Limits) -> IO[bytes]:
    """The one JSON of a zip."""
    archive = zipfile.ZipFile(file)
    # a Mac adds a folder __MACOSX with a file of the same name
    names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
    members = [name for name in names if name.lower().endswith((".json", ".json.gz"))]
    if len(members) != 1:
        raise BadInput(f"{path}: {len(members)} JSON files in the zip; it must hold exactly one")
    # zipfile never unpacks more than the size that the zip states
    info = archive.getinfo(members[0])
    _refuse_over(path, limits, info.file_size, info.compress_size)
    return archive.open(info)


def _refuse_over(path: Path, limits: Limits, size: int, packed: int) -> None:
    """Raise `BadInput` where `size` bytes of JSON, unpacked from `packed`, are too many."""
    if size > limits.json_bytes:
        over = f"the JSON has over {limits.json_bytes:,} bytes (limits.json_bytes)"
    elif size > limits.zip_ratio * max(packed, 1000):
        over = f"the zip holds over {limits.zip_ratio:g} times its size (limits.zip_ratio)"
    else:
        return
    raise BadInput(f"{path}: {over}; raise it if the file can be trusted")

"""The text of a JSON file: unpacked, decoded, bounded; and the names of what is none."""

import gzip
import json
import zipfile

import pytest

from stowaway.annotations.json_file import Limits, read_list
from stowaway.core.script import BadInput

GENEROUS = Limits(json_bytes=10**9, zip_ratio=200)
IMAGES = [{"id": n, "name": "ñeque 😀"} for n in range(1000)]
TEXT = json.dumps({"categories": [], "images": IMAGES, "annotations": []}, ensure_ascii=False)
TRUSTED = "raise it if the file can be trusted"
NEEDS = "coco needs one JSON object with the lists 'images', 'annotations' and 'categories'"


def images(path, limits=GENEROUS):
    return list(read_list(path, "images", limits))


def refusal(path, content: bytes | None = None, limits=GENEROUS) -> str:
    """The one line with which a file is refused, without its path."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as error:
        images(path, limits)
    name, _, line = str(error.value).partition(": ")
    assert name == str(path) and line.isprintable() and len(line) < 250
    return line


def zipped(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "encoding",
    "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be".split(),
)
def test_every_unicode_with_and_without_a_mark(tmp_path, encoding):
    path = tmp_path / "coco.json"
    path.write_bytes(TEXT.encode(encoding))
    assert images(path) == IMAGES
    path.write_bytes(("\ufeff" + TEXT if encoding[-2:] in ("le", "be") else TEXT).encode(encoding))
    assert images(path) == IMAGES
    path.write_bytes(gzip.compress(TEXT.encode(encoding)))
    assert images(path) == IMAGES


@pytest.mark.parametrize(
    ("encoding", "place"), [("utf-8-sig", 15), ("utf-16", 24), ("utf-16-be", 22), ("utf-32", 48)]
)
def test_the_place_of_a_fault_is_a_byte_in_every_encoding(tmp_path, encoding, place):
    content = '{"é": [1], ,"images": []}'.encode(encoding)
    line = refusal(tmp_path / "coco.json", content)
    assert line.startswith(f"JSON broken at byte {place}, before ',\"images\": []}}'")


def test_a_gzip_whatever_its_name_and_a_zip_of_one(tmp_path):
    path = tmp_path / "coco.json"
    path.write_bytes(gzip.compress(TEXT.encode()))
    assert images(path) == IMAGES
    assert images(zipped(path, ("a.json.gz", gzip.compress(TEXT.encode("utf-16"))))) == IMAGES


def test_a_list_within_a_zip_beside_a_macs_own_files(tmp_path):
    mac = ("__MACOSX/export/._coco.json", "")
    path = zipped(tmp_path / "c.zip", ("export/coco.json", TEXT), mac, ("readme.txt", ""))
    assert images(path) == IMAGES
    assert refusal(zipped(path, ("a.json", TEXT), ("b.json", TEXT))) == (
        "2 JSON files in the zip; it must hold exactly one"
    )


def test_bytes_that_are_not_utf8_are_refused_with_their_place_and_a_guess(tmp_path):
    content = '{"categories": [{"id": 1, "name": "ñeque"}], "images": []}'.encode("cp1252")
    assert refusal(tmp_path / "coco.json", content) == (
        "byte 0xF1 at byte 35 is not UTF-8; as Windows-1252 it is "
        """'1, "name": "ñeque"}], "i'; """
        "if that is right, convert it (iconv -f WINDOWS-1252 -t UTF-8), else export it as UTF-8"
    )
    far = b'{"info": "' + "é".encode() * 1_500_000 + b'", "a": "\xe9"}'
    line = refusal(tmp_path / "coco.json", far)
    assert line.startswith(f"byte 0xE9 at byte {len(far) - 3} is not UTF-8")
    half = '{"images": "a'.encode("utf-16-le") + b"\x00\xdca\x00"
    assert refusal(tmp_path / "coco.json", half) == (
        "byte 0x00 at byte 26 is not UTF-16-LE; save the file as UTF-8"
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty file"),
        (b"id,file_name\n1,a.jpg\n", "table (CSV) that begins with 'id,file_name\\n1,a.jpg\\n'"),
        ('"id";"ñ"'.encode("cp1252"), 'table (CSV) that begins with \'"id";"\ufffd"\''),
        ("a\tb\n".encode("utf-16"), "table (CSV) that begins with 'a\\tb\\n'"),
        (b"\n<!DOCTYPE html><html>", "HTML page"),
        (b"<HTML lang=de>\xe9", "HTML page"),
        (b"<?xml version='1.0'?>", "XML"),
        (b"\xef\xbb\xbf [1]", "JSON list"),
        (b"[" * 40_000, "JSON list"),
        (b"\xff\xd8\xff\xe0\0\0", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"%PDF-1.7", "PDF"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip archive, unpack it first"),
        (b"null", "text that begins with 'null'"),
        (b"\x1b[31mvar x = {", "unknown binary file that begins with '\\x1b[31mvar x = {'"),
    ],
)
def test_what_is_no_json_object_is_told_what_it_is(tmp_path, content, kind):
    assert refusal(tmp_path / "coco.json", content) == f"not a COCO JSON: {kind}; {NEEDS}"
    if content:
        packed = gzip.compress(content)
        assert refusal(tmp_path / "coco.json", packed) == f"not a COCO JSON: {kind}; {NEEDS}"


def test_what_cannot_be_opened(tmp_path):
    assert refusal(tmp_path) == "this is a folder; coco is the path of one file"
    missing = tmp_path / "missing.json"
    assert refusal(missing) == "it cannot be read: No such file or directory"


def test_damage_of_what_is_packed(tmp_path):
    path, packed = tmp_path / "coco.json", gzip.compress(TEXT.encode())
    line = "the archive cannot be unpacked ({}); export or download it again"
    cut = "Compressed file ended before the end-of-stream marker was reached"
    assert refusal(path, packed[:-12]) == line.format(cut)
    assert refusal(path, packed[:500] + bytes(50) + packed[550:]).startswith(line[:23])
    archive = zipped(path, ("coco.json", TEXT)).read_bytes()
    assert refusal(path, archive[:-30]) == line.format("File is not a zip file")
    flags = bytearray(archive)  # bit 0 of the flags, in both headers: a password
    flags[6] |= 1
    flags[archive.index(b"PK\1\2") + 8] |= 1
    assert refusal(path, bytes(flags)) == (
        "the archive cannot be unpacked: it has a password, or is packed in a way that is not "
        "known here; unpack it, and give the JSON"
    )


def test_reading_ends_at_the_limit(tmp_path):
    path, size = tmp_path / "coco.json", len(TEXT.encode())
    line = f"the JSON has over {size - 1:,} bytes (limits.json_bytes); {TRUSTED}"
    for pack in (lambda content: content, gzip.compress):
        path.write_bytes(pack(TEXT.encode()))
        assert images(path, Limits(size, 200)) == IMAGES
        assert refusal(path, limits=Limits(size - 1, 200)) == line
    zipped(path, ("coco.json", TEXT))
    assert images(path, Limits(size, 200)) == IMAGES
    assert refusal(path, limits=Limits(size - 1, 200)) == line


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    """Blanks pack a thousandfold: a zip states its size, a gzip is watched while it is read."""
    path, blanks = tmp_path / "coco.json", b"{" + b" " * 20_000_000
    unpacked = []
    read = gzip.GzipFile.read

    def counting(file, size=-1):
        content = read(file, size)
        unpacked.append(len(content))
        return content

    monkeypatch.setattr(gzip.GzipFile, "read", counting)
    line = f"the zip holds over 200 times its size (limits.zip_ratio); {TRUSTED}"
    assert refusal(path, gzip.compress(blanks)) == line
    assert sum(unpacked) < 5_000_000
    zipped(path, ("a.json", blanks))
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # it is not even opened
    assert refusal(path) == line

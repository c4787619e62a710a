"""What a file is, by its first bytes: to say what came where a photo or a COCO JSON should."""

import json

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

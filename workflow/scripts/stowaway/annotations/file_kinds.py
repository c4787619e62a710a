"""What a file is, by its first bytes: to say what came where a photo or a COCO JSON should."""

MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
    b"PK\3\4": "zip",
    b"\x1f\x8b": "gzip",
    b"%PDF": "PDF",
}
BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"crx ": "CR3 (raw photo)"} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "HEIC"
)
UNICODE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"{\0": "utf-16-le"}
UNICODE |= {b"\0{": "utf-16-be"}
HEAD = 1024  # bytes that tell


def encoding_of(head: bytes) -> str:
    """UTF-16 where the first two bytes say so, by a mark or as a brace, else UTF-8."""
    return UNICODE.get(head[:2], "utf-8")


def file_kind(head: bytes) -> str:
    """Name the kind of a file whose first bytes, up to HEAD of them, are `head`."""
    if not head:
        return "empty file"
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12], "video (MP4, MOV)")
    if head.startswith(b"RIFF"):
        return "WebP" if head[8:12] == b"WEBP" else "video or sound (RIFF)"
    for magic, name in MAGIC.items():
        if head.startswith(magic):
            return name
    text = head.decode(encoding_of(head), "replace").lstrip("\ufeff \t\r\n").lower()
    if text.startswith(("<!doctype html", "<html")) or "<html" in text or "<body" in text:
        return "HTML page"
    if text.startswith("<"):
        return "XML"
    if text.startswith(("{", "[")):
        return "JSON" if text[0] == "{" else "JSON list"
    printable = sum(c.isprintable() or c in "\t\r\n" for c in text.replace("\ufffd", "\0"))
    return "text" if printable >= 0.95 * len(text) else "unknown binary file"

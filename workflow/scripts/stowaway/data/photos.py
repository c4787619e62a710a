"""Cut boxes and windows out of a photo, whatever its orientation, mode and size."""

import errno
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from stowaway.annotations.box_forms import FAR, MANY, overshoot
from stowaway.annotations.json_source import BRANDS, HEAD, file_kind
from stowaway.annotations.times import exif_time
from stowaway.core.files import replacing
from stowaway.core.script import BadInput, first_line

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP")  # no format that runs another program
TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
EXIF, ORIENTATION = 0x8769, 0x0112
TAGS = 0x9003, 0x9291, 0x9011  # DateTimeOriginal, SubSecTimeOriginal, OffsetTimeOriginal
JPEG_LIMIT = 65_500  # pixels of a side
CONTEXT = 0.4  # how much longer a window's side is than the box's longer one
# Longer side of a saved window, at most: a ViT that sees 518 pixels has about twice what it takes.
WINDOW_SIDE = 1024
END = b"\xff\xd9"  # the marker at the end of a JPEG's pixels; never within them
HOLE = 1024  # zero bytes in a row that no compressed picture has
NOT_DOWNLOADED, UNREADABLE = "not downloaded", "photo is unreadable"  # how such reasons begin
LEAVING = 3  # boxes far outside their photos, if they are many, that ask for an explanation
SIDEWAYS = {TURN[value] for value in (5, 6, 7, 8)}
BACK = {turn: turn for turn in TURN.values()}  # what undoes a turn
BACK |= {TURN[6]: TURN[8], TURN[8]: TURN[6]}
UNNAMEABLE = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)

Image.MAX_IMAGE_PIXELS = None  # `max_pixels` decides, before anything is decoded

Box = tuple[int, int, int, int]  # x, y, width, height in pixels
# Columns of a crop's box, within its upright photo, and of the photo's size.
BOX = "x y crop_width crop_height photo_width photo_height".split()


class Unusable(Exception):
    """The image or the box cannot be cropped; the message says why."""


class Unreadable(Unusable):
    """The photo's file is not there, cut short or no photo: another copy of it may be whole."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{UNREADABLE}: {why}")


def photo_header(file: IO[bytes]) -> tuple[str, str, int, int]:
    """Time and offset as EXIF has them, width and height of the upright photo.

    No pixel is decoded. Raises what a reader raises on hostile bytes, which has no common class.
    """
    with Image.open(file, formats=FORMATS) as photo:
        exif, size = photo.getexif(), photo.size
        tags = exif.get_ifd(EXIF)
        if TURN.get(exif.get(ORIENTATION)) in SIDEWAYS:
            size = size[::-1]
        return *exif_time(*(tags.get(tag) for tag in TAGS)), *size


def why_no_photo(path: Path | str) -> str | None:
    """The reason why the file is no photo by its header, or None; no pixel is decoded.

    Raises `OSError` where the file cannot be read.
    """
    with open(path, "rb") as file:
        try:
            Image.open(file, formats=FORMATS).close()
            return None
        except Exception as error:  # what a reader raises on hostile bytes has no common class
            if isinstance(error, OSError) and error.errno:
                raise
            file.seek(0)
            return _no_photo(file.read(HEAD), file.seek(0, 2))


def why_no_photo_in(content: bytes) -> str:
    """The reason why the first bytes of a file are those of no photo that can be read."""
    return _no_photo(content[:HEAD], 0)


def _no_photo(head: bytes, size: int) -> str:
    kind = file_kind(head)
    readable = " that can be read" * (kind in BRANDS.values() or kind.upper() in FORMATS)
    advice = "; convert it to JPEG" * (kind in BRANDS.values())
    return f"not a photo{readable}: {kind}" + f" of {size:,} bytes" * bool(size) + advice


def in_photo(box: Box, listed: tuple[int, int] | None, actual: tuple[int, int]) -> Box:
    """The box in the pixels of the actual photo, whose (width, height) may not be the listed one.

    A copy of another resolution scales the box. Raises `Unusable` for other proportions than
    listed.
    """
    x, y, w, h = box
    width, height = actual
    if listed and listed != actual:
        across, down = width / listed[0], height / listed[1]
        if abs(across / down - 1) > 0.02:
            raise Unusable(
                "image has other proportions than the annotations say: "
                f"{width} x {height}, not {listed[0]} x {listed[1]}"
            )
        x, w, y, h = x * across, w * across, y * down, h * down
    left, top = round(x), round(y)
    return left, top, round(x + w) - left, round(y + h) - top


def fit_box(box: Box, listed: tuple[int, int] | None, actual: tuple[int, int]) -> Box:
    """The box as `in_photo`, clipped at the photo's edges. Raises `Unusable` if it is outside."""
    x, y, w, h = in_photo(box, listed, actual)
    left, top, right, bottom = max(0, x), max(0, y), min(actual[0], x + w), min(actual[1], y + h)
    if right <= left or bottom <= top:
        raise Unusable("box is outside the image")
    return left, top, right - left, bottom - top


def window_of(box: Box, size: tuple[int, int]) -> Box:
    """The square of a photo of `size`, (width, height), around the middle of a box that is in it.

    Its side is the box's longer one and CONTEXT of it, to the pixel. It slides into the photo where
    it would leave it, so it always holds the box. Where the photo is smaller in one direction, it
    has all of that direction, and is no square.
    """
    side = round(max(box[2:]) * (1 + CONTEXT))
    sides = [min(side, whole) for whole in size]
    corner = (
        max(0, min(start + (length - part) // 2, whole - part))
        for start, length, part, whole in zip(box[:2], box[2:], sides, size, strict=True)
    )
    return *corner, *sides


def check_edges(outside: Sequence[int], form: str | None) -> None:
    """Raise `BadInput` if more boxes leave their photos far than mistakes of drawing explain.

    `outside` has the pixels by which each box leaves its photo, `form` is images.box. Boxes that
    are declared to be pixels may leave it.
    """
    far = sum(pixels > FAR for pixels in outside)
    if form == "pixels" or far < LEAVING or far <= MANY * len(outside):
        return
    leave = f"{far:,} of {len(outside):,} boxes leave their photo by more than {FAR} pixels: "
    if form:
        raise BadInput(
            f"images.box is {form}, but {leave}are they of another form, or of another copy of the "
            "photos? Mend them, or convert them to x, y, width, height and set images.box to pixels"
        )
    raise BadInput(
        f"{leave}are they two corners, x1, y1, x2, y2? Then set images.box to corners; else to "
        "pixels"
    )


def listed_size(row: dict) -> tuple[int, int] | None:
    """The (width, height) that the annotations give the image, if they do."""
    return (int(row["width"]), int(row["height"])) if row["width"] and row["height"] else None


@dataclass
class Photo:
    """A decoded photo, to be cut. `size` is that of the upright photo itself, (width, height).

    `image`, upright and RGB, is the whole of it, or a half, a quarter or an eighth as large.
    """

    image: Image.Image
    size: tuple[int, int]
    listed: tuple[int, int] | None
    max_side: int | None

    def outside(self, box: Box) -> int:
        """By how many pixels the box leaves the photo. Raises `Unusable` as `in_photo`."""
        return max(0, overshoot(*in_photo(box, self.listed, self.size), *self.size))

    def cut(self, box: Box) -> tuple[Box, Image.Image]:
        """The box in pixels of the photo, and its crop, whose longer side is at most `max_side`.

        Raises `Unusable` for a box that does not fit.
        """
        box = fit_box(box, self.listed, self.size)
        return box, self._part(box, self.max_side)

    def window(self, box: Box) -> Image.Image:
        """The window of a box as `cut` gives it, at most WINDOW_SIDE or `max_side` pixels long."""
        side = min(WINDOW_SIDE, self.max_side or WINDOW_SIDE)
        return self._part(window_of(box, self.size), side)

    def _part(self, box: Box, max_side: int | None) -> Image.Image:
        x, y, w, h = box
        shrink = max(w, h) / (max_side or max(w, h))
        if shrink <= 1:
            return self.image.crop((x, y, x + w, y + h))
        scale = round(max(self.size) / max(self.image.size))
        part = tuple(edge / scale for edge in (x, y, x + w, y + h))
        sides = tuple(max(1, round(side / shrink)) for side in (w, h))
        return self.image.resize(sides, Image.Resampling.BILINEAR, part, reducing_gap=2)


def check_file(path: Path | str) -> None:
    """Raise `Unreadable` where there is no file, as a folder, or a named pipe that never ends."""
    if not Path(path).is_file():
        raise Unreadable("it is a folder, or no file" if Path(path).exists() else "it is gone")


def read_photo(path: Path | str) -> bytes:
    """The photo's bytes. Raises `Unreadable` where it cannot be read, and as `check_file`."""
    try:
        check_file(path)
        return Path(path).read_bytes()
    except OSError as error:
        raise Unreadable(error.strerror) from None


def open_photo(
    content: bytes,
    max_pixels: int,
    listed: tuple[int, int] | None,
    boxes: Sequence[Box] = (),
    max_side: int | None = None,
) -> Photo:
    """Decode the photo's bytes, once, and turn the picture as its EXIF orientation says.

    `listed` is the (width, height) that the boxes refer to, if known. When only the stored, not
    the upright, picture has it, the boxes were drawn without regard to EXIF, so it stays as it is.
    Where crops of all `boxes` are to be shrunk to `max_side`, a JPEG is decoded no larger than
    they need it; windows, longer and saved no larger, need less of it. Raises `Unreadable` for a
    broken photo, `Unusable` for one that is too large.
    """
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise Unusable(f"image is over the limit: {image.width} x {image.height} pixels")
            if why := _damage(image, content):
                raise Unreadable(f"image is corrupt: {why}")
            turn = _orientation(image)
            if turned := image.format == "TIFF":  # Pillow turns it as it decodes it
                image.load()
            upright = image.size[::-1] if turn in SIDEWAYS and not turned else image.size
            if turn in SIDEWAYS and listed == upright[::-1] != upright:
                turn, upright = BACK[turn] if turned else None, listed
            elif turned:
                turn = None
            scale = _smallest(boxes, listed, upright) // max_side if max_side else 1
            if scale > 1:
                image.draft("RGB", tuple(max(1, side // min(scale, 8)) for side in image.size))
            image = _rgb(image)
    except UnidentifiedImageError:
        raise Unreadable(_no_photo(content[:HEAD], len(content))) from None
    except Unusable:
        raise
    except MemoryError:
        raise Unusable(f"image of {len(content):,} bytes does not fit in memory") from None
    except Exception as error:  # what a decoder raises on hostile bytes has no common class
        raise Unreadable(f"image is corrupt: {first_line(error)[:80]}") from None
    return Photo(image if turn is None else image.transpose(turn), upright, listed, max_side)


def _smallest(boxes: Sequence[Box], listed: tuple[int, int] | None, size: tuple[int, int]) -> int:
    """The longer side of the smallest box that fits, in pixels of the photo; 0 where none fits."""
    sides = []
    for box in boxes:
        with suppress(Unusable):
            sides.append(max(fit_box(box, listed, size)[2:]))
    return min(sides, default=0)


def _damage(image: Image.Image, content: bytes) -> str | None:
    """What is wrong with the bytes of a picture, opened and not decoded, that decoders pass over.

    A download or a disk leaves zeros where bytes are lost. Those of a PNG fail its checksums, at
    which its decoder does not look. Of a raw TIFF and a BMP nothing can be known.
    """
    holes = []
    if image.format == "PNG":
        with Image.open(BytesIO(content), formats=["PNG"]) as again:
            again.verify()
    elif image.format in ("JPEG", "MPO"):
        start, tables = _jpeg_scan(content)
        end = content.find(END, start)
        if end < 0 and content.endswith(bytes(16)):
            return "the JPEG has no end, but zeros"  # which libjpeg would take for grey
        # The code of zeros alone stands for each table's first symbol. Flat areas of some files
        # are long zeros: where it is symbol 0, no change, in all tables, or in a later scan.
        if any(tables) and not image.info.get("progressive"):
            holes = [(start, end if end >= 0 else len(content))]
    elif image.format == "WEBP":
        if int.from_bytes(content[4:8], "little") + 8 > len(content):
            return "the WebP is cut short"
        holes = _webp_pictures(content)
    elif image.format == "TIFF" and image.info.get("compression") != "raw":
        tags = image.tag_v2
        starts, sizes = (tags.get(a) or tags.get(b, ()) for a, b in ((273, 324), (279, 325)))
        holes = [(start, start + size) for start, size in zip(starts, sizes, strict=False)]
    # a flat WebP may end in one zero for 10,000 pixels
    zeros = bytes(max(HOLE, image.width * image.height // 5000))
    if any(content.find(zeros, start, end) >= 0 for start, end in holes):
        return f"its {image.format} data have a hole of zeros"
    return None


def _jpeg_scan(content: bytes) -> tuple[int, list[int]]:
    """Where a JPEG's first scan begins, and the first symbol of each Huffman table before it."""
    at, first = 2, []
    while at + 4 <= len(content):
        marker, end = content[at + 1], at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if content[at] != 0xFF or marker == 0xFF:  # padding
            at += 1
            continue
        if marker == 0xC4:
            table = at + 4
            while table + 17 < end:
                first.append(content[table + 17])
                table += 17 + sum(content[table + 1 : table + 17])
        at = end
        if marker == 0xDA:
            break
    return at, first


def _webp_pictures(content: bytes) -> list[tuple[int, int]]:
    """Where the chunks with a WebP's pixels begin and end; an animation's is not looked into."""
    at, found = 12, []
    while at + 8 <= len(content):
        end = at + 8 + int.from_bytes(content[at + 4 : at + 8], "little")
        if content[at : at + 4] in (b"VP8 ", b"VP8L"):
            found.append((at + 8, end))
        at = end + end % 2
    return found


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """How EXIF says to turn the picture; malformed EXIF says nothing."""
    try:
        return TURN.get(image.getexif().get(ORIENTATION))
    except Exception:
        return None


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as 8-bit RGB; transparency over black; grey of 9 to 16 bits by its upper 8."""
    if image.mode.startswith("I;16"):
        bits = getattr(image, "tag_v2", {}).get(258, (16,))[0]  # 12 in some TIFFs
        image = image.convert("I")  # from either byte order
        return image.point(lambda value: value / 2 ** (bits - 8)).convert("L").convert("RGB")
    if image.mode in ("I", "F", "LAB"):
        raise Unusable(f"image mode {image.mode} has no defined range")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy it


def save_crop(crop: Image.Image, path: Path) -> None:
    """Save it as JPEG, fine enough that a network sees no difference.

    It is encoded in memory first, since Pillow passes over what a full disk did not take. Raises
    `Unusable` for a crop that JPEG, or a name that the file system cannot hold.
    """
    if max(crop.size) > JPEG_LIMIT:
        raise Unusable(f"crop is over the limit: {crop.width} x {crop.height} pixels")
    encoded = BytesIO()
    crop.save(encoded, "JPEG", quality=95, subsampling=0)
    try:
        with replacing(path, "wb", sync=False) as file:
            file.write(encoded.getbuffer())
    except OSError as error:
        if error.errno not in UNNAMEABLE:
            raise
        raise Unusable(f"crop cannot be saved: {error.strerror}") from None

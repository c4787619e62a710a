"""Cut boxes out of a photo, whatever its orientation, mode and size."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from stowaway.core.files import replacing
from stowaway.core.script import BadInput

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
JPEG_LIMIT = 65_500  # pixels of a side
SIDEWAYS = {TURN[value] for value in (5, 6, 7, 8)}

Image.MAX_IMAGE_PIXELS = None  # `max_pixels` decides, before anything is decoded

Box = tuple[int, int, int, int]  # x, y, width, height in pixels


class Unusable(Exception):
    """The image or the box cannot be cropped; the message says why."""


def fit_box(box: Box, listed: tuple[int, int] | None, actual: tuple[int, int]) -> Box:
    """The box in the pixels of the actual photo, whose (width, height) may not be the listed one.

    A copy of another resolution scales the box. Raises `Unusable` for other proportions than
    listed, and for a box outside the photo.
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
    left, top = max(0, round(x)), max(0, round(y))
    right, bottom = min(width, round(x + w)), min(height, round(y + h))
    if right <= left or bottom <= top:
        raise Unusable("box is outside the image")
    return left, top, right - left, bottom - top


@dataclass
class Photo:
    """A decoded photo, to be cut. `size` is that of the upright photo itself, (width, height).

    `image`, upright and RGB, is the whole of it, or a half, a quarter or an eighth as large.
    """

    image: Image.Image
    size: tuple[int, int]
    listed: tuple[int, int] | None
    max_side: int | None

    def cut(self, box: Box) -> tuple[Box, Image.Image]:
        """The box in pixels of the photo, and its crop, whose longer side is at most `max_side`.

        Raises `Unusable` for a box that does not fit.
        """
        x, y, w, h = box = fit_box(box, self.listed, self.size)
        shrink = max(w, h) / (self.max_side or max(w, h))
        if shrink <= 1:
            return box, self.image.crop((x, y, x + w, y + h))
        scale = round(max(self.size) / max(self.image.size))
        part = tuple(edge / scale for edge in (x, y, x + w, y + h))
        sides = tuple(max(1, round(side / shrink)) for side in (w, h))
        return box, self.image.resize(sides, Image.Resampling.BILINEAR, part, reducing_gap=2)


def read_photo(path: Path | str) -> bytes:
    """The photo's bytes; raises `BadInput` where the file cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path}: {error.strerror}; where the store has lost images, run again with "
            "--forcerun download_images"
        ) from None


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
    they need it. Raises `Unusable` for a broken or too large image.
    """
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise Unusable(f"image is over the limit: {image.width} x {image.height} pixels")
            turn = _orientation(image)
            upright = image.size[::-1] if turn in SIDEWAYS else image.size
            if listed == image.size != upright:
                turn, upright = None, image.size
            scale = _smallest(boxes, listed, upright) // max_side if max_side else 1
            if scale > 1:
                image.draft("RGB", tuple(max(1, side // min(scale, 8)) for side in image.size))
            image = _rgb(image)
    except UnidentifiedImageError:
        raise Unusable("file is not an image") from None
    except Unusable:
        raise
    except Exception as error:  # what a decoder raises on hostile bytes has no common class
        raise Unusable(f"image is corrupt: {error}") from None
    return Photo(image if turn is None else image.transpose(turn), upright, listed, max_side)


def _smallest(boxes: Sequence[Box], listed: tuple[int, int] | None, size: tuple[int, int]) -> int:
    """The longer side of the smallest box that fits, in pixels of the photo; 0 where none fits."""
    sides = []
    for box in boxes:
        with suppress(Unusable):
            sides.append(max(fit_box(box, listed, size)[2:]))
    return min(sides, default=0)


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """How EXIF says to turn the picture; malformed EXIF says nothing."""
    try:
        return TURN.get(image.getexif().get(0x0112))
    except Exception:
        return None


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as 8-bit RGB; transparency over black; 16-bit grey by its upper byte."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256).convert("L").convert("RGB")
    if image.mode in ("I", "F"):
        raise Unusable(f"image mode {image.mode} has no defined range")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy it


def save_crop(crop: Image.Image, path: Path) -> None:
    """Save it as JPEG, fine enough that a network sees no difference."""
    if max(crop.size) > JPEG_LIMIT:
        raise Unusable(f"crop is over the limit: {crop.width} x {crop.height} pixels")
    with replacing(path, "wb", sync=False) as file:
        crop.save(file, "JPEG", quality=95, subsampling=0)

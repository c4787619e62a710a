"""Cut boxes out of an image, whatever its orientation, mode and size."""

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from .run import BadInput, replacing

Box = tuple[int, int, int, int]  # x, y, width, height in pixels
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

Image.MAX_IMAGE_PIXELS = None  # `max_pixels` is the judge, before anything is decoded


class Unusable(Exception):
    """The image or the box cannot be cropped; the message says why."""


def open_upright(path: str, max_pixels: int, listed: tuple[int, int] | None) -> Image.Image:
    """The whole image in RGB, turned as its EXIF orientation says.

    `listed` is the (width, height) that the boxes refer to, if known. When only the stored, not
    the upright, picture has it, the boxes were drawn without regard to EXIF, so it stays as it is.
    Raises `Unusable` for a broken or too large image, `BadInput` for a file that cannot be read.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise Unusable(f"image is over the limit: {image.width} x {image.height} pixels")
            turn = _orientation(image)
            upright = image.size[::-1] if turn in SIDEWAYS else image.size
            image = _rgb(image)
    except UnidentifiedImageError:
        raise Unusable("file is not an image") from None
    except Unusable:
        raise
    except Exception as error:  # what a decoder raises on hostile bytes has no common class
        if isinstance(error, OSError) and error.errno is not None:
            raise BadInput(
                f"{path}: {error.strerror}; where the store has lost images, run again with "
                "--forcerun download_images"
            ) from None
        raise Unusable(f"image is corrupt: {error}") from None
    if turn is not None and (listed in (None, upright) or listed != image.size):
        return image.transpose(turn)
    return image


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
    return image.convert("RGB")


def fit_box(box: Box, listed: tuple[int, int] | None, actual: tuple[int, int]) -> Box:
    """The box in the pixels of the actual image.

    A copy of another resolution scales the box; other proportions than listed cannot be trusted.
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


def save_crop(image: Image.Image, box: Box, path: Path) -> None:
    """Cut the box out and save it as JPEG, fine enough that a network sees no difference."""
    x, y, w, h = box
    if max(w, h) > JPEG_LIMIT:
        raise Unusable(f"crop is over the limit: {w} x {h} pixels")
    with replacing(path, "wb") as file:
        image.crop((x, y, x + w, y + h)).save(file, "JPEG", quality=95, subsampling=0)

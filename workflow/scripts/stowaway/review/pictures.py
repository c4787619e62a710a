"""How crops are shown to a person: a copy, with more contrast in the dark; it changes no number."""

from collections.abc import Collection, Mapping
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PICTURE = 128  # pixels of the natives' pictures
COLOURLESS = 6  # mean difference of a pixel's channels, of 255: infrared, with what JPEG adds
DARK = 90  # mean brightness, of 255, below which an infrared crop is stretched


def colourless(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture (height, width, 3) is nearly grey, as in infrared light."""
    return bool(np.ptp(pixels.astype(int), axis=2).mean() < COLOURLESS)


def viewable(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop; where it is dark and in infrared, a copy with its contrast stretched."""
    if not colourless(pixels) or pixels.mean() >= DARK:
        return pixels
    low, high = np.percentile(pixels, [1, 99])
    stretched = np.clip((pixels - low) / max(high - low, 1), 0, 1)
    return (255 * stretched).round().astype(np.uint8)


def jpeg(pixels: NDArray[np.uint8], box: NDArray, side: int | None = None) -> bytes:
    """The part of a square crop in `box` (left, top, width, height) as it is shown, as a JPEG.

    It is at most `side` pixels wide and high, by default as the square is.
    """
    left, top, width, height = (int(side) for side in box)
    inside = np.ascontiguousarray(pixels[top : top + height, left : left + width])
    return as_jpeg(viewable(inside), side or max(pixels.shape))


def as_jpeg(pixels: NDArray[np.uint8], side: int = PICTURE) -> bytes:
    """(height, width, 3) pixels as a JPEG, at most `side` pixels wide and high."""
    image, file = Image.fromarray(pixels), BytesIO()
    image.thumbnail((side, side), Image.Resampling.BILINEAR)
    image.save(file, "JPEG", quality=85)
    return file.getvalue()


def event_pictures(explained: Mapping[str, NDArray], events: Collection[str]) -> dict[str, bytes]:
    """The crops of `events` as `jpeg`s, as far as explanations.npz, `explained`, has them."""
    rows = zip(explained["event"].tolist(), explained["crops"], explained["box"], strict=True)
    return {event: jpeg(crop, box) for event, crop, box in rows if event in events}

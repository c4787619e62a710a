"""Packed crops: one memory-mapped uint8 array per image size and aspect, a row per crop."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GREY = 124, 116, 104  # the mean colour of ImageNet: what a pretrained network takes for nothing


@dataclass(frozen=True)
class Form:
    """A square of `size` pixels: a crop is squeezed to it, as the original did.

    With `pad`, it keeps its form, in the middle of a square that is grey elsewhere.
    """

    size: int
    pad: bool

    @classmethod
    def named(cls, name: str) -> "Form":
        """As a pack's file is named: 64, 224pad."""
        return cls(int(name.removesuffix("pad")), name.endswith("pad"))


class Crop:
    """A saved crop, decoded once, from which pixels of several sizes are taken.

    `size` is that of the saved crop, (width, height) in pixels. JPEG decodes at a fraction of the
    size where no side of more than about `most` pixels is wanted.
    """

    def __init__(self, path: str, most: int) -> None:
        with Image.open(path, formats=["JPEG"]) as image:
            self.size = image.size
            image.draft("RGB", (2 * most, 2 * most))
            self.image = image.convert("RGB")
        self._scale = _scale(self.size, most)
        self.reduced = cache(self.image.reduce)

    def about(self, side: int) -> Image.Image:
        """RGB, both sides at least 2 * `side` pixels where the crop has them, at most 4 times more.

        Pixels are averages of whole blocks, as the decoder itself would make them.
        """
        return self.reduced(max(1, _scale(self.size, side) // self._scale))

    def as_square(self, form: Form) -> NDArray[np.uint8]:
        """The crop in that form, (size, size, 3)."""
        size, longest = form.size, max(self.size)
        sides = [max(1, round(size * s / longest)) if form.pad else size for s in self.size]
        fitted = self.about(size).resize(sides, Image.Resampling.BILINEAR)
        if sides != [size, size]:
            square = Image.new("RGB", (size, size), GREY)
            square.paste(fitted, tuple((size - side) // 2 for side in sides))
            fitted = square
        return np.asarray(fitted)


def _scale(size: tuple[int, int], side: int) -> int:
    """By how much JPEG decodes smaller, where 2 * `side` pixels are wanted of each side."""
    most = min(size) // (2 * side)
    return next((scale for scale in (8, 4, 2) if scale <= most), 1)


def write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    """Begin a .npy of uint8; its rows are then written as bytes, in their order."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def open_pack(pixels: Path | str, index: Path | str) -> tuple[np.ndarray, dict[str, int]]:
    """The memory-mapped array and the row of each crop id."""
    with open(index, newline="", encoding="utf-8") as file:
        rows = {line["crop_id"]: int(line["row"]) for line in csv.DictReader(file)}
    return np.load(pixels, mmap_mode="r"), rows


def batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut row numbers into batches of `size`, the last one smaller."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]

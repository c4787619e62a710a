"""Packed crops: one .npy of uint8 per image size and aspect, a row per crop."""

import csv
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stowaway.core.script import BadInput

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


class Pack:
    """The crops of a pack, (n, size, size, 3) uint8; rows are read when they are asked for.

    It is no memory map: what a process has seen of one counts as its memory, which clusters bound.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self._file = open(path, "rb")  # noqa: SIM115 - for as long as the pack is used
        np.lib.format.read_magic(self._file)
        self.shape, _, _ = np.lib.format.read_array_header_1_0(self._file)
        self._start = self._file.tell()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: NDArray) -> NDArray[np.uint8]:
        """The crops of some rows, an array (...) -> (..., size, size, 3); from any thread."""
        found, file = np.empty((rows.size, *self.shape[1:]), np.uint8), self._file.fileno()
        for row, crop in zip(rows.flat, found, strict=True):
            read = os.preadv(file, [crop], self._start + int(row) * crop.nbytes)
            if read < crop.nbytes:
                raise BadInput(f"{self.path}: there is no row {row}; delete it, it is made again")
        return found.reshape(*rows.shape, *self.shape[1:])


def open_pack(pixels: Path | str, index: Path | str) -> tuple[Pack, dict[str, int]]:
    """The packed crops and the row of each crop id."""
    return Pack(pixels), row_numbers(index)


def row_numbers(index: Path | str) -> dict[str, int]:
    """The row of each crop id, in packs and features."""
    with open(index, newline="", encoding="utf-8") as file:
        return {line["crop_id"]: int(line["row"]) for line in csv.DictReader(file)}


def batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut row numbers into batches of `size`, the last one smaller."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]

"""Packed crops: one .npy of uint8 per image size and aspect, a row per row of labels.csv."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stowaway.core.script import BadInput

GREY = 124, 116, 104  # the mean colour of ImageNet: what a pretrained network takes for nothing
BLOCK = 64  # crops that a thread decodes before they are handed on
In, Out = TypeVar("In"), TypeVar("Out")


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

    def place(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where a crop of `size` (width, height) lies in the square: left, top, width, height."""
        sides = [self.size, self.size]
        if self.pad:
            sides = [max(1, round(self.size * side / max(size))) for side in size]
        return *((self.size - side) // 2 for side in sides), *sides


def decode_crop(path: Path | str, side: int) -> tuple[Image.Image, tuple[int, int]]:
    """A saved crop in RGB, and its (width, height) as it is saved.

    JPEG decodes it at a half, a quarter or an eighth of the size, as long as both sides of the
    picture keep 2 * `side` pixels.
    """
    with Image.open(path, formats=["JPEG"]) as image:
        size = image.size
        image.draft("RGB", (2 * side, 2 * side))
        return image.convert("RGB"), size


def pack_crop(path: Path | str, form: Form) -> NDArray[np.uint8]:
    """The saved crop in that form, (size, size, 3)."""
    image, saved = decode_crop(path, form.size)
    left, top, *sides = form.place(saved)
    fitted = image.resize(sides, Image.Resampling.BILINEAR)
    if sides != [form.size, form.size]:
        square = Image.new("RGB", (form.size, form.size), GREY)
        square.paste(fitted, (left, top))
        fitted = square
    return np.asarray(fitted)


def in_threads(work: Callable[[In], Out], items: Iterable[In], threads: int) -> Iterator[Out]:
    """Yield `work(item)` for each item, in their order.

    Work is handed out in blocks; memory holds the results of one more than there are threads.
    Pillow decodes and resizes outside Python's lock, so threads help it.
    """
    items, pending = iter(items), deque()
    with ThreadPoolExecutor(threads) as pool:
        while block := list(islice(items, BLOCK)):
            pending.append(pool.submit(lambda block: [work(item) for item in block], block))
            if len(pending) > threads:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()


def write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    """Begin a .npy of uint8; its rows are then written as bytes, in their order."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


class Pack:
    """The crops of a pack, (n, size, size, 3) uint8; rows are read when they are asked for.

    It is no memory map: the pages that a process reads of one count as its memory, which clusters
    bound.
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
        crops, file = np.empty((rows.size, *self.shape[1:]), np.uint8), self._file.fileno()
        for row, crop in zip(rows.flat, crops, strict=True):
            bytes_read = os.preadv(file, [crop], self._start + int(row) * crop.nbytes)
            if bytes_read < crop.nbytes:
                raise BadInput(f"{self.path}: there is no row {row}; delete it, it is made again")
        return crops.reshape(*rows.shape, *self.shape[1:])


def batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut row numbers into batches of `size`, the last one smaller."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]

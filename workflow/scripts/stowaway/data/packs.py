"""Packed crops: one .npy of uint8 per image size and aspect, a row per row of labels.csv."""

import math
import os
import re
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

from stowaway.core.files import Damaged, damaged, reading
from stowaway.core.script import BadInput

GREY = 124, 116, 104  # the mean colour of ImageNet: what a pretrained network takes for nothing
BLOCK = 64  # crops that a thread decodes before they are handed on
In, Out = TypeVar("In"), TypeVar("Out")


@dataclass(frozen=True)
class Form:
    """A square of `size` pixels, made as `aspect` says: `squeeze`, `pad` or `window`.

    A crop is squeezed to it, as the original did, or keeps its form, in the middle of a square that
    is grey elsewhere. So does a window, which is no square where the photo is too small for it.
    """

    size: int
    aspect: str

    @classmethod
    def named(cls, name: str) -> "Form":
        """As a pack's file is named: 64, 224pad, 224window."""
        size, aspect = re.fullmatch(r"(\d+)(pad|window)?", name).groups()
        return cls(int(size), aspect or "squeeze")

    @property
    def column(self) -> str:
        """The column of labels.csv with the pictures that it is made of."""
        return "window_path" if self.aspect == "window" else "image_path"

    def place(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where a picture of `size`, (width, height), lies in it: left, top, width, height."""
        sides = [self.size, self.size]
        if self.aspect != "squeeze":
            sides = [max(1, round(self.size * side / max(size))) for side in size]
        return *((self.size - side) // 2 for side in sides), *sides


def decode_crop(path: Path | str, side: int) -> tuple[Image.Image, tuple[int, int]]:
    """A saved crop in RGB, and its (width, height) as it is saved.

    JPEG decodes it at a half, a quarter or an eighth of the size, as long as both sides of the
    picture keep 2 * `side` pixels.
    """
    with reading(path), Image.open(path, formats=["JPEG"]) as image:
        size = image.size
        image.draft("RGB", (2 * side, 2 * side))
        return image.convert("RGB"), size


def pack_crop(path: Path | str, form: Form) -> NDArray[np.uint8]:
    """The saved crop or window in that form, (size, size, 3)."""
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


def write_header(file: IO[bytes], shape: tuple[int, ...], dtype: type = np.uint8) -> None:
    """Begin a .npy; its rows are then written as bytes, in their order.

    No memory map is written: on a full disk, its writer would be killed without a word.
    """
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


class Rows:
    """The rows of a .npy of as many DIMENSIONS, (n, ...); they are read when they are asked for.

    It is no memory map: the pages that a process reads of one count as its memory, which clusters
    bound. Raises `BadInput` for a damaged file, and for one that has not the `expected` rows, those
    of labels.csv.
    """

    DIMENSIONS: int
    KIND: type  # of the values

    def __init__(self, path: Path | str, expected: int | None = None) -> None:
        self.path = path
        with reading(path):
            self._file = open(path, "rb")  # noqa: SIM115 - for as long as the rows are used
            np.lib.format.read_magic(self._file)
            self.shape, turned, self.dtype = np.lib.format.read_array_header_1_0(self._file)
            self._start = self._file.tell()
            if (
                turned
                or not np.issubdtype(self.dtype, self.KIND)
                or len(self.shape) != self.DIMENSIONS
            ):
                raise Damaged(f"it holds {self.dtype}{list(self.shape)}")
            there = os.fstat(self._file.fileno()).st_size - self._start
            if there != math.prod(self.shape) * self.dtype.itemsize:
                raise Damaged(f"{there} bytes are there of {list(self.shape)} values")
            if len(self) != (len(self) if expected is None else expected):
                raise Damaged(f"{len(self)} rows, and labels.csv has {expected}")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: NDArray) -> NDArray:
        """The values of some rows, an array (...) -> (..., *the shape of one); from any thread."""
        values, file = np.empty((rows.size, *self.shape[1:]), self.dtype), self._file.fileno()
        for row, value in zip(rows.flat, values, strict=True):
            bytes_read = os.preadv(file, [value], self._start + int(row) * value.nbytes)
            if bytes_read < value.nbytes:
                raise BadInput(damaged(self.path, f"there is no row {row}"))
        return values.reshape(*rows.shape, *self.shape[1:])


class Pack(Rows):
    """The crops of a pack, (n, size, size, 3) uint8."""

    DIMENSIONS, KIND = 4, np.uint8


class Features(Rows):
    """A backbone's features of crops, (n, dimensions) floats; all that are read are finite."""

    DIMENSIONS, KIND = 2, np.floating

    def __getitem__(self, rows: NDArray) -> NDArray[np.floating]:
        values = super().__getitem__(rows)
        if not np.isfinite(values).all():
            raise BadInput(damaged(self.path, "it has values that are not finite"))
        return values


def batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut row numbers into batches of `size`, the last one smaller."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]

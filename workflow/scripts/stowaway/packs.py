"""Packed crops: one memory-mapped uint8 array per image size and aspect, a row per crop."""

import csv
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

GREY = 124, 116, 104  # the mean colour of ImageNet: what a pretrained network takes for nothing


def small(path: str, size: int, pad: bool = False) -> np.ndarray:
    """The crop as (size, size, 3) uint8: squeezed to a square, as the original did.

    With `pad`, it keeps its form, in the middle of a square that is grey elsewhere.
    """
    with Image.open(path, formats=["JPEG"]) as image:
        longest = max(image.size)
        sides = [max(1, round(size * side / longest)) if pad else size for side in image.size]
        image.draft("RGB", (2 * size, 2 * size))  # lets JPEG decode at a fraction of its size
        fitted = image.convert("RGB").resize(sides, Image.Resampling.BILINEAR)
    square = Image.new("RGB", (size, size), GREY)
    square.paste(fitted, tuple((size - side) // 2 for side in sides))
    return np.asarray(square)


def pack(
    paths: Iterable[str], n: int, out: Path, size: int, pad: bool, threads: int
) -> Iterator[int]:
    """Write the `n` crops at `paths` as a (n, size, size, 3) .npy, yielding each row written.

    Memory holds a few hundred crops, whatever their number.
    """
    temporary = out.with_name(f".{out.name}.part")
    array = np.lib.format.open_memmap(temporary, "w+", np.uint8, (n, size, size, 3))
    paths = iter(paths)
    fit = partial(small, size=size, pad=pad)
    with ThreadPoolExecutor(threads) as pool:  # Pillow decodes and resizes outside the GIL
        for start in range(0, n, 256):
            batch = list(islice(paths, 256))
            for row, pixels in enumerate(pool.map(fit, batch), start):
                array[row] = pixels
                yield row
    array.flush()
    del array
    temporary.replace(out)


def open_pack(pixels: Path | str, index: Path | str) -> tuple[np.ndarray, dict[str, int]]:
    """The memory-mapped array and the row of each crop id."""
    with open(index, newline="", encoding="utf-8") as file:
        rows = {line["crop_id"]: int(line["row"]) for line in csv.DictReader(file)}
    return np.load(pixels, mmap_mode="r"), rows


def batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut row numbers into batches of `size`, the last one smaller."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]

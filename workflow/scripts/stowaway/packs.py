"""Packed crops: one memory-mapped uint8 array per image size, a row per crop."""

import csv
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image


def small(path: str, size: int) -> np.ndarray:
    """The crop squeezed to a square, as the original did: (size, size, 3) uint8."""
    with Image.open(path, formats=["JPEG"]) as image:
        image.draft("RGB", (2 * size, 2 * size))  # lets JPEG decode at a fraction of its size
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def pack(paths: Iterable[str], n: int, out: Path, size: int, threads: int) -> Iterator[int]:
    """Write the `n` crops at `paths` as a (n, size, size, 3) .npy, yielding each row written.

    Memory holds a few hundred crops, whatever their number.
    """
    temporary = out.with_name(f".{out.name}.part")
    array = np.lib.format.open_memmap(temporary, "w+", np.uint8, (n, size, size, 3))
    paths = iter(paths)
    with ThreadPoolExecutor(threads) as pool:  # Pillow decodes and resizes outside the GIL
        for start in range(0, n, 256):
            batch = list(islice(paths, 256))
            for row, pixels in enumerate(pool.map(small, batch, [size] * len(batch)), start):
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

"""labels.csv -> packed/<size>.npy, every crop as size x size pixels, and what else pixels tell.

Every crop is decoded once, for packs of all sizes; for shortcuts.csv, what a crop tells of the
camera alone; and for copies.csv, near-copies. A crop is squeezed to the square; for
packed/<size>pad.npy it keeps its form and gets grey sides.
"""

import csv
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stowaway.core.files import replacing
from stowaway.core.memory import keep_memory
from stowaway.core.progress import progress
from stowaway.core.script import rule_log
from stowaway.core.tables import rows
from stowaway.data import shortcuts
from stowaway.data.copies import clusters, fingerprint
from stowaway.data.packs import Crop, Form, write_header

BLOCK = 64  # crops that a thread decodes before they are written


class Block(NamedTuple):
    """What the pixels of some crops tell, a row per crop."""

    crop_ids: list[str]
    packs: list[NDArray[np.uint8]]  # (n, size, size, 3) for each form
    measures: list[list[float]]
    prints: NDArray[np.uint64]  # (n, 4)


def look(lines: list[dict[str, str]], forms: list[Form]) -> Block:
    """Decode each of these crops, rows of the labels, once."""
    packs = [np.empty((len(lines), form.size, form.size, 3), np.uint8) for form in forms]
    prints, measures = np.empty((len(lines), 4), np.uint64), []
    most = max([shortcuts.SIDE, *(form.size for form in forms)])
    for n, line in enumerate(lines):
        crop = Crop(line["image_path"], most)
        for pack, form in zip(packs, forms, strict=True):
            pack[n] = crop.as_square(form)
        seen = crop.about(shortcuts.SIDE)
        prints[n] = fingerprint(seen.convert("L"))
        box = int(line["crop_width"]), int(line["crop_height"])
        weight = Path(line["image_path"]).stat().st_size
        measures.append(shortcuts.measures(seen, box, crop.size, weight))
    return Block([line["crop_id"] for line in lines], packs, measures, prints)


def blocks(labels: Path, forms: list[Form], threads: int) -> Iterator[Block]:
    """Blocks of crops in their order; memory holds one more than there are threads."""
    lines, pending = rows(labels), deque()
    with ThreadPoolExecutor(threads) as pool:  # Pillow decodes and resizes outside the GIL
        while block := list(islice(lines, BLOCK)):
            pending.append(pool.submit(look, block, forms))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def pack_crops(
    labels: Path, packs: list[Path], index: Path, measured: Path, copies: Path, threads: int
) -> None:
    """Write everything in the order of the labels; memory holds 40 bytes of each crop."""
    keep_memory()
    total = sum(1 for _ in rows(labels))
    forms = [Form.named(path.stem) for path in packs]
    prints, contrast, done = np.empty((total, 4), np.uint64), np.empty(total, np.float32), 0
    with ExitStack() as stack, progress([], "packing", "crops", total) as line:
        index_file, measured_file = (stack.enter_context(replacing(p)) for p in (index, measured))
        pack_files = [stack.enter_context(replacing(path, "wb")) for path in packs]
        for file, form in zip(pack_files, forms, strict=True):
            write_header(file, (total, form.size, form.size, 3))
        indexed, table = csv.writer(index_file), csv.writer(measured_file)
        indexed.writerow(["row", "crop_id"])
        table.writerow(["crop_id", *shortcuts.COLUMNS])
        for block in blocks(labels, forms, threads):
            for file, pixels in zip(pack_files, block.packs, strict=True):
                file.write(pixels)
            for crop_id, values in zip(block.crop_ids, block.measures, strict=True):
                table.writerow([crop_id, *(f"{value:.6g}" for value in values)])
            indexed.writerows(enumerate(block.crop_ids, done))
            rows_done = slice(done, done := done + len(block.crop_ids))
            prints[rows_done] = block.prints
            contrast[rows_done] = [values[1] for values in block.measures]
            line.update(len(block.crop_ids))
    copy = clusters(prints, contrast)
    print(f"{total - len(np.unique(copy))} of {total} crops are near-copies of others")
    with replacing(copies) as file:
        writer = csv.writer(file)
        writer.writerow(["crop_id", "copy"])
        crop_ids = (row["crop_id"] for row in rows(labels))
        writer.writerows(zip(crop_ids, copy, strict=True))


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        pack_crops(
            Path(snakemake.input.labels),
            [Path(path) for path in snakemake.output.packs],
            Path(snakemake.output.index),
            Path(snakemake.output.shortcut),
            Path(snakemake.output.copies),
            snakemake.threads,
        )

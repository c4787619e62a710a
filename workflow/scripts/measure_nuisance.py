"""labels.csv -> nuisance.csv, what a crop tells of the camera alone; copies.csv, near-copies."""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from stowaway.copies import clusters, fingerprint
from stowaway.run import progress, replacing, rule_log
from stowaway.tables import rows

COLUMNS = [
    "crop_id",
    "brightness",
    "contrast",
    "colourfulness",
    "area",
    "aspect",
    "bytes_per_pixel",
]


def measured(path: str) -> tuple[list[float], np.ndarray]:
    """The six measures of one crop, as in COLUMNS, and its fingerprint.

    Brightness and contrast are mean and standard deviation of grey, 0 to 255; colourfulness is that
    of Hasler and Suesstrunk 2003, 0 for infrared; area is in pixels, aspect is width / height.
    """
    with Image.open(path, formats=["JPEG"]) as image:
        width, height = image.size
        image.draft("RGB", (128, 128))
        pixels = np.asarray(image.convert("RGB"), np.float32)
        marks = fingerprint(image.convert("L"))
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    grey = pixels.mean(2)
    across, down = red - green, (red + green) / 2 - blue
    spread, middle = np.hypot(across.std(), down.std()), np.hypot(across.mean(), down.mean())
    size = Path(path).stat().st_size
    measures = [
        *(float(value) for value in (grey.mean(), grey.std(), spread + 0.3 * middle)),
        width * height,
        width / height,
        size / (width * height),
    ]
    return measures, marks


def measure_nuisance(labels: Path, out: Path, out_copies: Path, threads: int) -> None:
    """A row per crop, in the order of the labels; memory holds 40 bytes of each."""
    total = sum(1 for _ in rows(labels))
    prints, contrast = np.empty((total, 4), np.uint64), np.empty(total, np.float32)
    with ThreadPoolExecutor(threads) as pool, replacing(out) as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        values = pool.map(measured, (row["image_path"] for row in rows(labels)))
        pairs = progress(zip(rows(labels), values, strict=True), "measures", "crops", total)
        for n, (row, (found, marks)) in enumerate(pairs):
            writer.writerow([row["crop_id"], *(f"{value:.6g}" for value in found)])
            prints[n], contrast[n] = marks, found[1]
    copy = clusters(prints, contrast)
    print(f"{total - len(np.unique(copy))} of {total} crops are near-copies of others")
    with replacing(out_copies) as file:
        writer = csv.writer(file)
        writer.writerow(["crop_id", "copy"])
        writer.writerows(
            (row["crop_id"], number) for row, number in zip(rows(labels), copy, strict=True)
        )


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        measure_nuisance(
            Path(snakemake.input.labels),
            Path(snakemake.output.nuisance),
            Path(snakemake.output.copies),
            snakemake.threads,
        )

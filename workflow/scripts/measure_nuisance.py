"""labels.csv -> nuisance.csv: what a crop tells of the camera and not of the animal."""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

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


def measured(path: str) -> list[float]:
    """The six measures of one crop, as in COLUMNS.

    Brightness and contrast are mean and standard deviation of grey, 0 to 255; colourfulness is that
    of Hasler and Suesstrunk 2003, 0 for infrared; area is in pixels, aspect is width / height.
    """
    with Image.open(path, formats=["JPEG"]) as image:
        width, height = image.size
        image.draft("RGB", (128, 128))
        pixels = np.asarray(image.convert("RGB"), np.float32)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    grey = pixels.mean(2)
    across, down = red - green, (red + green) / 2 - blue
    spread, middle = np.hypot(across.std(), down.std()), np.hypot(across.mean(), down.mean())
    size = Path(path).stat().st_size
    return [
        *(float(value) for value in (grey.mean(), grey.std(), spread + 0.3 * middle)),
        width * height,
        width / height,
        size / (width * height),
    ]


def measure_nuisance(labels: Path, out: Path, threads: int) -> None:
    """A row per crop, in the order of the labels."""
    total = sum(1 for _ in rows(labels))
    with ThreadPoolExecutor(threads) as pool, replacing(out) as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        values = pool.map(measured, (row["image_path"] for row in rows(labels)))
        pairs = zip(rows(labels), values, strict=True)
        for row, found in progress(pairs, "measures", "crops", total):
            writer.writerow([row["crop_id"], *(f"{value:.6g}" for value in found)])


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        measure_nuisance(
            Path(snakemake.input.labels), Path(snakemake.output.nuisance), snakemake.threads
        )

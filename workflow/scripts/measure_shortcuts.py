"""labels.csv -> shortcuts.csv: what each crop tells about the camera and the box alone."""

import csv
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.memory import keep_memory
from stowaway.core.progress import progress
from stowaway.core.script import run_rule
from stowaway.core.tables import rows
from stowaway.data.packs import decode_crop, in_threads
from stowaway.data.shortcuts import COLUMNS, SIDE, measures


def measure_shortcuts(labels: Path, shortcuts: Path, threads: int) -> None:
    """Write `crop_id` and the measures of every crop, in the order of the labels."""
    keep_memory()
    total = sum(1 for _ in rows(labels))
    measured = in_threads(measure_crop, rows(labels), threads)
    with replacing(shortcuts) as file:
        table = csv.writer(file)
        table.writerow(["crop_id", *COLUMNS])
        table.writerows(progress(measured, "shortcuts", "crops", total))


def measure_crop(row: dict[str, str]) -> list[str]:
    """The line of shortcuts.csv for this row of the labels."""
    image, saved = decode_crop(row["image_path"], SIDE)
    box = int(row["crop_width"]), int(row["crop_height"])
    file_bytes = Path(row["image_path"]).stat().st_size
    values = measures(image, box, saved, file_bytes)
    return [row["crop_id"], *(f"{value:.6g}" for value in values)]


if __name__ == "__main__":
    run_rule(measure_shortcuts, snakemake)

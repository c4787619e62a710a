"""labels.csv -> packed/<form>.npy: every crop as a square of pixels, in the order of the labels."""

from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.memory import keep_memory
from stowaway.core.progress import progress
from stowaway.core.script import run_rule
from stowaway.core.tables import rows
from stowaway.data.packs import Form, in_threads, pack_crop, write_header


def pack_crops(labels: Path, pack: Path, form: str, threads: int) -> None:
    """Decode every crop at the size that this form needs; memory holds some blocks of them."""
    keep_memory()
    square = Form.named(form)
    total = sum(1 for _ in rows(labels))
    paths = (row[square.column] for row in rows(labels))
    crops = in_threads(lambda path: pack_crop(path, square), paths, threads)
    with replacing(pack, "wb") as file:
        write_header(file, (total, square.size, square.size, 3))
        for pixels in progress(crops, f"packing {form}", "crops", total):
            file.write(pixels)


if __name__ == "__main__":
    run_rule(pack_crops, snakemake)

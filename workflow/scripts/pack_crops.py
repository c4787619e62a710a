"""labels.csv -> packed/<size>.npy, every crop squeezed to size x size, and the row of each crop."""

import csv
from pathlib import Path

from stowaway.packs import pack
from stowaway.run import progress, replacing, rule_log
from stowaway.tables import rows


def pack_crops(labels: Path, out: Path, index: Path, size: int, threads: int) -> None:
    """Write the pack first, then its index, so that an index always has its pack."""
    crops = [(row["image_path"], row["crop_id"]) for row in rows(labels)]
    packing = pack([path for path, _ in crops], out, size, threads)
    for _ in progress(packing, f"packing at {size} px", "crops", len(crops)):
        pass
    with replacing(index) as file:
        writer = csv.writer(file)
        writer.writerow(["row", "crop_id"])
        writer.writerows((row, crop_id) for row, (_, crop_id) in enumerate(crops))


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        pack_crops(
            Path(snakemake.input.labels),
            Path(snakemake.output.pack),
            Path(snakemake.output.index),
            int(snakemake.wildcards.size),
            snakemake.threads,
        )

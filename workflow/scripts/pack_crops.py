"""labels.csv -> packed/<size>.npy, every crop as size x size pixels, and the row of each crop.

A crop is squeezed to the square; for packed/<size>pad.npy it keeps its form and gets grey sides.
"""

import csv
from pathlib import Path

from stowaway.packs import pack
from stowaway.run import progress, replacing, rule_log
from stowaway.tables import rows


def pack_crops(labels: Path, out: Path, index: Path, size: int, pad: bool, threads: int) -> None:
    """Write the pack first, then its index, so that an index always has its pack."""
    n = sum(1 for _ in rows(labels))
    packing = pack((row["image_path"] for row in rows(labels)), n, out, size, pad, threads)
    for _ in progress(packing, f"packing at {size} px", "crops", n):
        pass
    with replacing(index) as file:
        writer = csv.writer(file)
        writer.writerow(["row", "crop_id"])
        writer.writerows((number, row["crop_id"]) for number, row in enumerate(rows(labels)))


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        pack_crops(
            Path(snakemake.input.labels),
            Path(snakemake.output.pack),
            Path(snakemake.output.index),
            int(snakemake.wildcards.size.removesuffix("pad")),
            snakemake.wildcards.size.endswith("pad"),
            snakemake.threads,
        )

"""labels.csv -> packed/<size>.npy, every crop squeezed to size x size, and the row of each crop."""

import csv
from pathlib import Path

from stowaway.packs import pack
from stowaway.run import progress, replacing, rule_log
from stowaway.tables import rows


def pack_crops(labels: Path, out: Path, index: Path, size: int, threads: int) -> None:
    """Write the pack first, then its index, so that an index always has its pack."""
    n = sum(1 for _ in rows(labels))
    packing = pack((row["image_path"] for row in rows(labels)), n, out, size, threads)
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
            int(snakemake.wildcards.size),
            snakemake.threads,
        )

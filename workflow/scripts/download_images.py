"""A shard's annotations -> its images in the store, and the manifest of what is there."""

import csv
from dataclasses import asdict
from pathlib import Path

from stowaway.run import BadInput, progress, replacing, rule_log
from stowaway.sources import open_source
from stowaway.store import Store
from stowaway.tables import rows

COLUMNS = ["image_id", "file_name", "path", "bytes", "sha256", "status", "error"]


def download_images(
    shard: Path,
    manifest: Path,
    folder: Path,
    journal: Path,
    source: str,
    aws: dict,
    connections: int,
) -> None:
    """Fetch what is not complete; a missing image is a row with its error, none at all an error."""
    images = {(row["image_id"], row["file_name"], row["key"]) for row in rows(shard)}
    fetch = open_source(source, aws, connections)
    entries = Store(folder, journal).fill(sorted(images), fetch, connections)
    good, bad, size = 0, [], 0
    with replacing(manifest) as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for entry in progress(entries, f"images {shard.stem}", "images", len(images)):
            writer.writerow(asdict(entry) | {"status": "error" if entry.error else "ok"})
            good += not entry.error
            size += entry.bytes
            if entry.error:
                bad.append(entry)
        if images and not good:
            raise BadInput(
                f"images.source: none of {len(images)} images could be had from {source}; "
                f"the first, {bad[0].file_name}: {bad[0].error}"
            )
    print(f"{good} images, {size / 1e6:.1f} MB; {len(bad)} failed")
    for entry in bad:
        print(f"failed: {entry.file_name}: {entry.error}")


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        download_images(
            Path(snakemake.input.shard),
            Path(snakemake.output.manifest),
            Path(snakemake.params.folder),
            Path(snakemake.params.journal),
            snakemake.params.source,
            dict(snakemake.params.aws),
            snakemake.resources.connections,
        )

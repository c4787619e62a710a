"""A shard's annotations -> its images in the store, and the manifest of what is there."""

import csv
from dataclasses import asdict, fields
from pathlib import Path

from stowaway.run import BadInput, progress, replacing, rule_log
from stowaway.sources import open_source, public
from stowaway.store import Entry, Store
from stowaway.tables import rows


def download_images(
    shard: Path,
    manifest: Path,
    folder: Path,
    journal: Path,
    source: str,
    aws: dict,
    connections: int,
) -> None:
    """Fetch what is not complete. A missing image is a row with its error.

    Raises `BadInput` when no image could be had and one of them may be there: then it is the
    source, the network or the credentials, and not the images.
    """
    images = {(row["image_id"], row["file_name"], row["key"]) for row in rows(shard)}
    fetch = open_source(source, aws, connections)
    filling = Store(folder, journal, source).fill(sorted(images), fetch, connections)
    entries = list(progress(filling, f"images {shard.stem}", "images", len(images)))
    entries.sort(key=lambda entry: entry.file_name)
    bad = [entry for entry in entries if entry.error]
    failed = [entry for entry in bad if entry.status == "failed"]
    if failed and len(bad) == len(entries):
        raise BadInput(
            f"images.source: none of {len(entries)} images could be had from {public(source)}; "
            f"the first, {failed[0].file_name}: {failed[0].error}"
        )
    with replacing(manifest) as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Entry)])
        writer.writeheader()
        writer.writerows(map(asdict, entries))
    size = sum(entry.bytes for entry in entries) / 1e6
    print(f"{len(entries) - len(bad)} images, {size:.1f} MB; {len(bad)} could not be had")
    for entry in bad:
        print(f"{entry.status}: {entry.file_name}: {entry.error}")


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        download_images(
            Path(snakemake.input.shard),
            Path(snakemake.output.manifest),
            Path(snakemake.params.folder),
            Path(snakemake.params.journal),
            snakemake.params.source,
            snakemake.config["aws"],  # no parameter: another profile changes no image
            snakemake.resources.connections,
        )

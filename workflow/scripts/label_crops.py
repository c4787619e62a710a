"""All shards -> labels.csv, one row per crop, and a summary of what was had and what was lost."""

import csv
from collections import Counter
from itertools import chain
from pathlib import Path

from stowaway.run import BadInput, replacing, rule_log
from stowaway.tables import rows

COLUMNS = (
    "image_path species_label crop_id event location datetime crop_width crop_height image_id label"
).split()


def label_crops(
    crops: list[str],
    rejected: list[str],
    manifests: list[str],
    index_rejected: str,
    labels: Path,
    summary: Path,
) -> None:
    """Gather the shards in their order; columns `image_path, species_label` come first."""
    species, lost = Counter(), Counter()
    with replacing(labels) as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        for row in chain.from_iterable(map(rows, crops)):
            species[row["species"]] += 1
            writer.writerow(row | {"species_label": row["species"]})
        if not species:
            raise BadInput(f"no crop could be made; the reasons are in {rejected[0]} and beside it")
    images = Counter(row["status"] for row in chain.from_iterable(map(rows, manifests)))
    lost.update(row["reason"].split(":")[0] for row in chain.from_iterable(map(rows, rejected)))
    refused = Counter(row["reason"] for row in rows(index_rejected))
    lines = [
        f"images: {images['ok']} there, {images['error']} could not be had",
        f"crops: {species.total()} of {len(species)} labels; {lost.total()} boxes not cropped"
        + "".join(f"; {n} x {reason}" for reason, n in lost.most_common()),
        f"annotations refused: {refused.total()}"
        + "".join(f"; {n} x {reason}" for reason, n in refused.most_common()),
    ]
    with replacing(summary) as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        label_crops(
            snakemake.input.crops,
            snakemake.input.rejected,
            snakemake.input.manifests,
            snakemake.input.index_rejected,
            Path(snakemake.output.labels),
            Path(snakemake.output.summary),
        )

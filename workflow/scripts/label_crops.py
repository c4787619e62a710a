"""All shards -> labels.csv, one row per crop, and a summary of what was had and what was lost."""

import csv
from collections import Counter
from itertools import chain
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.script import BadInput, rule_log
from stowaway.core.tables import rows

COLUMNS = (
    "image_path species_label crop_id event location datetime crop_width crop_height image_id label"
).split()
REJECTED = ["crop_id", "image_id", "reason"]


def label_crops(
    crops: list[str],
    rejected: list[str],
    manifests: list[str],
    index_rejected: str,
    labels: Path,
    rejected_crops: Path,
    summary: Path,
) -> None:
    """Gather the shards in their order; columns `image_path, species_label` come first."""
    species, lost = Counter(), Counter()
    with replacing(rejected_crops) as file:
        writer = csv.writer(file)
        writer.writerow(REJECTED)
        for row in chain.from_iterable(map(rows, rejected)):
            lost[row["reason"].split(":")[0]] += 1
            writer.writerow(row[name] for name in REJECTED)
    with replacing(labels) as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        for row in chain.from_iterable(map(rows, crops)):
            species[row["species"]] += 1
            writer.writerow(row | {"species_label": row["species"]})
        if not species:
            raise BadInput(f"images: no crop could be made: {dict(lost.most_common())}")
    images = Counter(row["status"] for row in chain.from_iterable(map(rows, manifests)))
    refused = Counter(row["reason"] for row in rows(index_rejected))
    lines = [
        f"images: {images['ok']} there, {images['missing']} missing, {images['failed']} failed",
        f"crops: {species.total()} of {len(species)} labels; {lost.total()} boxes not cropped"
        + "".join(f"; {n} x {reason}" for reason, n in lost.most_common()),
        f"annotations refused: {refused.total()}"
        + "".join(f"; {n} x {reason}" for reason, n in refused.most_common()),
    ]
    if images["missing"] + images["failed"]:
        lines.append("to try these images again: --forcerun download_images")
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
            Path(snakemake.output.rejected),
            Path(snakemake.output.summary),
        )

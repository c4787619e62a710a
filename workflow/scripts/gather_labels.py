"""All shards -> labels.csv, one row per crop, and a summary of what is there and what was lost.

Of exact copies the first stays; later ones are rows of rejected_crops.csv that name it.
"""

import csv
from collections import Counter
from itertools import chain
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import rows
from stowaway.data.exact_copies import copy_finder

COLUMNS = (
    "image_path species_label crop_id event location datetime crop_width crop_height image_id "
    "label photo_checksum crop_checksum"
).split()
REJECTED = ["crop_id", "image_id", "reason"]


def gather_labels(
    crop_tables: list[Path],
    rejected_tables: list[Path],
    manifests: list[Path],
    index_rejected: Path,
    labels: Path,
    rejected_crops: Path,
    summary: Path,
) -> None:
    """Gather the shards in their order; memory does not grow with them.

    The columns `image_path, species_label` come first. Raises `BadInput` where no crop is there.
    """
    species, lost = Counter(), Counter()
    with (
        replacing(labels) as usable,
        replacing(rejected_crops) as refused,
        copy_finder(labels.with_name(".checksums.sqlite")) as why_copy,
    ):
        table = csv.DictWriter(usable, COLUMNS, extrasaction="ignore")
        reject = csv.DictWriter(refused, REJECTED, extrasaction="ignore")
        table.writeheader()
        reject.writeheader()
        for row in chain.from_iterable(map(rows, [*rejected_tables, *crop_tables])):
            if reason := row.get("reason") or why_copy(row):
                lost[reason.split(":")[0]] += 1
                reject.writerow(row | {"reason": reason})
                continue
            species[row["species"]] += 1
            table.writerow(row | {"species_label": row["species"]})
        if not species:
            raise BadInput(f"images: no crop could be made: {dict(lost.most_common())}")
    images = Counter(row["status"] for row in chain.from_iterable(map(rows, manifests)))
    refused = Counter(row["reason"] for row in rows(index_rejected))
    lines = [
        f"images: {images['ok']} there, {images['missing']} missing, {images['failed']} failed",
        f"crops: {species.total()} of {len(species)} labels; "
        + "; ".join([f"{lost.total()} boxes without one", *counted(lost)]),
        "; ".join([f"annotations refused: {refused.total()}", *counted(refused)]),
    ]
    if images["missing"] + images["failed"]:
        lines.append("to try these images again: --forcerun download_images")
    with replacing(summary) as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


def counted(reasons: Counter) -> list[str]:
    """How often each reason was met, the most frequent first."""
    return [f"{n} x {reason}" for reason, n in reasons.most_common()]


if __name__ == "__main__":
    run_rule(gather_labels, snakemake)

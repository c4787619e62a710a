"""All shards -> labels.csv, one row per crop, and rejected_crops.csv, one per box without one.

Of exact copies the first stays; later ones are rows of rejected_crops.csv that name it.
"""

import csv
import os
from collections import Counter
from itertools import chain
from pathlib import Path

from stowaway.annotations.facts import read_facts
from stowaway.core.files import replacing
from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import rows
from stowaway.data.exact_copies import copy_finder
from stowaway.data.losses import Losses, kind_of

COLUMNS = (
    "image_path species_label crop_id event location datetime crop_width crop_height image_id "
    "label photo_checksum crop_checksum clipped"
).split()
REJECTED = ["crop_id", "image_id", "reason"]


def gather_labels(
    crop_tables: list[Path],
    rejected_tables: list[Path],
    index_facts: Path,
    index_rejected: Path,
    labels: Path,
    rejected_crops: Path,
    failures: str,
    config: dict,
) -> None:
    """Gather the shards in their order; memory does not grow with them.

    The columns `image_path, species_label` come first. Raises `BadInput` where no crop is there, or
    where the losses of all stages are over the share `max_rejected`; the table of rejected crops is
    the file `failures` then.
    """
    crops, lost = 0, Counter()
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
                lost[kind_of(reason)] += 1
                reject.writerow(row | {"reason": reason})
                continue
            crops += 1
            table.writerow(row | {"species_label": row["species"]})
    losses = Losses(read_facts(index_facts), lost, crops)
    print("\n".join(losses.table()))
    try:
        losses.check(config["max_rejected"], f"{index_rejected} and {failures}")
        if not crops:
            raise BadInput(f"images: no crop could be made: {dict(lost.most_common())}")
    except BadInput:  # Snakemake deletes the outputs of a failed job
        os.replace(rejected_crops, failures)
        raise
    Path(failures).unlink(missing_ok=True)


if __name__ == "__main__":
    run_rule(gather_labels, snakemake)

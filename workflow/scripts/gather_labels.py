"""All shards -> labels.csv, one row per crop, and rejected_crops.csv, one per box without one.

Of exact copies the first stays; later ones are rows of rejected_crops.csv that name it. Photos with
the bytes of another event's are lost, and the next download compares them with the source again.
"""

import csv
import os
from collections import Counter
from itertools import chain
from pathlib import Path

from stowaway.annotations.facts import read_facts
from stowaway.core.files import damaged, replacing
from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import rows
from stowaway.data.exact_copies import FOREIGN, copy_finder, images_of
from stowaway.data.losses import Losses, kind_of
from stowaway.download.store import Store

COLUMNS = (
    "image_path species_label crop_id event location datetime crop_width crop_height image_id "
    "label photo_checksum crop_checksum clipped file_name photo_path x y photo_width photo_height "
    "confidence"
).split()
REJECTED = ["crop_id", "image_id", "reason"]


def gather_labels(
    crop_tables: list[Path],
    rejected_tables: list[Path],
    manifests: list[Path],
    index_facts: Path,
    index_rejected: Path,
    labels: Path,
    rejected_crops: Path,
    failures: str,
    images: str,
    subset: bool,
    config: dict,
) -> None:
    """Gather the shards in their order; memory does not grow with them.

    The columns `image_path, species_label` come first. Raises `BadInput` where no crop is there,
    where boxes of the index are missing though no `subset` was drawn, or where the losses of all
    stages are over the share `max_rejected`; the table of rejected crops is the file `failures`
    then.
    """
    facts, crops, lost = read_facts(index_facts), 0, Counter()
    with (
        replacing(labels) as usable,
        replacing(rejected_crops) as refused,
        copy_finder(
            labels.with_name(".checksums.sqlite"),
            lambda: chain.from_iterable(map(rows, crop_tables)),
        ) as why_not,
    ):
        table = csv.DictWriter(usable, COLUMNS, extrasaction="ignore")
        reject = csv.DictWriter(refused, REJECTED, extrasaction="ignore")
        table.writeheader()
        reject.writeheader()
        for row in chain.from_iterable(map(rows, rejected_tables)):
            lost[kind_of(row["reason"])] += 1
            reject.writerow(row)
        for shard, manifest in zip(crop_tables, manifests, strict=True):
            foreign = set()
            for boxes in images_of(rows(shard)):
                for row, reason in zip(boxes, why_not(boxes), strict=True):
                    if not reason:
                        crops += 1
                        table.writerow(row | {"species_label": row["species"]})
                        continue
                    lost[kind_of(reason)] += 1
                    reject.writerow(row | {"reason": reason})
                    if kind_of(reason) == FOREIGN:
                        foreign.add(row["image_id"])
            if foreign:
                journal = Path(images, ".journal", manifest.name)
                entries = (row for row in rows(manifest) if row["image_id"] in foreign)
                store = Store(Path(images), journal, config["images"]["source"])
                store.forget(entries, keep=True)
        if not subset and crops + lost.total() != facts["usable"]:
            why = (
                f"shards or crop tables hold {crops + lost.total():,} of {facts['usable']:,} boxes"
            )
            # the table of annotations may itself be cut, and all others are made of it
            remedy = "run again with --forcerun index_annotations"
            raise BadInput(damaged(labels.parent, why, remedy))
    losses = Losses(facts, lost, crops)
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

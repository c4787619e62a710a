"""All shards -> labels.csv, one row per crop, and rejected_crops.csv, one per box without one.

Of exact copies the first stays; later ones are rows of rejected_crops.csv that name it. Photos with
the bytes of another event's are lost, and the next download compares them with the source again.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from stowaway.annotations.facts import read_facts
from stowaway.core.files import damaged, replacing
from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import rows
from stowaway.data.exact_copies import FOREIGN, copy_finder, images_of
from stowaway.data.losses import Losses, kind_of
from stowaway.data.splits import LABELS
from stowaway.download.store import Store
from stowaway.review.decisions import Joining, leaving, own_verdicts, with_verdicts

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
    decisions: Path | list = (),
    reviewed: Path | list = (),
) -> None:
    """Gather the shards in their order; memory does not grow with them.

    What reviewers decided on boxes of this run holds; crops of other runs that they decided on,
    `reviewed`, come last. Raises `BadInput` where no crop is there, where boxes of the index are
    missing though no `subset` was drawn, or where the losses of all stages are over the share
    `max_rejected`; the table of rejected crops is the file `failures` then.
    """
    facts, crops, lost = read_facts(index_facts), 0, Counter()
    own, joining = own_verdicts(decisions, labels.parent.name), Joining(reviewed)

    def staying(shard: Path) -> Iterator[dict]:
        return with_verdicts(rows(shard), own)

    with (
        replacing(labels) as usable,
        replacing(rejected_crops) as refused,
        copy_finder(
            labels.with_name(".checksums.sqlite"),
            lambda: chain.from_iterable(map(staying, crop_tables)),
        ) as why_not,
    ):
        table = csv.DictWriter(usable, LABELS, extrasaction="ignore")
        reject = csv.DictWriter(refused, REJECTED, extrasaction="ignore")
        table.writeheader()
        reject.writeheader()
        left = leaving(chain.from_iterable(map(rows, crop_tables)), own)
        for row in chain(*map(rows, rejected_tables), left):
            lost[kind_of(row["reason"])] += 1
            reject.writerow(row)
        for shard, manifest in zip(crop_tables, manifests, strict=True):
            foreign = set()
            for boxes in images_of(staying(shard)):
                for row, reason in zip(boxes, why_not(boxes), strict=True):
                    if not reason:
                        crops += 1
                        table.writerow(row | {"species_label": row["species"]})
                        joining.see(row)
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
        found = crops + lost.total()
        if not subset and found != facts["usable"]:
            why = f"shards or crop tables hold {found:,} of {facts['usable']:,} boxes"
            # the table of annotations may itself be cut, and all others are made of it
            remedy = "run again with --forcerun index_annotations"
            raise BadInput(damaged(labels.parent, why, remedy))
        for row, reason in joining.rows():
            (reject if reason else table).writerow(row | {"reason": reason})
    losses = Losses(facts, lost, crops)
    print("\n".join(losses.table()))
    try:
        losses.check(config["max_rejected"], f"{index_rejected} and {failures}")
        if not crops and facts["usable"]:
            raise BadInput(f"images: no crop could be made: {dict(lost.most_common())}")
    except BadInput:  # Snakemake deletes the outputs of a failed job
        os.replace(rejected_crops, failures)
        raise
    Path(failures).unlink(missing_ok=True)


if __name__ == "__main__":
    run_rule(gather_labels, snakemake)

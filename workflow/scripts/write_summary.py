"""What was processed, and what was lost at every stage -> summary.txt, which the end prints."""

from collections import Counter
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

from stowaway.annotations.box_forms import FAR
from stowaway.annotations.facts import read_facts, times_line
from stowaway.core.files import replacing
from stowaway.core.script import run_rule
from stowaway.core.tables import read_table, rows
from stowaway.data.exact_copies import FOREIGN
from stowaway.data.losses import Losses, kind_of
from stowaway.data.photos import UNREADABLE
from stowaway.data.splits import shares_lines


def write_summary(
    labels: Path,
    rejected_crops: Path,
    manifests: list[Path],
    index_facts: Path,
    splits: Path | list,
    summary: Path,
    fractions: dict[str, float],
    novel: list[str],
    decisions: Path | list = (),
    conflicts: Path | list = (),
    reviewed: Path | list = (),
) -> None:
    """Write the counts of images, crops and losses, and what to do about them."""
    facts = read_facts(index_facts)
    species, reasons, edges = Counter(), Counter(), Counter()
    others, joined = {row["crop_id"] for row in rows(reviewed)} if reviewed else set(), Counter()
    for row in rows(labels):
        if row["crop_id"] in others:
            joined[row["species_label"]] += 1
            continue
        species[row["species_label"]] += 1
        edges["clipped"] += int(row["clipped"]) > 0
        edges["far"] += int(row["clipped"]) > FAR
    images = Counter(row["status"] for row in chain.from_iterable(map(rows, manifests)))
    refused = (row for row in rows(rejected_crops) if row["crop_id"] not in others)
    for _, boxes in groupby(refused, itemgetter("image_id")):
        kinds = [kind_of(row["reason"]) for row in boxes]
        reasons.update(kinds)
        images["unreadable"] += kinds[0].startswith(UNREADABLE)
    images["ok"] -= images["unreadable"]
    losses = Losses(facts, reasons, species.total())
    lines = [
        f"images: {images['ok']:,} there, "
        + ", ".join(f"{images[kind]:,} {kind}" for kind in ("missing", "failed", "unreadable")),
        f"crops: {species.total():,} of {len(species):,} labels",
        f"boxes lost on the way to the crops: {losses.share:.1%} of {losses.total:,}",
        *losses.table(),
        not_counted(facts, losses.copies),
        f"boxes clipped at the edge of their photo: {facts['clipped'] + edges['clipped']:,}, of "
        f"which {facts['clipped_far'] + edges['far']:,} by over {FAR} pixels",
        f"{times_line(facts)}; images without a time: {facts['untimed_images']:,}, without a "
        f"location: {facts['unlocated_images']:,}",
        *facts["notes"],
    ]
    if decisions:
        lines.append(decision_line(decisions, conflicts))
    if reviewed:  # none join a batch
        lines.append(
            f"joined from other runs: {joined.total():,} crops of {len(joined):,} labels; "
            f"{len(others) - joined.total():,} more are copies of crops that are here"
        )
    if splits:
        lines += shares_lines(read_table(splits), fractions, novel)
    if losses.part < 1:
        lines.insert(3, f"  (a subset of {losses.part:.1%}: the index's boxes are of the whole)")
    if images["missing"] + images["failed"] + images["unreadable"] + reasons[FOREIGN]:
        lines.append("to try these images again: --forcerun download_images")
    with replacing(summary) as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


def decision_line(decisions: Path, conflicts: Path) -> str:
    """What reviewers decided."""
    kinds = Counter(row["decision"] for row in rows(decisions))
    differ = len({(row["batch"], row["event"]) for row in rows(conflicts)})
    return (
        f"decided by reviewers: {kinds.total():,} events"
        + "".join(f", {n:,} {kind}" for kind, n in kinds.most_common())
        + f"; in conflict, used by nobody: {differ:,}"
    )


def not_counted(facts: dict, copies: Counter) -> str:
    """What left on purpose."""
    counts = {"of labels.drop": facts["dropped"], "annotations that stand twice": facts["copies"]}
    counts |= {f"x {why}": n for why, n in copies.most_common()}
    if below := facts.get("below"):
        counts["detections below images.confidence"] = below
    return "not counted as lost: " + ", ".join(f"{n:,} {what}" for what, n in counts.items())


if __name__ == "__main__":
    run_rule(write_summary, snakemake)

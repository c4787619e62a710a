"""annotations.csv -> splits.csv: the role of each event and species in one fold.

Needs no photo: a misspelt species, or one with too few groups, is refused before the downloads.
"""

from pathlib import Path

from stowaway.annotations.facts import read_facts, times_line
from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import write_table
from stowaway.data.shortages import check_groups
from stowaway.data.splits import assign_roles, check_sides, count_boxes, shares_lines
from stowaway.review.decisions import decided_boxes

COLUMNS = "event species group role location boxes".split()


def split_annotations(
    annotations: Path,
    facts: Path,
    splits: Path,
    native: list[str],
    novel: list[str],
    split: dict,
    left_out: bool,
    events: dict,
    per_species: int | None,
    decisions: Path | list = (),
    reviewed: Path | list = (),
) -> None:
    """Write a row per event and species; print the boxes and groups of each species and role.

    What reviewers decided holds, and events of other runs that they decided on join.

    `split`, `events` and `per_species` are the config's `split`, `events` and
    `subset.per_species`; the last two are for messages alone.
    """
    if not native:
        proposal = annotations.with_name("species_proposal.yaml")
        raise BadInput(f"species.native: no species is listed; ask for {proposal} first")
    boxes = decided_boxes(annotations, decisions, reviewed, annotations.parent.name)
    table = assign_roles(count_boxes(boxes), native, novel, split, left_out)
    times = times_line(read_facts(facts))
    check_groups(table, [] if left_out else novel, split, events, per_species, times)
    check_sides(table)
    counts = table.groupby(["species", "role"]).agg(
        boxes=("boxes", "sum"), groups=("group", "nunique")
    )
    print(counts.to_string())
    for line in shares_lines(table, split["fractions"], novel):
        print(line)
    write_table(table[COLUMNS], splits)


if __name__ == "__main__":
    run_rule(split_annotations, snakemake)

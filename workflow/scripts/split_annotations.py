"""annotations.csv -> splits.csv: the role of each event and species in one fold.

Needs no photo: a misspelt species, or one with too few groups, is refused before the downloads.
"""

from pathlib import Path

from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import write_table
from stowaway.data.splits import assign_roles, count_boxes

COLUMNS = "event species group role location boxes".split()


def split_annotations(
    annotations: Path,
    splits: Path,
    native: list[str],
    novel: list[str],
    split: dict,
    left_out: bool,
) -> None:
    """Write a row per event and species; print the boxes and groups of each species and role."""
    if not native:
        proposal = annotations.with_name("species_proposal.yaml")
        raise BadInput(f"species.native: no species is listed; ask for {proposal} first")
    events = assign_roles(count_boxes(annotations), native, novel, split, left_out)
    counts = events.groupby(["species", "role"]).agg(
        boxes=("boxes", "sum"), groups=("group", "nunique")
    )
    print(counts.to_string())
    write_table(events[COLUMNS], splits)


if __name__ == "__main__":
    run_rule(split_annotations, snakemake)

"""annotations.csv -> species.csv: boxes, events and places of each label, and its side.

Has priority over the downloads: a misspelt species, or one with too few groups, is said at once.
"""

from pathlib import Path

import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table
from stowaway.data.splits import with_roles


def count_species(annotations: Path, out: Path, species: dict[str, list[str]], split: dict) -> None:
    """Try the split on the boxes, then write the counts, the most frequent label first."""
    table = with_roles(read_table(annotations, ["species", "event", "location"]), species, split)
    counts = table.groupby("species").agg(
        boxes=("event", "size"), events=("event", "nunique"), locations=("location", "nunique")
    )
    sides = pd.Series({name: side for side, names in species.items() for name in names}, dtype=str)
    counts.insert(0, "side", sides.reindex(counts.index).fillna("unlisted"))
    write_table(counts.sort_values("boxes", ascending=False).reset_index(), out)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        count_species(
            Path(snakemake.input.annotations),
            Path(snakemake.output.species),
            {side: snakemake.params[side] for side in ("native", "invasive")},
            snakemake.params.split,
        )

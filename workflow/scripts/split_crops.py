"""labels.csv -> splits.csv: the role of each crop, and no leak between the roles."""

from pathlib import Path

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table
from stowaway.data.splits import check_no_leak, with_roles

COLUMNS = "crop_id species_label event location image_id".split()


def split_crops(
    labels: Path, copies: Path, out: Path, species: dict[str, list[str]], split: dict, played: bool
) -> None:
    """Write the role and group of every crop, after the leak check."""
    table = read_table(labels, COLUMNS)[COLUMNS].rename(columns={"species_label": "species"})
    table["copy"] = table["crop_id"].map(read_table(copies).set_index("crop_id")["copy"])
    table = with_roles(table, species, split, played)
    check_no_leak(table, species["native"], species["invasive"])
    counts = table.groupby(["species", "role"]).agg(
        crops=("crop_id", "size"), groups=("group", "nunique")
    )
    print(counts.to_string())
    write_table(table[["crop_id", "species", "role", "group", "event", "location"]], out)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        split_crops(
            Path(snakemake.input.labels),
            Path(snakemake.input.copies),
            Path(snakemake.output.splits),
            {side: snakemake.params[side] for side in ("native", "invasive")},
            snakemake.params.split,
            snakemake.params.played,
        )

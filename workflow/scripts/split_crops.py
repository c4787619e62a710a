"""labels.csv -> splits.csv: train / val / test / invasive (and unlisted), no leak between them."""

from pathlib import Path

from stowaway.run import rule_log
from stowaway.splits import check_no_leak, check_species, group_of, split_groups
from stowaway.tables import read_table, write_table

COLUMNS = "crop_id species_label event location image_id".split()


def split_crops(
    labels: Path, out: Path, species: dict[str, list[str]], fractions: dict, group: str, seed: int
) -> None:
    """Write the role and group of every crop, after the leak check."""
    native, invasive = species["native"], species["invasive"]
    table = read_table(labels, COLUMNS)[COLUMNS].rename(columns={"species_label": "species"})
    check_species(species, set(table["species"]))
    table["group"] = group_of(table, group)
    table["role"] = split_groups(table, native, invasive, fractions, seed)
    check_no_leak(table, native, invasive)
    counts = table.groupby(["species", "role"]).agg(
        crops=("crop_id", "size"), groups=("group", "nunique")
    )
    print(counts.to_string())
    write_table(table[["crop_id", "species", "role", "group", "event", "location"]], out)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        split_crops(
            Path(snakemake.input.labels),
            Path(snakemake.output.splits),
            {side: snakemake.params[side] for side in ("native", "invasive")},
            snakemake.params.split["fractions"],
            snakemake.params.split["group"],
            snakemake.params.split["seed"],
        )

"""A fitted detector and features -> scores/<detector>.csv; higher = more novel."""

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table
from stowaway.data.packs import row_numbers
from stowaway.detectors import registry as novelty

if __name__ == "__main__":
    with rule_log(snakemake.log[0]), threadpool_limits(snakemake.threads):
        features = np.load(snakemake.input.features, mmap_mode="r")
        row_of = row_numbers(snakemake.input.index)
        table = read_table(snakemake.input.splits, ["crop_id", "species", "role", "event"])
        detector = novelty.load(Path(snakemake.input.model))
        rows = table["crop_id"].map(row_of).to_numpy()
        table["score"] = novelty.score(detector, features, rows)
        table["predicted"] = novelty.nearest_species(table, features, rows)
        # what only a reconstruction has
        write_table(table.assign(error=np.nan, correlation=np.nan), Path(snakemake.output.scores))

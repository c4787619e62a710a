"""Features of the native crops -> models/<detector>.skops."""

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.data.packs import row_numbers
from stowaway.detectors import registry as novelty

if __name__ == "__main__":
    with rule_log(snakemake.log[0]), threadpool_limits(snakemake.threads):
        features = np.load(snakemake.input.features, mmap_mode="r")
        row_of = row_numbers(snakemake.input.index)
        table = read_table(snakemake.input.splits, ["crop_id", "species", "role", "event"])
        table = table[table["role"].isin(novelty.FITTED_ON)]
        detector = novelty.fit(
            dict(snakemake.params.settings),
            features,
            table["crop_id"].map(row_of).to_numpy(),
            table["species"].to_numpy(str),
            table["event"].to_numpy(str),
        )
        novelty.save(detector, Path(snakemake.output.model))

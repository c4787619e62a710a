"""Features of the native crops -> models/<detector>.skops."""

from pathlib import Path

from threadpoolctl import threadpool_limits

from stowaway import novelty
from stowaway.packs import open_pack
from stowaway.run import rule_log
from stowaway.tables import read_table

if __name__ == "__main__":
    with rule_log(snakemake.log[0]), threadpool_limits(snakemake.threads):
        features, row_of = open_pack(snakemake.input.features, snakemake.input.index)
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

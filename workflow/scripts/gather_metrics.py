"""The metrics of all detectors in one tidy table."""

import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table

if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        write_table(pd.concat(map(read_table, snakemake.input.metrics)), snakemake.output.metrics)

"""Features of the fitted natives of a fold -> all detectors on features, in one file."""

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from stowaway.core.script import rule_log
from stowaway.data.splits import load_crops
from stowaway.detectors.registry import fit_all, save_all


def fit_detectors(
    features: Path, labels: Path, splits: Path, out: Path, settings: dict[str, dict], threads: int
) -> None:
    """Fit the detectors of `settings` (name -> config entry) and save them as plain arrays."""
    with threadpool_limits(threads):
        crops = load_crops(labels, splits)
        save_all(out, fit_all(settings, np.load(features, mmap_mode="r"), crops))


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        fit_detectors(
            features=Path(snakemake.input.features),
            labels=Path(snakemake.input.labels),
            splits=Path(snakemake.input.splits),
            out=Path(snakemake.output.detectors),
            settings=dict(snakemake.params.settings),
            threads=snakemake.threads,
        )

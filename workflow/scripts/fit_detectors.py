"""Features of the fitted natives of a fold -> all detectors on features, in one file."""

from pathlib import Path

from threadpoolctl import threadpool_limits

from stowaway.core.script import run_rule
from stowaway.data.packs import Features
from stowaway.data.splits import load_crops
from stowaway.detectors.registry import fit_all, save_all


def fit_detectors(
    features: Path,
    labels: Path,
    splits: Path,
    detectors: Path,
    settings: dict[str, dict],
    threads: int,
) -> None:
    """Fit the detectors of `settings` (name -> config entry) and save them as plain arrays."""
    with threadpool_limits(threads):
        crops = load_crops(labels, splits)
        save_all(detectors, fit_all(settings, Features(features, len(crops)), crops))


if __name__ == "__main__":
    run_rule(fit_detectors, snakemake)

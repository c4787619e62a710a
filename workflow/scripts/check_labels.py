"""Features of natives -> label_check.csv, the most doubted label first, and cross_scores.csv."""

from pathlib import Path

from threadpoolctl import threadpool_limits

from stowaway.core.script import run_rule
from stowaway.core.tables import write_sheet, write_table
from stowaway.data.packs import Features
from stowaway.data.splits import load_crops
from stowaway.review.label_check import SCORES, cross_fit, doubts


def check_labels(
    features: Path,
    labels: Path,
    splits: Path,
    label_check: Path,
    cross_scores: Path,
    detector: dict,
    seed: int,
    threads: int,
) -> None:
    """Write both tables, a row per native crop of every role; `detector` is the config's entry."""
    with threadpool_limits(threads):
        crops = load_crops(labels, splits)
        checked = cross_fit(crops, Features(features, len(crops)), detector, seed)
        write_sheet(doubts(checked), label_check)
        write_table(checked[SCORES], cross_scores)


if __name__ == "__main__":
    run_rule(check_labels, snakemake)

"""Scores of test events in all folds -> what examples are worth: metrics with intervals."""

from pathlib import Path

from stowaway.core.script import run_rule
from stowaway.core.tables import write_table
from stowaway.evaluation.examples import pool_events, read_runs


def evaluate_examples(
    example_scores: list[Path], metrics: Path, by_species: Path, resamples: int, seed: int
) -> None:
    """Write the tables of `pool_events`. Score tables are named as for `read_runs`."""
    pooled = pool_events(read_runs(example_scores), "examples", resamples, seed)
    for table, path in zip(pooled, (metrics, by_species), strict=True):
        write_table(table, path)


if __name__ == "__main__":
    run_rule(evaluate_examples, snakemake)

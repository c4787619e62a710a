"""Scores of test events in all folds -> what more natives are worth: metrics with intervals."""

from pathlib import Path

from stowaway.core.script import run_rule
from stowaway.core.tables import write_table
from stowaway.evaluation.examples import RUN, pool_events, read_runs


def evaluate_learning_curve(
    learning_scores: list[Path], learning_curve: Path, resamples: int, seed: int
) -> None:
    """Write the first table of `pool_events`, with `fitted_events`, the mean number fitted on."""
    scores = read_runs(learning_scores)
    metrics, _ = pool_events(scores, "share", resamples, seed)
    fitted = scores.drop_duplicates([*RUN, "share"]).groupby("share")["fitted"].mean()
    metrics.insert(2, "fitted_events", metrics["share"].map(fitted))
    write_table(metrics, learning_curve)


if __name__ == "__main__":
    run_rule(evaluate_learning_curve, snakemake)

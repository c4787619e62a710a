"""Features of a fold -> scores of test events by detectors fitted on shares of the natives."""

from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from stowaway.core.script import run_rule
from stowaway.core.tables import write_table
from stowaway.data.packs import Features
from stowaway.data.roles import FITTED_ROLES, Role
from stowaway.data.splits import load_crops
from stowaway.detectors.registry import fit_all, score_all
from stowaway.evaluation.examples import highest_events, share_of_events, tests_by_species


def score_learning_curve(
    features: Path,
    labels: Path,
    splits: Path,
    learning_scores: Path,
    settings: dict[str, dict],
    shares: list[float],
    seed: str,
    threads: int,
) -> None:
    """Write a row per test event, detector of `settings` and share of the native events.

    `fitted` is the number of events that the share is. Each novel species is tested by itself.
    """
    tables = []
    with threadpool_limits(threads):
        crops = load_crops(labels, splits)
        values = Features(features, len(crops))
        natives = crops[crops["role"].isin(FITTED_ROLES)]
        for share in shares:
            fitted = natives[share_of_events(natives, share, int(seed))]
            line = {"share": share, "fitted": fitted["event"].nunique()}
            detectors = fit_all(settings, values, fitted)
            for species, tests in tests_by_species(crops):
                novel = (tests["role"] == Role.NOVEL).to_numpy()
                events = tests["event"].to_numpy(str)
                scores = score_all(detectors, values, tests["row"].to_numpy(), events)
                for name, own in scores.items():
                    facts = {"species": species, "detector": name} | line
                    tables.append(highest_events(tests, novel, own).assign(**facts))
    columns = "species detector share fitted event novel score".split()
    write_table(pd.concat([pd.DataFrame(columns=columns), *tables])[columns], learning_scores)


if __name__ == "__main__":
    run_rule(score_learning_curve, snakemake)

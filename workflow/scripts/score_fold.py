"""The detectors of one fold and seed -> scores.csv: scores of crops outside the training.

A column per detector on features, per network, and per shortcut baseline; higher is more novel.
Events with a training crop are left out, but for their unnamed crops, which the queue has; those of
validation are there, for the original's rules.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from stowaway.core.files import damaged
from stowaway.core.names import UNNAMED
from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import read_table, write_table
from stowaway.data.packs import Features
from stowaway.data.roles import FITTED_ROLES, Role
from stowaway.data.splits import load_crops
from stowaway.detectors import registry
from stowaway.detectors.feature_methods import with_event
from stowaway.evaluation.folds import SHORTCUT

NEAREST = {"predicted": "", "similarity": np.nan, "second": "", "second_similarity": np.nan}


def shortcut_scores(crops: pd.DataFrame, shortcuts: pd.DataFrame) -> pd.DataFrame:
    """Baselines that know the photo and not the animal: a detector must beat them.

    Of each measure, and of the number of crops in the event, how far it lies from the fitted
    natives' median on a logarithmic scale; and how rare the location is among their events.
    `shortcuts` has the rows of `crops`.
    """
    fitted = crops["role"].isin(FITTED_ROLES)
    values = shortcuts.drop(columns="crop_id")
    values["event_size"] = crops.groupby("event")["crop_id"].transform("size")
    values = np.log1p(values)
    scores = (values - values[fitted].median()).abs()
    events = crops[fitted].drop_duplicates("event")["location"].value_counts()
    scores["location"] = -np.log1p(crops["location"].map(events).fillna(0))
    return scores.add_prefix(SHORTCUT)


def score_fold(
    labels: Path,
    splits: Path,
    shortcuts: Path,
    network_scores: list[Path],
    features: Path | list,
    feature_detectors: Path | list,
    scores: Path,
    threads: int,
) -> None:
    """Write the scores of all crops of events without a training crop, and of all unnamed crops.

    `network_scores` are named after their detector. The columns of `nearest_species` are blank
    where `features` and `feature_detectors` are empty.
    """
    with threadpool_limits(threads):
        crops = load_crops(labels, splits)
        measured, n = read_table(shortcuts), len(crops)
        if not measured["crop_id"].equals(crops["crop_id"]):
            raise BadInput(damaged(shortcuts, "its crops are not those of labels.csv"))
        trained = crops["event"].isin(crops.loc[crops["role"] == Role.TRAIN, "event"])
        scored = ~trained | (crops["species"] == UNNAMED)
        baselines = shortcut_scores(crops, measured)[scored]
        crops, columns, nearest = crops[scored], {}, NEAREST
        events = crops["event"].to_numpy(str)
        # detectors' scores are averaged with their event's too
        baselines[:] = with_event(baselines.to_numpy(), events)
        if feature_detectors:
            values, rows = Features(features, n), crops["row"].to_numpy()
            detectors = registry.load_all(feature_detectors, values.shape[1])
            nearest = registry.nearest_species(detectors, values, rows)
            columns = registry.score_all(detectors, values, rows, events)
        columns |= registry.network_scores(network_scores, crops["crop_id"])
        facts = crops["crop_id species role event group location".split()]
        write_table(facts.assign(**nearest, **columns).join(baselines), scores)


if __name__ == "__main__":
    run_rule(score_fold, snakemake)

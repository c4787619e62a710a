"""Natives as models see them that were fitted without them: wrong labels, and the queue of all.

Each native crop is scored by detectors that its group has no part in (cross-fitting): a rat that
is labelled mouse is part of what mice look like, where detectors are fitted on it.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stowaway.core.script import BadInput
from stowaway.data.packs import batches
from stowaway.data.roles import NATIVE_ROLES, Role
from stowaway.detectors import registry
from stowaway.detectors.feature_methods import Floats
from stowaway.evaluation.thresholds import Calibration

FOLDS = 5
LABELS = "labels"  # the detector that the doubt is of
COLUMNS = "rank crop_id species suggested doubt p_value event location image_path".split()
SCORES = "crop_id score predicted similarity second second_similarity".split()


def folds_of(groups: NDArray, folds: int, seed: int) -> NDArray[np.intp]:
    """The fold of each crop, of `folds` as equal as can be in groups, none of which is divided.

    Raises `BadInput` for a single group.
    """
    names, number = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise BadInput(
            "label_check: all natives are of one group (split.group); nothing is left to compare "
            "them with"
        )
    return (np.random.default_rng(seed).permutation(len(names)) % folds)[number]


def cross_fit(
    crops: pd.DataFrame, features: Floats, detector: dict, seed: int, folds: int = FOLDS
) -> pd.DataFrame:
    """The native crops with SCORES, `suggested` and `doubt`, of models fitted without their group.

    `crops` is that of `load_crops`, `features` (crops, dimensions), `detector` the config's entry
    of a detector on features. `doubt` is the squared Mahalanobis distance to the mean of the crop's
    own label, in the covariance that species share, and `suggested` the species whose mean is
    nearest so; NaN where no other fold has the label. Raises `BadInput` as `folds_of`.
    """
    natives = crops[crops["role"].isin(NATIVE_ROLES)]
    fold, checked = folds_of(natives["group"].to_numpy(str), folds, seed), []
    settings = {"score": detector, LABELS: {"method": "mahalanobis"}}
    for number in np.unique(fold):
        held, fitted = natives[fold == number], natives[fold != number]
        models = registry.fit_all(settings, features, fitted.assign(role=Role.TRAIN.value))
        labels, rows = models.pop(LABELS), held["row"].to_numpy()
        columns = registry.score_all(models, features, rows, held["event"].to_numpy(str))
        columns |= registry.nearest_species(models, features, rows)
        away = [
            labels.distances(features[batch]) for batch in batches(rows, registry.SCORED_AT_ONCE)
        ]
        away, species = np.concatenate(away), models[registry.NATIVE_MEANS].species
        own = held["species"].to_numpy(str)[:, None] == species
        columns["doubt"] = np.where(own.any(1), away[np.arange(len(held)), own.argmax(1)], np.nan)
        columns["suggested"] = species[away.argmin(1)]
        checked.append(held.assign(**columns))
    return pd.concat(checked).sort_index()


def cross_p_values(known: pd.DataFrame, units: pd.DataFrame) -> Floats:
    """The cross-conformal p-value of each of `units`, against the groups of `known` but its own.

    Both have `score` and `group`. It is (1 + sum of the other groups' shares as high or higher) /
    (1 + the number of other groups). Scores of five models are compared as if one had made them, so
    that a rate asked is kept in practice, and proven is about twice of it, for groups of one event.
    Vovk, Cross-conformal predictors, Ann. Math. Artif. Intell. 74 (2015); Barber et al., Predictive
    inference with the jackknife+, Ann. Stat. 49 (2021).
    """
    calibration, scores = Calibration.of(known), units["score"].to_numpy()
    above = calibration.p_values(scores) * (calibration.groups + 1)
    known_of = {group: np.sort(own.to_numpy()) for group, own in known.groupby("group")["score"]}
    others = np.full(len(units), calibration.groups)
    for group, places in units.groupby("group").indices.items():
        if group in known_of:
            own = known_of[group]
            above[places] -= 1 - np.searchsorted(own, scores[places]) / len(own)
            others[places] -= 1
    return above / (1 + others)


def doubts(checked: pd.DataFrame) -> pd.DataFrame:
    """A row of COLUMNS per crop of `cross_fit`, the most doubted label first.

    The p-value is that of the doubt among the crops of the same label in other groups.
    """
    doubted = checked.assign(score=checked["doubt"], p_value=1.0)
    for _, own in doubted.dropna(subset="doubt").groupby("species"):
        doubted.loc[own.index, "p_value"] = cross_p_values(own, own)
    doubted = doubted.sort_values("doubt", ascending=False, kind="stable")
    return doubted.assign(rank=np.arange(1, len(doubted) + 1))[COLUMNS]

"""Features and nuisances -> scores of the test crops of one arm and seed, a column per detector.

The arm `listed` takes the config's invasive species as novel, `rotate_<species>` one native; the
detectors are fitted on the training natives without it.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.novelty import DETECTORS, rank_average
from stowaway.packs import open_pack
from stowaway.run import rule_log
from stowaway.splits import check_no_leak, with_roles
from stowaway.tables import read_table, write_table

FUSED = ["knn", "mahalanobis", "head_energy", "pca_residual"]


def nuisance_scores(nuisance: pd.DataFrame, train: np.ndarray) -> dict[str, np.ndarray]:
    """How far each measure lies from the training natives' median, on a logarithmic scale."""
    values = np.log1p(nuisance.drop(columns="crop_id"))
    away = (values - values[train].median()).abs()
    return {f"nuisance_{name}": column.to_numpy() for name, column in away.items()}


def score_arm(
    labels: pd.DataFrame,
    features: np.ndarray,
    nuisance: pd.DataFrame,
    species: dict[str, list[str]],
    split: dict,
) -> pd.DataFrame:
    """Fit on `train`; score `val`, `test` and `invasive`. `features` has the rows of `labels`."""
    table = with_roles(labels, species, split)
    check_no_leak(table, species["native"], species["invasive"])
    train = (table["role"] == "train").to_numpy()
    used = table["role"].isin(["val", "test", "invasive"]).to_numpy()
    known = table["species"][train].to_numpy(str)
    fitting, judged = np.asarray(features[train]), np.asarray(features[used])
    scores = {}
    for name, make in DETECTORS.items():
        scores[name] = make().fit(fitting, known).score(judged)
    val = (table["role"][used] == "val").to_numpy()
    fused = [scores[name] for name in FUSED]
    scores["fusion"] = rank_average(fused, [score[val] for score in fused])
    scores |= {name: score[used] for name, score in nuisance_scores(nuisance, train).items()}
    kept = table.loc[used, ["crop_id", "species", "role", "event"]].reset_index(drop=True)
    return pd.concat([kept, pd.DataFrame(scores)], axis=1)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        labels = read_table(snakemake.input.labels)
        labels["species"] = labels["species_label"]
        pixels, row_of = open_pack(snakemake.input.features, snakemake.input.index)
        features = pixels[labels["crop_id"].map(row_of).to_numpy()]
        nuisance = read_table(snakemake.input.nuisance)
        table = score_arm(
            labels,
            features,
            nuisance,
            {side: list(snakemake.params.species[side]) for side in ("native", "invasive")},
            snakemake.params.split | {"seed": int(snakemake.wildcards.seed)},
        )
        write_table(table, Path(snakemake.output.scores))

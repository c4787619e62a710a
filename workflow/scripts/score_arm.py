"""One arm and seed: detectors fitted without its novel species -> scores of what they never saw.

A column per detector on features, per network that was trained for this run, and per shortcut.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table
from stowaway.data.packs import row_numbers
from stowaway.detectors import registry as novelty

JUDGED = ["calibration", "test", "invasive"]


def shortcut_scores(table: pd.DataFrame, shortcut: pd.DataFrame) -> dict[str, np.ndarray]:
    """What tells crops apart without the animal: a detector must beat these to have seen it.

    Of each measure, and of the number of crops in the event, how far it lies from the fitted
    natives' median on a logarithmic scale; and how rare the location is among their events.
    `shortcut` has the rows of `table`.
    """
    fitted = table["role"].isin(novelty.FITTED_ON)
    values = shortcut.drop(columns="crop_id").set_axis(table.index)
    values["event_size"] = table.groupby("event")["crop_id"].transform("size")
    values = np.log1p(values)
    scores = (values - values[fitted].median()).abs()
    events = table[fitted].drop_duplicates("event")["location"].value_counts()
    scores["location"] = -np.log1p(table["location"].map(events).fillna(0))
    return {f"shortcut_{name}": scores[name].to_numpy() for name in scores}


def score_arm(
    table: pd.DataFrame, features: np.ndarray, rows: np.ndarray, detectors: dict[str, dict]
) -> dict[str, np.ndarray]:
    """Fit each detector on the crops of novelty.FITTED_ON, and score those of JUDGED.

    `table` has `species`, `role` and `event` of each crop, `rows` its row of `features`.
    """
    fitted = table["role"].isin(novelty.FITTED_ON).to_numpy()
    judged = table["role"].isin(JUDGED).to_numpy()
    labels, events = table["species"][fitted].to_numpy(str), table["event"][fitted].to_numpy(str)
    return {
        name: novelty.score(
            novelty.fit(settings, features, rows[fitted], labels, events), features, rows[judged]
        )
        for name, settings in detectors.items()
    }


if __name__ == "__main__":
    with rule_log(snakemake.log[0]), threadpool_limits(snakemake.threads):
        table = read_table(snakemake.input.splits)
        shortcut = read_table(snakemake.input.shortcut).set_index("crop_id", drop=False)
        shortcut = shortcut_scores(table, shortcut.loc[table["crop_id"]])
        scores, detectors = {}, dict(snakemake.params.detectors)
        if detectors:  # else no backbone is needed
            features = np.load(snakemake.input.features, mmap_mode="r")
            row_of = row_numbers(snakemake.input.index)
            rows = table["crop_id"].map(row_of).to_numpy()
            scores = score_arm(table, features, rows, detectors)
        judged = table["role"].isin(JUDGED)
        for path in map(Path, snakemake.input.networks):
            column = read_table(path, ["crop_id", "score"]).set_index("crop_id")["score"]
            scores[path.stem] = column[table.loc[judged, "crop_id"]].to_numpy()
        scores |= {name: column[judged] for name, column in shortcut.items()}
        kept = table.loc[judged, ["crop_id", "species", "role", "event"]].reset_index(drop=True)
        write_table(pd.concat([kept, pd.DataFrame(scores)], axis=1), Path(snakemake.output.scores))

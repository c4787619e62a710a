"""Scores of all arms and seeds -> metrics.csv and comparison.csv, with intervals over events."""

from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.metrics import METRICS, by_event, roc
from stowaway.run import progress, rule_log
from stowaway.tables import read_table, write_table

KEPT = ("crop_id", "species", "role", "event")


class Run:
    """The scores of one arm and seed, sorted once for each detector and level."""

    def __init__(self, table: pd.DataFrame, numbers: dict[str, int]) -> None:
        table = table[table["role"] != "val"]
        novel = (table["role"] == "invasive").to_numpy()
        events = table["event"].map(numbers).to_numpy()
        self.units = {}
        for detector in table.columns.difference(KEPT, sort=False):
            units = table[detector].to_numpy(float), novel, events
            for level, (score, new, event) in (("crop", units), ("event", by_event(*units))):
                order = np.argsort(-score, kind="stable")
                self.units[detector, level] = score[order], new[order], event[order]

    def values(self, weights: np.ndarray | None) -> np.ndarray:
        """Each of METRICS for each detector and level, where an event counts `weights` times."""
        return np.array(
            [
                [metric(points) for metric in METRICS.values()]
                for score, novel, event in self.units.values()
                for points in [roc(score, novel, None if weights is None else weights[event])]
            ]
        )


def compare(tables: dict[tuple, pd.DataFrame], resamples: int, seed: int) -> tuple:
    """Means over the arms of one kind and their seeds, and differences to the best nuisance.

    `tables` is keyed by (kind, arm, seed). An event weighs the same in all arms and seeds of a
    resample, since it is the same event: a bootstrap of clusters (Field and Welsh 2007).
    """
    events = sorted({event for table in tables.values() for event in table["event"]})
    numbers = {event: number for number, event in enumerate(events)}
    rng = np.random.default_rng(seed)
    metrics, differences = [], []
    for kind in dict.fromkeys(key[0] for key in tables):
        runs = [Run(table, numbers) for key, table in tables.items() if key[0] == kind]
        rows = list(runs[0].units)
        value = np.mean([run.values(None) for run in runs], axis=0)
        draws = []
        for _ in progress(range(resamples), kind, "resamples", resamples):
            weights = rng.multinomial(len(events), np.full(len(events), 1 / len(events)))
            with np.errstate(invalid="ignore"):
                draws.append(
                    np.nanmean([run.values(weights.astype(float)) for run in runs], axis=0)
                )
        draws = np.array(draws)
        low, high = np.nanquantile(draws, [0.025, 0.975], axis=0)
        for i, (detector, level) in enumerate(rows):
            for j, metric in enumerate(METRICS):
                line = {"arm": kind, "detector": detector, "level": level, "metric": metric}
                found = {"value": value[i, j], "low": low[i, j], "high": high[i, j]}
                metrics.append(line | found | {"runs": len(runs)})
        for level in ("crop", "event"):
            places = [i for i, row in enumerate(rows) if row[1] == level]
            nuisances = [i for i in places if rows[i][0].startswith("nuisance_")]
            best = max(nuisances, key=lambda i: value[i, 0])
            for i in set(places) - set(nuisances):
                gap = draws[:, i, 0] - draws[:, best, 0]
                bounds = np.nanquantile(gap, [0.025, 0.975])
                line = {"arm": kind, "level": level, "detector": rows[i][0], "than": rows[best][0]}
                line |= {"auroc_gain": value[i, 0] - value[best, 0]}
                differences.append(line | {"low": bounds[0], "high": bounds[1]})
    differences = pd.DataFrame(differences).sort_values(["arm", "level", "auroc_gain"])
    return pd.DataFrame(metrics), differences.iloc[::-1]


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        tables = {}
        for path in map(Path, snakemake.input.scores):
            arm, seed = path.parent.name, path.stem
            tables[arm.split("_")[0], arm, seed] = read_table(path)
        evaluation = snakemake.params.evaluation
        metrics, comparison = compare(tables, evaluation["resamples"], evaluation["seed"])
        write_table(metrics, snakemake.output.metrics)
        write_table(comparison, snakemake.output.comparison)

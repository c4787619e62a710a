"""scores/<detector>.csv -> its metrics, its accuracy at the original's thresholds, its curves."""

from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table, write_table
from stowaway.evaluation import original_rules as thresholds
from stowaway.evaluation.bootstrap import evaluate
from stowaway.evaluation.counts import Ranked, by_event

POINTS = 1000  # at most so many points of a curve are kept for drawing


def metrics_table(table: pd.DataFrame, detector: str, arm: str, resamples: int, seed: int):
    """Tidy metrics of test natives against invasive crops, per crop and per event."""
    scores = table["score"].to_numpy(float)
    novel = (table["role"] == "invasive").to_numpy()
    events = table["event"].to_numpy(str)
    lines = []
    for level, units in (
        ("crop", (scores, novel, events)),
        ("event", by_event(scores, novel, events)),
    ):
        found = evaluate(*units, resamples, seed)
        share = float(units[1].mean())
        found["prevalence"] = (share, np.nan, np.nan)
        n = {"n": int(units[1].sum()), "n_native": int((~units[1]).sum())}
        for metric, (value, low, high) in found.items():
            line = {"detector": detector, "arm": arm, "level": level, "metric": metric}
            lines.append(line | {"value": value, "low": low, "high": high} | n)
    return pd.DataFrame(lines)


def curves_table(table, natives, invasive, val, score: str) -> pd.DataFrame:
    """The ROC, and the share flagged over the threshold for natives and each invasive species."""
    lines = []
    if invasive:
        novel = (table["role"] == "invasive").to_numpy()
        hits, alarms = Ranked(table["score"].to_numpy(float), novel, np.arange(len(novel))).counts()
        fpr, tpr = alarms / max(alarms[-1], 1), hits / hits[-1]
        kept = np.unique(np.linspace(0, len(fpr) - 1, POINTS).astype(int))
        lines += [("roc", "", x, y) for x, y in zip(fpr[kept], tpr[kept], strict=True)]
    for rule in thresholds.sweep(val, score):
        for name, crops in {"native": natives, **invasive}.items():
            lines.append(("sweep", name, rule.parameter, rule.flags(crops).mean()))
    return pd.DataFrame(lines, columns=["curve", "species", "x", "y"])


def evaluate_detector(
    scores: Path,
    out_metrics: Path,
    out_accuracy: Path,
    out_curves: Path,
    detector: str,
    settings: dict,
    resamples: int,
    seed: int,
) -> None:
    """Test natives are negatives, all invasive crops positives; thresholds come from validation."""
    table = read_table(scores)
    # Detectors on features are fitted on `val` too.
    unseen = "calibration" if settings["kind"] == "features" else "val"
    val, natives = (table[table["role"] == role] for role in (unseen, "test"))
    found = table[table["role"] == "invasive"]
    invasive = {str(name): crops for name, crops in found.groupby("species")}
    compared = pd.concat([natives, found])
    # A model that was shown the invasive species cannot find them novel: its rows say so.
    arm = "listed" if settings["train_on"] == "natives" else "seen in training"
    metrics = metrics_table(compared, detector, arm, resamples, seed)
    print(metrics.to_string())
    lines = [
        line
        for rule in thresholds.rules(val, settings["score"])
        for line in thresholds.judge(rule, natives, invasive)
    ]
    write_table(metrics, out_metrics)
    write_table(pd.DataFrame(lines, columns=thresholds.JUDGED), out_accuracy)
    write_table(curves_table(compared, natives, invasive, val, settings["score"]), out_curves)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        evaluate_detector(
            Path(snakemake.input.scores),
            Path(snakemake.output.metrics),
            Path(snakemake.output.accuracy),
            Path(snakemake.output.curves),
            snakemake.wildcards.detector,
            dict(snakemake.params.settings),
            snakemake.params.evaluation["resamples"],
            snakemake.params.evaluation["seed"],
        )

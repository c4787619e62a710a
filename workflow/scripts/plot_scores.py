"""Scores -> histograms of test natives and of each invasive species on one axis."""

import numpy as np
import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.style import NATIVE, NATIVE_DARK, NOVEL, plain, plt, save, use_style


def plot_scores(scores: pd.DataFrame, detector: str, score: str):
    """One row for the test natives, one per invasive species; shares, so that n does not matter."""
    rows = {"test natives": scores.loc[scores["role"] == "test", "score"]}
    found = scores[scores["role"] == "invasive"]
    rows |= {str(name): crops["score"] for name, crops in found.groupby("species")}
    everything = pd.concat(rows.values())
    edges = np.linspace(everything.min(), everything.quantile(0.995), 41)
    if edges[0] == edges[-1]:  # all scores are equal
        edges = np.linspace(edges[0] - 0.5, edges[0] + 0.5, 41)
    figure, grid = plt.subplots(
        len(rows), 1, sharex=True, sharey=True, figsize=(9, 1.4 + 1.15 * len(rows)), squeeze=False
    )
    middle = rows["test natives"].median()
    for axes, (name, values) in zip(grid[:, 0], rows.items(), strict=True):
        native = name == "test natives"
        axes.hist(
            np.clip(values, None, edges[-1]),
            edges,
            weights=np.full(len(values), 1 / max(len(values), 1)),
            color=NATIVE_DARK if native else NOVEL,
        )
        axes.axvline(middle, color=NATIVE, lw=1.5, ls="--")
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.set_ylabel(
            f"{plain(name)}\n(n = {len(values):,})", rotation=0, ha="right", va="center"
        )
    kind = {"error": "mean squared error", "correlation": "1 - correlation"}.get(score, score)
    grid[-1, 0].set_xlabel(
        f"score: {plain(kind)}; higher = more anomalous; dashed: natives' median"
    )
    figure.suptitle(f"{detector}: scores", weight="bold")
    return figure


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_scores(
            read_table(snakemake.input.scores),
            snakemake.params.title,
            snakemake.params.score,
        )
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

"""Scores of the default run -> one detector's histograms of test natives and invasive species."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stowaway.data.roles import Role
from stowaway.plots.style import NATIVE, NATIVE_DARK, NOVEL, plain, plt, run_plot

UNITS = {"error": "mean squared error", "correlation": "1 - correlation"}


def plot_scores(scores: pd.DataFrame, detector: str, title: str, score: str) -> Figure:
    """A row for the test natives and one per invasive species, as shares of their crops."""
    novel = scores[scores["role"] == Role.NOVEL]
    rows = {"test natives": scores.loc[scores["role"] == Role.TEST, detector]}
    rows |= {str(name): crops[detector] for name, crops in novel.groupby("species")}
    together = pd.concat(rows.values())
    edges = np.linspace(together.min(), together.quantile(0.995), 41)
    if edges[0] == edges[-1]:  # all scores are equal
        edges = np.linspace(edges[0] - 0.5, edges[0] + 0.5, 41)
    size = 9, 1.4 + len(rows) * np.clip(24 / len(rows), 0.45, 1.15)
    figure, grid = plt.subplots(len(rows), 1, sharex=True, sharey=True, figsize=size, squeeze=False)
    for axes, (name, values) in zip(grid[:, 0], rows.items(), strict=True):
        shares = np.full(len(values), 1 / max(len(values), 1))
        colour = NATIVE_DARK if name == "test natives" else NOVEL
        axes.hist(np.clip(values, None, edges[-1]), edges, weights=shares, color=colour)
        axes.axvline(rows["test natives"].median(), color=NATIVE, lw=1.5, ls="--")
        axes.set_yticks([])
        axes.grid(visible=False)
        label = f"{plain(name)}\n(n = {len(values):,})"
        axes.set_ylabel(label, rotation=0, ha="right", va="center")
    unit = plain(UNITS.get(score, score))
    grid[-1, 0].set_xlabel(f"score ({unit}), higher = more anomalous; dashed: natives' median")
    figure.suptitle(f"{plain(title, 70)}: scores of crops", weight="bold")
    return figure


if __name__ == "__main__":
    run_plot(plot_scores, snakemake)

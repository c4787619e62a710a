"""Scores of the default run -> one detector's histograms of test natives and invasive species."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stowaway.data.roles import Role
from stowaway.plots.style import NATIVE, NATIVE_DARK, NOVEL, plain, plt, run_plot

UNITS = {"error": "mean squared error", "correlation": "1 - correlation"}


def plot_scores(scores: pd.DataFrame, detector: str, title: str, score: str) -> Figure:
    """A row for the test natives and one per invasive species, as shares of their crops."""
    natives = scores.loc[scores["role"] == Role.TEST, detector]
    novel = scores[scores["role"] == Role.NOVEL]
    rows = [("test natives", natives, NATIVE_DARK)]
    rows += [(plain(name), crops[detector], NOVEL) for name, crops in novel.groupby("species")]
    together = pd.concat([values for _, values, _ in rows])
    edges = np.linspace(together.min(), together.quantile(0.995), 41)
    if edges[0] == edges[-1]:  # all scores are equal
        edges = np.linspace(edges[0] - 0.5, edges[0] + 0.5, 41)
    clipped = [np.clip(values, None, edges[-1]) for _, values, _ in rows]
    shares = [np.histogram(values, edges)[0] / max(len(values), 1) for values in clipped]
    figure, axes = plt.subplots(figsize=(9, 1.4 + len(rows) * np.clip(24 / len(rows), 0.45, 1.15)))
    for row, (share, (_, _, colour)) in enumerate(zip(shares, rows, strict=True)):
        axes.stairs(
            row - 0.9 * share / np.max(shares), edges, baseline=row, fill=True, color=colour
        )
        axes.axhline(row, color="#888888", lw=0.8)
    axes.axvline(natives.median(), color=NATIVE, lw=1.5, ls="--")
    names = [f"{name}\n(n = {len(values):,})" for name, values, _ in rows]
    axes.set_yticks(np.arange(len(rows)) - 0.45, names)
    axes.tick_params(axis="y", length=0)
    axes.set(ylim=(len(rows) - 1, -1), xlim=(edges[0], edges[-1]))
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False)
    unit = plain(UNITS.get(score, score))
    axes.set_xlabel(f"score ({unit}), higher = more anomalous; dashed: natives' median")
    figure.suptitle(f"{plain(title, 70)}: scores of crops", weight="bold")
    return figure


if __name__ == "__main__":
    run_plot(plot_scores, snakemake)

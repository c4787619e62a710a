"""Curves and metrics of the evaluation -> ROC per event, the end of few false alarms enlarged."""

import numpy as np
import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.contenders import TITLES, kinds, lines
from stowaway.plots.style import PERCENT, plt, save, use_style

LOW = 0.2  # of natives' events: the end where a biosecurity team works


def plot_event_roc(curves: pd.DataFrame, metrics: pd.DataFrame):
    """A row per kind of arm: the whole ROC, and its first LOW; the mean over arms and seeds."""
    panels = kinds(curves)
    figure, grid = plt.subplots(
        len(panels), 2, squeeze=False, figsize=(11, 1.6 + 4.4 * len(panels))
    )
    for (whole, low), kind in zip(grid, panels, strict=True):
        for detector, style in lines(metrics).items():
            points = curves[(curves["arm"] == kind) & (curves["detector"] == detector)]
            for axes in (whole, low) if len(points) else ():
                axes.plot(points["fpr"], points["recall"], lw=2, **style)
        for axes, limit in (whole, 1.0), (low, LOW):
            axes.plot([0, limit], [0, limit], color="#bbbbbb", lw=1, label="chance")
            axes.set(xlim=(0, limit), ylim=(0, 1.01))
            axes.xaxis.set_major_formatter(PERCENT)
            axes.yaxis.set_major_formatter(PERCENT)
        low.set_xticks([0, 0.05, 0.1, 0.15, 0.2])
        found = curves.loc[(curves["arm"] == kind) & (curves["fpr"] <= LOW), "recall"].max()
        low.set_ylim(0, min(1.01, np.nanmax([0.3, 1.15 * found])))
        whole.set_title(TITLES[kind], fontsize=14)
        low.set_title(f"the first {100 * LOW:.0f} % of false alarms", fontsize=14)
        whole.set_ylabel("novel events found")
    for axes in grid[-1]:
        axes.set_xlabel("false alarms: share of native events")
    handles = grid[0][0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=4)
    return figure


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_event_roc(
            read_table(snakemake.input.curves), read_table(snakemake.input.metrics)
        )
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

"""Curves and metrics of the evaluation -> what is found over the false alarms of a camera-day."""

import numpy as np
import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.contenders import TITLES, kinds, lines
from stowaway.plots.style import PERCENT, plt, save, use_style

X = "false_alarms_per_camera_day"


def plot_alarm_cost(curves: pd.DataFrame, metrics: pd.DataFrame):
    """A panel per kind of arm, with a logarithmic axis: a tenth of the alarms is one step."""
    panels = kinds(curves)
    figure, grid = plt.subplots(
        1, len(panels), sharey=True, squeeze=False, figsize=(1.2 + 5.4 * len(panels), 5.6)
    )
    for axes, kind in zip(grid[0], panels, strict=True):
        of_kind = curves[(curves["arm"] == kind) & (curves["fpr"] > 0)]
        for detector, style in lines(metrics).items():
            points = of_kind[of_kind["detector"] == detector]
            if points[X].notna().any():
                axes.plot(points[X], points["recall"], lw=2, **style)
        if of_kind[X].notna().any():
            axes.set_xscale("log")
            axes.set_xlim(of_kind[X].max() / 200, of_kind[X].max())
            axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        else:
            axes.text(0.5, 0.5, "no crop has a date", transform=axes.transAxes, ha="center")
        axes.set(ylim=(0, 1.01), title=TITLES[kind])
        axes.title.set_fontsize(14)
        axes.set_xlabel("false alarms per camera-day (native events)")
        axes.yaxis.set_major_formatter(PERCENT)
    grid[0][0].set_ylabel("novel events found")
    handles = grid[0][0].get_legend_handles_labels()
    if np.size(handles):
        figure.legend(*handles, loc="outside lower center", ncols=4)
    return figure


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_alarm_cost(
            read_table(snakemake.input.curves), read_table(snakemake.input.metrics)
        )
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

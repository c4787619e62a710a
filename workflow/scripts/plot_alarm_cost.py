"""Curves and metrics of a scope -> recall per event over the false alarms of a camera-day."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from stowaway.plots.detector_lines import FOLD_TITLES, fold_kinds, lines_of, rows_of_fold
from stowaway.plots.style import PERCENT, note, plt, run_plot

COST = "false_alarms_per_camera_day"


def plot_alarm_cost(
    curves: pd.DataFrame, metrics: pd.DataFrame, detectors: dict[str, str]
) -> Figure:
    """A panel per kind of folds, with a logarithmic axis: a tenth of the alarms is one step."""
    curves = curves[(curves["level"] == "event") & (curves["false_alarm_rate"] > 0)]
    kinds = fold_kinds(curves)
    size = 3.6 + 5.4 * len(kinds), 5.6
    figure, grid = plt.subplots(1, len(kinds), sharey=True, squeeze=False, figsize=size)
    for axes, kind in zip(grid[0], kinds, strict=True):
        points = rows_of_fold(curves, kind)
        for name, line in lines_of(metrics, detectors).items():
            rows = points[points["detector"] == name]
            if rows[COST].notna().any():
                axes.plot(rows[COST], rows["recall"], lw=2.2, **line)
        axes.set(ylim=(0, 1.01), xlabel="false alarms per camera-day (native events)")
        axes.set_title(FOLD_TITLES[kind], fontsize=14)
        axes.yaxis.set_major_formatter(PERCENT)
        if points[COST].notna().any():
            axes.set_xscale("log")
            axes.set_xlim(points[COST].max() / 200, points[COST].max())
            axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
        else:
            note(axes, "no crop has a date")
    grid[0][0].set_ylabel("recall: share of novel events")
    labelled = grid[0][0].get_legend_handles_labels()
    grid[0][-1].legend(*labelled, loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


if __name__ == "__main__":
    run_plot(plot_alarm_cost, snakemake)

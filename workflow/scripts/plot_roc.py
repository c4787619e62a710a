"""Curves and metrics of a scope -> ROC of one level, with the end of few false alarms enlarged."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stowaway.plots.detector_lines import FOLD_TITLES, SEEN, fold_kinds, lines_of, rows_of_fold
from stowaway.plots.style import PERCENT, REFERENCE, note, plt, run_plot

FEW = 0.2  # share of natives: the end where a biosecurity team works


def plot_roc(
    curves: pd.DataFrame, metrics: pd.DataFrame, detectors: dict[str, str], level: str
) -> Figure:
    """A row per kind of folds: the whole ROC, and its first FEW; `level` is "crop" or "event"."""
    curves = curves[curves["level"] == level]
    areas = metrics[(metrics["metric"] == "auroc") & (metrics["level"] == level)]
    areas = areas[areas["stratum"] == "all"]
    kinds, lines = fold_kinds(curves), lines_of(metrics, detectors)
    size = 16, 0.6 + 5 * len(kinds)
    figure, grid = plt.subplots(len(kinds), 2, squeeze=False, figsize=size)
    for (whole, few), kind in zip(grid, kinds, strict=True):
        area = rows_of_fold(areas, kind).set_index("detector")
        points = rows_of_fold(curves, kind)
        for axes, limit in (whole, 1.0), (few, FEW):
            for name, line in lines.items():
                if name in area.index:
                    label = f"{line['label']}: {auroc(area.loc[name])}"
                    draw_line(axes, points[points["detector"] == name], line | {"label": label})
            axes.plot([0, limit], [0, limit], **REFERENCE, label="chance: 0.50")
            axes.set(xlim=(0, limit), ylim=(0, 1.01))
            axes.xaxis.set_major_formatter(PERCENT)
            axes.yaxis.set_major_formatter(PERCENT)
            axes.set_xlabel(f"false alarms: share of native {level}s")
        highest = points.loc[points["false_alarm_rate"] <= FEW, "recall"].max()
        few.set_ylim(0, np.clip(np.nan_to_num(1.15 * highest), 0.3, 1.01))
        whole.set_ylabel(f"recall: share of novel {level}s")
        whole.set_title(FOLD_TITLES[kind], fontsize=14)
        few.set_title("few false alarms, enlarged", fontsize=14)
        few.set_xticks([0, 0.05, 0.1, 0.15, FEW])
        title = f"AUROC per {level} [95 % interval]"
        few.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), title=title)
        if area.empty:
            note(whole, "no natives and novel crops to compare")
    return figure


def draw_line(axes: Axes, points: pd.DataFrame, line: dict) -> None:
    """The recall over the false-alarm rate, in the detector's colour and line style."""
    axes.plot(points["false_alarm_rate"], points["recall"], lw=2.2, **line)


def auroc(row: pd.Series) -> str:
    """The AUROC with its interval where it has one, and whether it is no detection."""
    interval = f" [{row['low']:.2f}, {row['high']:.2f}]" if pd.notna(row["low"]) else ""
    return f"{row['value']:.2f}{interval}" + " (trained on all)" * (row["fold"] == SEEN)


if __name__ == "__main__":
    run_plot(plot_roc, snakemake)

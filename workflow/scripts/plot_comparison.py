"""Metrics of a scope -> the AUROC of all detectors with intervals, per crop and per event."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stowaway.plots.detector_lines import (
    FOLD_TITLES,
    SEEN,
    SHORTCUT,
    detector_styles,
    displayed,
    fold_kinds,
    rows_of_fold,
)
from stowaway.plots.intervals import draw_interval
from stowaway.plots.style import REFERENCE, plt, run_plot

LEVELS = {"event": -0.14, "crop": 0.16}  # shift downwards, in rows
SHORTCUT_COLOUR = "#777777"


def plot_comparison(metrics: pd.DataFrame, detectors: dict[str, str]) -> Figure:
    """A panel per kind of folds and a row per detector, in three blocks with a heading each."""
    area = metrics[(metrics["metric"] == "auroc") & (metrics["stratum"] == "all")]
    seen = list(area.loc[area["fold"] == SEEN, "detector"].unique())
    named = [name for name in detectors if name in set(area["detector"])]
    blocks = {
        "": [name for name in named if name not in seen],
        "trained on the novel species too": [name for name in named if name in seen],
        "shortcut baselines": [n for n in area["detector"].unique() if n.startswith(SHORTCUT)],
    }
    places, headings, row = {}, {}, 0.0
    for heading, names in blocks.items():
        if heading and names:
            headings[heading] = row + 0.2
            row += 1.1
        places |= {name: row + position for position, name in enumerate(names)}
        row += len(names)
    kinds, styles = fold_kinds(area), detector_styles(detectors)
    size = 2.6 + 5.8 * len(kinds), 2.2 + 0.36 * max(row, 2)
    figure, grid = plt.subplots(1, len(kinds), sharey=True, squeeze=False, figsize=size)
    for axes, kind in zip(grid[0], kinds, strict=True):
        axes.set_title(FOLD_TITLES[kind], fontsize=14, pad=26)
        axes.set_yticks(list(places.values()), [displayed(name) for name in places])
        axes.set(ylim=(max(row, 1) - 0.3, -0.7), xlim=(0, 1))
        axes.set_xlabel(f"AUROC, with 95 % interval over {drawn_units(rows_of_fold(area, kind))}")
        axes.grid(axis="y", visible=False)
        axes.axvline(0.5, **REFERENCE, label="chance")
        for heading, place in headings.items():
            axes.axhline(place - 0.6, color="#bbbbbb", lw=1)
            axes.text(0.01, place, heading, fontsize=11, style="italic", va="center")
        for line in rows_of_fold(area, kind).itertuples():
            if line.detector in places:
                draw_row(axes, line, places[line.detector], styles.get(line.detector))
        axes.text(1.03, 1.015, "per event", transform=axes.transAxes, fontsize=11)
    style = {"color": "#555555", "mec": "#555555", "lw": 1.6}
    grid[0][0].plot([], [], "o-", **style, label="per event")
    grid[0][0].plot([], [], "o-", mfc="white", **style, label="per crop")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def drawn_units(rows: pd.DataFrame) -> str:
    """What the intervals resample: a single novel species says nothing of others to come."""
    return "novel species and events" if (rows["novel_species"] > 1).any() else "events"


def draw_row(axes: Axes, line: tuple, place: float, style: dict | None) -> None:
    """The interval of a detector on one level: filled per event, with its number at the right."""
    style = style or {"color": SHORTCUT_COLOUR, "ls": "-"}
    row, bounds = place + LEVELS[line.level], (line.low, line.high)
    draw_interval(axes, line.value, bounds, row, style["color"], line.level == "crop", style["ls"])
    if line.level == "event" and pd.notna(line.value):
        text = f"{line.value:.2f}"
        if pd.notna(line.low):
            text += f"  [{line.low:.2f}, {line.high:.2f}]"
        across = axes.get_yaxis_transform()
        axes.text(1.03, place, text, transform=across, va="center", fontsize=11)


if __name__ == "__main__":
    run_plot(plot_comparison, snakemake)

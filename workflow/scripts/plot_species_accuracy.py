"""Original rules of a detector -> the share of each species that each threshold flags."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stowaway.plots.style import NATIVE_DARK, NOVEL, PERCENT, note, plain, plt, run_plot

QUARTILE = ("quartile", 25, "above natives'\nlower quartile")
PANELS = {  # (rule, parameter, title)
    "correlation": [
        QUARTILE,
        *(("correlation", c, f"below {c:g} x mean\ncorrelation") for c in (0.8, 0.9, 1.0)),
    ],
    "error": [QUARTILE, *(("deviation", k, f"above mean\n+ {k} sd") for k in (1, 2, 3))],
}


def plot_species_accuracy(rules: pd.DataFrame, detector: str, title: str, score: str) -> Figure:
    """A panel per threshold; a bar per invasive species, and above them the false alarms.

    `score` is "correlation" for a detector that goes by it, else "error".
    """
    rules = rules[rules["detector"] == detector]
    species = sorted(rules["species"].unique(), reverse=True)
    panels, size = PANELS[score], (11, 2.6 + 0.5 * (len(species) + 1))
    figure, grid = plt.subplots(1, len(panels), sharey=True, figsize=size)
    for axes, (rule, parameter, subtitle) in zip(grid, panels, strict=True):
        axes.set_title(subtitle, fontsize=13)
        axes.set(xlim=(0, 1.03), xticks=[0, 0.5, 1])
        axes.xaxis.set_major_formatter(PERCENT)
        axes.grid(axis="y", visible=False)
        rows = rules[(rules["rule"] == rule) & (rules["parameter"] == parameter)]
        if rows.empty:
            note(axes, "no crop")
            continue
        rows = rows.set_index("species").loc[species]
        names = [f"{plain(name)} (n = {rows['n'][name]:,})" for name in species]
        natives = f"false alarms: natives (n = {rows['n_native'].iloc[0]:,})"
        alarms = rows[["false_alarm_rate", "false_alarm_low", "false_alarm_high"]].to_numpy()[:1]
        draw_bars(axes, 0, rows[["recall", "low", "high"]].to_numpy(), NOVEL)
        draw_bars(axes, len(species), alarms, NATIVE_DARK)
        axes.set_yticks(range(len(species) + 1), [*names, natives])
        axes.set_ylim(-0.7, len(species) + 0.7)
    figure.suptitle(
        f"{plain(title, 70)}: share flagged at the original's thresholds", weight="bold"
    )
    figure.supxlabel("share of crops flagged, with 95 % interval over events", fontsize=13)
    return figure


def draw_bars(axes: Axes, first: int, shares: np.ndarray, colour: str) -> None:
    """Horizontal bars of rows (value, low, high), with their intervals, from place `first` on."""
    (value, low, high), places = shares.T, first + np.arange(len(shares))
    axes.barh(places, value, color=colour)
    errors = [(value - low).clip(0), (high - value).clip(0)]
    axes.errorbar(value, places, xerr=errors, fmt="none", ecolor="#222222", capsize=3)


if __name__ == "__main__":
    run_plot(plot_species_accuracy, snakemake)

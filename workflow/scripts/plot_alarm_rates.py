"""Alarms and metrics of a scope -> false-alarm rates as asked for, and as they came out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stowaway.plots.detector_lines import (
    FOLD_COLOURS,
    FOLD_TITLES,
    displayed,
    fold_kinds,
    lead_of,
)
from stowaway.plots.intervals import draw_interval
from stowaway.plots.style import PERCENT, REFERENCE, blank, note, plain, plt, run_plot

ENOUGH = 5  # native events that a location needs to be shown
MOST_LOCATIONS = 20
RATES = [0, 0.01, 0.02, 0.05, 0.1, 0.2]
SQUARE_ROOT = {"functions": (lambda x: np.sqrt(np.maximum(x, 0)), np.square)}


def plot_alarm_rates(alarms: pd.DataFrame, metrics: pd.DataFrame, lead: str) -> Figure:
    """All targets over all locations at the left; each location at a target of 5 % at the right."""
    detector = lead_of(metrics, lead)
    rates = alarms[(alarms["detector"] == detector) & (alarms["target"] == "false_alarm_rate")]
    rates = rates[rates["asked"] != "yes"]  # of which the settings have a row already
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 6.4))
    left.set_title(f"{displayed(detector)}: asked for, and realised", fontsize=14)
    draw_targets(left, rates[rates["location"] == "all"])
    right.set_title("by location, at a target of 5 %", fontsize=14)
    draw_locations(right, rates[rates["location"] != "all"])
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def draw_targets(axes: Axes, rates: pd.DataFrame) -> None:
    """Realised over asked for, on axes that grow as square roots: room for small rates and 0."""
    kinds = fold_kinds(rates) if len(rates) else []
    for position, kind in enumerate(kinds):
        colour, shift = FOLD_COLOURS[kind], 0.006 * (2 * position - len(kinds) + 1)
        for line in rates[rates["fold"] == kind].itertuples():
            place = (np.sqrt(line.setting) + shift) ** 2  # side by side, whatever the scale
            bounds = (np.nan, np.nan) if line.too_few else (line.low, line.high)
            hollow = bool(line.too_few)
            draw_interval(axes, line.realised, bounds, place, colour, hollow, upright=True)
        axes.plot([], [], "o-", color=colour, lw=1.6, label=FOLD_TITLES[kind])
    axes.plot([0, 0.25], [0, 0.25], **REFERENCE, label="as asked for")
    few = "too few calibration groups for any alarm"
    axes.plot([], [], "o", mfc="white", mec="#555555", mew=1.6, label=few)
    axes.set_xscale("function", **SQUARE_ROOT)
    axes.set_yscale("function", **SQUARE_ROOT)
    axes.set(xticks=RATES, yticks=[*RATES, 0.4, 0.6, 0.8, 1])
    axes.set(xlim=(0, 0.25), ylim=(0, np.nanmax([0.3, rates["high"].max()])))
    axes.set(xlabel="target false-alarm rate", ylabel="realised: share of test natives' events")
    axes.xaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_formatter(PERCENT)


def draw_locations(axes: Axes, rates: pd.DataFrame) -> None:
    """The realised rate of each location with ENOUGH native events, with its interval."""
    rows = rates[rates["native"] >= ENOUGH]
    kind = fold_kinds(rows)[0]
    rows = rows[rows["fold"] == kind].sort_values("native").tail(MOST_LOCATIONS)
    if rows.empty:
        note(axes, f"no location has {ENOUGH} native test events")
        blank(axes)
        return
    for row, line in enumerate(rows.itertuples()):
        draw_interval(axes, line.realised, (line.low, line.high), row, FOLD_COLOURS[kind])
    axes.axvline(0.05, **REFERENCE)
    names = [f"{plain(line.location)} ({line.native:.0f})" for line in rows.itertuples()]
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(-0.01, 1), ylim=(-0.7, len(names) - 0.3), xlabel="realised (events in brackets)")
    axes.xaxis.set_major_formatter(PERCENT)
    axes.grid(axis="y", visible=False)


if __name__ == "__main__":
    run_plot(plot_alarm_rates, snakemake)

"""Alarms and metrics of the evaluation -> false-alarm rates as promised and as they came out."""

import numpy as np
import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.contenders import COLOURS, TITLES, best, kinds, shown
from stowaway.plots.style import NATIVE_DARK, PERCENT, plain, plt, save, use_style

ENOUGH = 5  # native events that a location needs to be shown
MOST = 20  # locations, those of the most events


def plot_alarm_rates(alarms: pd.DataFrame, metrics: pd.DataFrame):
    """Left all targets over all places, with the diagonal; right each location at 5 %.

    Both axes of the left panel grow as square roots: room for small rates, and a place for none.
    """
    detector = best(metrics)
    rates = alarms[(alarms["detector"] == detector) & (alarms["target"] == "false_alarm_rate")]
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 6.4))
    everywhere = rates[rates["location"] == "all"]
    shifts = {kind: 0.006 * (2 * i - 1) for i, kind in enumerate(kinds(everywhere))}
    for kind, shift in shifts.items() if len(everywhere) else ():
        rows = everywhere[everywhere["arm"] == kind]
        style = {"color": COLOURS[kind], "lw": 1.6}
        for line in rows.itertuples():
            filled = "white" if line.too_small else COLOURS[kind]
            x = (np.sqrt(line.aim) + shift) ** 2  # side by side, whatever the scale
            if not line.too_small:
                left.plot([x, x], [line.low, line.high], **style)
            dot = {"mfc": filled, "mec": COLOURS[kind], "mew": 1.6, "clip_on": False}
            left.plot(x, line.realised, "o", zorder=3, **dot)
        left.plot([], [], "o-", label=TITLES[kind], **style)
    left.plot([0, 0.25], [0, 0.25], color="#999999", lw=1.2, ls="--", label="as promised")
    left.plot([], [], "o", mfc="white", mec="#555555", label="calibration too small to alarm")
    root = {"functions": (lambda x: np.sqrt(np.maximum(x, 0)), np.square)}
    left.set_xscale("function", **root)
    left.set_yscale("function", **root)
    left.set_xticks([0, 0.01, 0.02, 0.05, 0.1, 0.2])
    left.set_yticks([0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1])
    left.set(xlim=(0, 0.25), ylim=(0, np.nanmax([0.3, everywhere["high"].max()])))
    left.set(xlabel="target false-alarm rate", ylabel="realised, share of test natives' events")
    for axis in (left.xaxis, left.yaxis, right.xaxis):
        axis.set_major_formatter(PERCENT)
    left.set_title(f"{shown(detector)}: promise and outcome", fontsize=14)
    locations(right, rates)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def locations(axes, rates: pd.DataFrame) -> None:
    """The realised rate at a target of 5 % in each location, with Wilson intervals over events."""
    here = rates[(rates["location"] != "all") & (rates["native"] >= ENOUGH)]
    here = here[here["arm"] == kinds(here)[0]].sort_values("native").tail(MOST)
    axes.set_title("by location, at a target of 5 %", fontsize=14)
    if here.empty:
        where = {"transform": axes.transAxes, "ha": "center", "color": "#555555"}
        axes.text(0.5, 0.5, f"no location has {ENOUGH} native test events", **where)
        axes.set(xticks=[], yticks=[])
        return
    for row, line in enumerate(here.itertuples()):
        axes.plot([line.low, line.high], [row, row], color=NATIVE_DARK, lw=1.6)
        axes.plot(line.realised, row, "o", color=NATIVE_DARK)
    axes.axvline(0.05, color="#999999", lw=1.2, ls="--")
    names = [f"{plain(line.location)} ({line.native})" for line in here.itertuples()]
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(-0.01, 1), ylim=(-0.7, len(names) - 0.3), xlabel="realised (events in brackets)")
    axes.grid(axis="y", visible=False)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_alarm_rates(
            read_table(snakemake.input.alarms), read_table(snakemake.input.metrics)
        )
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

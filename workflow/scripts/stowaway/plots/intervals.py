"""Dots with intervals, in rows, and lines in bands of them."""

import pandas as pd
from matplotlib.axes import Axes


def draw_interval(
    axes: Axes,
    value: float,
    bounds: tuple[float, float],
    row: float,
    colour: str,
    hollow: bool = False,
    line: str = "-",
    upright: bool = False,
) -> None:
    """A dot at `value` with its interval `bounds`, which may be NaN, in the row at that height.

    `upright`, it is a dot over the place `row` of the horizontal axis.
    """
    dot = {"mec": colour, "mfc": "white" if hollow else colour, "mew": 1.6, "clip_on": False}
    rows = [row, row]
    axes.plot(*((rows, bounds) if upright else (bounds, rows)), ls=line, color=colour, lw=1.6)
    axes.plot(*((row, value) if upright else (value, row)), "o", ms=6, zorder=3, **dot)


def draw_band(
    axes: Axes, rows: pd.DataFrame, x: str, colour: str, line: str = "-", label: str = ""
) -> None:
    """A line of `value` over the column `x`, in a band of `low` to `high`; NaN is left out."""
    rows = rows[rows["value"].notna()].sort_values(x)
    axes.fill_between(rows[x], rows["low"], rows["high"], color=colour, alpha=0.13, lw=0)
    axes.plot(rows[x], rows["value"], "o", ls=line, color=colour, lw=2.2, ms=6, label=label)

"""Dots with intervals, in rows."""

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

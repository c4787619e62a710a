"""Explanations -> the most suspicious events, where they are strange, their nearest natives."""

from io import BytesIO

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from stowaway.data.roles import FITTED_ROLES, Role
from stowaway.pages.overview import TARGETS, with_interval
from stowaway.plots.pictures import MARK, mark_strangest, show_crop
from stowaway.plots.style import NATIVE_DARK, NOVEL, blank, plain, plt, run_plot

SIDES = {Role.TEST: "native, held out", Role.NOVEL: "invasive", Role.UNLISTED: "in no list"}
SIDES |= dict.fromkeys([*FITTED_ROLES, Role.CALIBRATION], "native, scored by cross-fitting")


def plot_queue(
    explained: dict[str, np.ndarray], alarms: pd.DataFrame, detector: str, drawn: int
) -> Figure:
    """A row for each of the first `drawn` events: its highest crop, the strangest places in it, and
    the nearest natives."""
    n = min(drawn, len(explained["crops"]))
    columns = 3 + explained["natives"].shape[1]
    ratios = {"height_ratios": [0.16] + [1] * n, "width_ratios": [0.75] + [1] * (columns - 1)}
    size = 2.4 * columns, 1.2 + 1.9 * n
    figure, grid = plt.subplots(1 + n, columns, figsize=size, squeeze=False, gridspec_kw=ratios)
    for axes in grid.flat:
        blank(axes)
    draw_headings(grid[0])
    for row, axes in enumerate(grid[1:]):
        crop, box = explained["crops"][row], explained["box"][row]
        describe(axes[0], explained, row)
        show_crop(axes[1], crop, box)
        show_crop(axes[2], crop, box)
        if "heat" in explained:
            mark_strangest(axes[2], explained["heat"][row], box, len(crop))
        names, cosines = explained["native_species"][row], explained["cosine"][row]
        for place, jpeg in enumerate(explained["natives"][row]):
            show_crop(axes[3 + place], np.asarray(Image.open(BytesIO(jpeg))))
            label = f"{plain(names[place], 16)} ({cosines[place]:.2f})"
            axes[3 + place].set_xlabel(label, fontsize=11)
    asked = alarms[alarms["asked"] == "yes"]
    title = "\n".join([f"{plain(detector)}: review these first", *map(outcome, asked.itertuples())])
    figure.suptitle(title, weight="bold", fontsize=14)
    return figure


def draw_headings(row: np.ndarray) -> None:
    """The headings of the columns; that of the marked crops is the key to their colour."""
    style = {"weight": "bold", "fontsize": 12, "va": "center"}
    row[1].text(0.5, 0.5, "most suspicious crop", ha="center", **style)
    key = Patch(facecolor=MARK + "40", edgecolor="#B8A600", lw=1.8)
    font = {"weight": "bold", "size": 12}
    row[2].legend([key], ["strangest places"], loc="center", prop=font, borderpad=0)
    for axes in row[3:4]:  # over three columns
        axes.set_zorder(1)
        text = "nearest natives, with their cosine similarity"
        axes.text(0, 0.5, text, in_layout=False, **style)


def describe(axes: Axes, explained: dict[str, np.ndarray], row: int) -> None:
    """Rank, species, side, p-value and alarm of an event, as text."""
    colour = NOVEL if explained["role"][row] == Role.NOVEL else NATIVE_DARK
    name = f"{row + 1}. {plain(explained['species'][row])}"
    lines = [SIDES[explained["role"][row]], f"p = {explained['p_value'][row]:.3g}"]
    axes.text(0, 0.62, name, weight="bold", fontsize=14, color=colour)
    axes.text(0, 0.54, "\n".join(lines), va="top", fontsize=12, color=colour, linespacing=1.4)
    if explained["alarm"][row]:
        axes.text(0, 0.16, "ALARM", va="top", weight="bold", fontsize=12)


def outcome(line: tuple) -> str:
    """What was asked of the alarm, and what came of it."""
    asked, form, unit = TARGETS[line.target]
    realised = with_interval(form, line.realised, line.low, line.high)
    recall = with_interval("{:.0%}", line.recall, line.recall_low, line.recall_high)
    return (
        f"asked for: {asked.format(line.setting)}; realised: {realised} "
        f"{unit.format(round(line.native))}; recall: {recall} of {line.novel:.0f} invasive events"
    )


if __name__ == "__main__":
    run_plot(plot_queue, snakemake)

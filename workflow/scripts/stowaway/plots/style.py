"""What all plot scripts share: colours, the style, and how figures are drawn and saved."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from stowaway.core.files import read_arrays, replacing
from stowaway.core.script import rule_log, say
from stowaway.core.tables import read_table
from stowaway.plots import labels
from stowaway.plots.labels import plain

plt.switch_backend("Agg")  # no window, wherever it runs

# Okabe & Ito's colour-blind safe palette; natives are always grey, novel species vermilion.
NATIVE, NATIVE_DARK, NOVEL = "#A6A6A6", "#4D4D4D", "#D55E00"
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8B6F47"]
MARKERS = "osD^vPX*"
PERCENT = PercentFormatter(1, decimals=0)
REFERENCE = {"color": "#999999", "lw": 1.2, "ls": (0, (2, 2))}  # chance, or what was asked for


def run_plot(plot: Callable[..., Figure], snakemake: Any) -> None:
    """Draw and save the figure of a rule: `plot` of what the rule has of its parameters' names.

    An input .csv comes as a table, .npz as a dict of arrays, several as a list of them; params and
    wildcards as they are. Where the rule's output `svg` is a list, `plot` is called once for each
    of `params.names`, as `name`. Everything printed goes to the rule's log.
    """
    files, params, saved = snakemake.input, snakemake.params, snakemake.output
    wanted = signature(plot).parameters
    with rule_log(snakemake.log[0]):
        values = {**snakemake.wildcards, **params}
        values |= {name: read(file) for name, file in files.items() if name in wanted}
        given = {name: values[name] for name in wanted if name in values}
        plt.style.use(files.style)
        if isinstance(saved.svg, str):
            save(plot(**given), saved.svg, saved.png, params.site)
        else:
            for name, svg, png in zip(params.names, saved.svg, saved.png, strict=True):
                save(plot(name=name, **given), svg, png, params.site)
        if line := labels.advice():
            say(line)


def read(files: str | list[str]) -> pd.DataFrame | dict[str, np.ndarray] | list:
    """The table of a .csv, the arrays of a .npz, or a list of them for a list of files."""
    if not isinstance(files, str):
        return [read(file) for file in files]
    return read_arrays(files, one_length=True) if files.endswith(".npz") else read_table(files)


def save(figure: Figure, svg: str, png: str, site: str) -> None:
    """Write both forms, with the data set named along the right edge, where nothing else is.

    Without a date, so that a second run gives the same file.
    """
    labels.set_fonts(figure)
    figure.draw_without_rendering()  # lays it out, once for both forms
    figure.set_layout_engine("none")
    right = figure.get_tightbbox().x1 / figure.get_figwidth()  # a legend may be wider
    credit = {"rotation": 90, "va": "bottom", "fontsize": 9, "color": "#777777"}
    figure.text(max(1, right) + 0.004, 0.01, plain(site, 60), **credit)
    whole = figure.get_tightbbox().padded(0.1)
    with replacing(svg, "wb") as file:
        figure.savefig(file, format="svg", bbox_inches=whole, metadata={"Date": None})
    with replacing(png, "wb") as file:
        figure.savefig(file, format="png", bbox_inches=whole, metadata={"Software": None})
    plt.close(figure)


def note(axes: Axes, text: str) -> None:
    """Say in the middle of an empty panel why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color="#555555")


def blank(axes: Axes) -> None:
    """Take ticks, grid and frame from a panel that holds a picture or text."""
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)

"""What all plot scripts share: colours, the style, and how figures are drawn and saved."""

from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402  (after the backend is chosen)
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import PercentFormatter  # noqa: E402

# Okabe & Ito's colour-blind safe palette; natives are always grey, novel species vermilion.
NATIVE, NATIVE_DARK, NOVEL = "#A6A6A6", "#4D4D4D", "#D55E00"
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8B6F47"]
MARKERS = "osD^vPX*"
PERCENT = PercentFormatter(1, decimals=0)
REFERENCE = {"color": "#999999", "lw": 1.2, "ls": (0, (2, 2))}  # chance, or what was asked for


def draw_figure(
    plot: Callable[..., Figure], style: str, svg: str, png: str, site: str, **arguments: object
) -> None:
    """Draw `plot(**arguments)` in the style of that file, and save it in both forms."""
    plt.style.use(style)
    save(plot(**arguments), svg, png, site)


def draw_figures(
    plot: Callable[..., Figure],
    names: list[str],
    style: str,
    svg: list[str],
    png: list[str],
    site: str,
    **arguments: object,
) -> None:
    """Draw and save the figure `plot(name, **arguments)` of each name."""
    plt.style.use(style)
    for name, svg_path, png_path in zip(names, svg, png, strict=True):
        save(plot(name, **arguments), svg_path, png_path, site)


def save(figure: Figure, svg: str, png: str, site: str) -> None:
    """Write both forms, with the data set named along the right edge, where nothing else is.

    Without a date, so that a second run gives the same file.
    """
    credit = {"rotation": 90, "va": "bottom", "fontsize": 9, "color": "#777777"}
    figure.text(1.004, 0.01, plain(site), **credit)
    figure.draw_without_rendering()  # lays it out, once for both forms
    figure.set_layout_engine("none")
    whole = figure.get_tightbbox().padded(0.1)
    Path(svg).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(svg, format="svg", bbox_inches=whole, metadata={"Date": None})
    figure.savefig(png, format="png", bbox_inches=whole, metadata={"Software": None})
    plt.close(figure)


def plain(text: str) -> str:
    """A label or file name shown as it is: a dollar sign in it starts no formula."""
    return str(text).replace("$", r"\$")


def note(axes: Axes, text: str) -> None:
    """Say in the middle of an empty panel why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color="#555555")


def blank(axes: Axes) -> None:
    """Take ticks, grid and frame from a panel that holds a picture or text."""
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)

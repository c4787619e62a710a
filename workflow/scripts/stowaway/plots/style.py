"""What the plot scripts share: colours, the style, and how a figure is saved."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402  (after the backend is chosen)
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import PercentFormatter  # noqa: E402

# Okabe & Ito's colour-blind safe palette; natives are always grey, the novel species vermilion.
NATIVE, NATIVE_DARK, NOVEL = "#A6A6A6", "#4D4D4D", "#D55E00"
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8B6F47"]
MARKERS = "osD^vPX*"
PERCENT = PercentFormatter(1, decimals=0)


def use_style(path: str) -> None:
    """Take the project's style file."""
    plt.style.use(path)


def plain(text: str) -> str:
    """A label or file name shown as it is: a dollar sign in it starts no formula."""
    return text.replace("$", r"\$")


def save(figure: Figure, svg: str, png: str, site: str) -> None:
    """Write both forms, the data set named along the right edge, where nothing else is.

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

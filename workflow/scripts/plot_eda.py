"""Labels of boxes and crops -> what the data set holds: species, locations, times and sizes."""

import numpy as np
import pandas as pd
from matplotlib import dates
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from stowaway.plots.style import NATIVE, NATIVE_DARK, NOVEL, note, plain, plt, run_plot

MOST_BARS = 30


def draw_bars(values: pd.Series, title: str, colours: dict[str, str] | None = None) -> Figure:
    """A bar for each value, the most frequent on top, with its count and share."""
    counts = values.value_counts()
    total, rest = counts.sum(), counts[MOST_BARS:]
    if len(rest):
        counts = pd.concat([counts[:MOST_BARS], pd.Series({f"{len(rest)} more": rest.sum()})])
    figure, axes = plt.subplots(figsize=(9, 1.6 + 0.36 * max(len(counts), 3)))
    colours = [(colours or {}).get(name, NATIVE) for name in counts.index]
    axes.barh(range(len(counts)), counts, color=colours)
    axes.set_yticks(range(len(counts)), [plain(name) for name in counts.index])
    for place, count in enumerate(counts):
        text = f"  {count:,}  ({count / total:.1%})"
        axes.text(count, place, text, va="center", color="#333333", fontsize=11)
    axes.set(title=f"{title} (n = {total:,})", xlabel="count")
    axes.margins(x=0.22, y=0.02)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    return figure


def draw_times(times: pd.Series) -> Figure:
    """Crops per week, of those with a readable time."""
    read = pd.to_datetime(times[times != ""], errors="coerce", utc=True, format="ISO8601").dropna()
    figure, axes = plt.subplots()
    axes.set(title=f"Crops over time (n = {len(read):,})", ylabel="crops per week")
    if read.empty:
        note(axes, "no crop has a time")
        return figure
    weekly = read.dt.tz_localize(None).dt.to_period("W").value_counts().sort_index()
    axes.bar(weekly.index.start_time, weekly.to_numpy(), width=6, align="edge", color=NATIVE_DARK)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.grid(axis="x", visible=False)
    if missing := len(times) - len(read):
        axes.set_xlabel(f"crops without a time: {missing:,}")
    return figure


def draw_sizes(crops: pd.DataFrame) -> Figure:
    """Crop width and height on logarithmic axes."""
    figure, axes = plt.subplots(figsize=(7.5, 6.5))
    width, height = crops["crop_width"], crops["crop_height"]
    dots = {"s": 9, "alpha": 0.35, "color": NATIVE_DARK, "edgecolors": "none"}
    axes.scatter(width, height, rasterized=True, **dots)
    middle = f"median {width.median():.0f} x {height.median():.0f} px"
    axes.set(xscale="log", yscale="log", xlabel="width, px", ylabel="height, px")
    axes.set_title(f"Crop sizes (n = {len(crops):,}, {middle})")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())
    return figure


def plot_eda(
    name: str,
    exported: list[pd.DataFrame],
    labels: pd.DataFrame,
    species: dict[str, list[str]],
    high_level: dict[str, str],
) -> Figure:
    """The figure of that name; `exported` are tables with every label, `labels` is labels.csv."""
    crops = labels["species_label"]
    if name == "species_before":
        return draw_bars(pd.concat(exported)["label"].replace("", np.nan), "Labels as exported")
    if name == "species_after":
        sides = {"native": NATIVE_DARK, "invasive": NOVEL}
        colours = {label: sides[side] for side in sides for label in species[side]}
        listed = crops[crops.isin(colours)]
        figure = draw_bars(listed, "Crops of listed species", colours)
        handles = [Patch(color=colour) for colour in sides.values()]
        figure.legend(handles, sides, loc="outside lower center", ncols=2)
        return figure
    if name == "high_level":
        return draw_bars(crops.replace(high_level), "Crops by high-level label")
    if name == "locations":
        return draw_bars(labels["location"].replace("", "unknown"), "Crops per location")
    return draw_times(labels["datetime"]) if name == "time" else draw_sizes(labels)


if __name__ == "__main__":
    run_plot(plot_eda, snakemake)

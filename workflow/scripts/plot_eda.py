"""Labels, crops and splits -> what the data set holds: species, places, times and sizes."""

from collections import Counter

import numpy as np
import pandas as pd
from matplotlib import dates
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.style import NATIVE, NATIVE_DARK, NOVEL, plain, plt, save, use_style

MOST_BARS = 30


def bars(counts: Counter, title: str, colour: dict[str, str], legend: dict[str, str]):
    """Horizontal bars, the largest on top, each with its count and share."""
    shown = counts.most_common(MOST_BARS)
    if rest := counts.total() - sum(n for _, n in shown):
        shown.append((f"{len(counts) - MOST_BARS} more", rest))
    names, values = zip(*reversed(shown), strict=True) if shown else ((), ())
    figure, axes = plt.subplots(figsize=(9, 1.6 + 0.36 * max(len(names), 3)))
    axes.barh([plain(n) for n in names], values, color=[colour.get(n, NATIVE) for n in names])
    for y, value in enumerate(values):
        share = f"  {value:,}  ({value / counts.total():.1%})"
        axes.text(value, y, share, va="center", color="#333333", fontsize=11)
    axes.set(title=f"{title} (n = {counts.total():,})", xlabel="count")
    axes.margins(x=0.22, y=0.02)
    axes.grid(axis="y", visible=False)
    handles = [plt.Rectangle((0, 0), 1, 1, color=c) for c in legend.values()]
    if legend:
        axes.legend(handles, legend, loc="lower right")
    return figure


def over_time(times: pd.Series):
    """Crops per week of those with a readable time."""
    read = pd.to_datetime(times[times != ""], errors="coerce", utc=True, format="ISO8601").dropna()
    figure, axes = plt.subplots()
    axes.set(title=f"Crops over time (n = {len(read):,})", ylabel="crops per week")
    if read.empty:
        axes.text(0.5, 0.5, "no crop has a time", ha="center", transform=axes.transAxes)
        return figure
    weekly = read.dt.tz_localize(None).dt.to_period("W").value_counts().sort_index()
    axes.bar(weekly.index.start_time, weekly.to_numpy(), width=6, align="edge", color=NATIVE_DARK)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.grid(axis="x", visible=False)
    if missing := len(times) - len(read):
        axes.set_xlabel(f"crops without a time: {missing:,}")
    return figure


def sizes(labels: pd.DataFrame):
    """Crop width and height on logarithmic axes."""
    figure, axes = plt.subplots(figsize=(7.5, 6.5))
    width, height = labels["crop_width"], labels["crop_height"]
    axes.scatter(
        width, height, s=9, alpha=0.35, color=NATIVE_DARK, edgecolors="none", rasterized=True
    )
    middle = f"median {np.median(width):.0f} x {np.median(height):.0f} px"
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="width, px",
        ylabel="height, px",
        title=f"Crop sizes (n = {len(labels):,}, {middle})",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())
    return figure


def plot_eda(figure: str, annotations, rejected, labels, species: dict, high_level: dict):
    """The figure of that name."""
    if figure == "species_before":
        before = Counter(read_table(annotations, ["label"])["label"])
        before.update(label for label in read_table(rejected, ["label"])["label"] if label)
        return bars(before, "Labels as exported", {}, {})
    crops = read_table(labels)
    name = crops["species_label"]
    if figure == "species_after":
        sides = {"native": NATIVE_DARK, "invasive": NOVEL}
        colour = {label: sides[side] for side in sides for label in species[side]}
        return bars(Counter(name[name.isin(colour)]), "Crops of listed species", colour, sides)
    if figure == "high_level":
        groups = Counter(high_level.get(label, label) for label in name)
        return bars(groups, "Crops by high-level label", {}, {})
    if figure == "locations":
        places = Counter(location or "unknown" for location in crops["location"])
        return bars(places, "Crops per location", {}, {})
    return over_time(crops["datetime"]) if figure == "time" else sizes(crops)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        files = snakemake.params.figures, snakemake.output.svg, snakemake.output.png
        for name, svg, png in zip(*files, strict=True):
            figure = plot_eda(
                name,
                snakemake.input.annotations,
                snakemake.input.rejected,
                snakemake.input.labels,
                {side: snakemake.params[side] for side in ("native", "invasive")},
                snakemake.params.high_level,
            )
            save(figure, svg, png, snakemake.params.site)

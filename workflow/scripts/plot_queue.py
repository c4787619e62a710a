"""explanations.npz -> the most suspicious events, where they are strange, their nearest natives."""

import numpy as np
import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.style import NATIVE_DARK, NOVEL, plain, plt, save, use_style

SIDES = {"test": "native, held out", "invasive": "invasive", "unlisted": "not in the lists"}


def plot_queue(saved: dict[str, np.ndarray], alarms: pd.DataFrame, detector: str):
    """A row per event: its most suspicious crop, the heat map over it, the nearest natives."""
    n, near = len(saved["crops"]), saved["natives"].shape[1] if len(saved["crops"]) else 0
    figure, grid = plt.subplots(
        max(n, 1), 2 + near, figsize=(2.1 * (2 + near) + 2.4, 2.45 * max(n, 1) + 1.2), squeeze=False
    )
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    for row in range(n):
        colour = NOVEL if saved["role"][row] == "invasive" else NATIVE_DARK
        size = saved["crops"][row].shape[0]
        grid[row][0].imshow(saved["crops"][row])
        words = [f"{row + 1}. {plain(str(saved['species'][row]))}", SIDES[saved["role"][row]]]
        words += [f"p = {saved['p_value'][row]:.3g}", "ALARM" * bool(saved["alarm"][row])]
        grid[row][0].set_ylabel("\n".join(words), rotation=0, ha="right", va="center", color=colour)
        grid[row][1].imshow(saved["crops"][row].mean(2), cmap="gray", vmin=0, vmax=255)
        if "heat" in saved:
            grid[row][1].imshow(
                saved["heat"][row],
                cmap="inferno",
                vmin=0.5,
                vmax=1,
                alpha=0.55,
                extent=(-0.5, size - 0.5, size - 0.5, -0.5),
                interpolation="bilinear",
            )
        for place in range(near):
            axes = grid[row][2 + place]
            axes.imshow(saved["natives"][row, place])
            name = plain(str(saved["native_species"][row, place]))
            axes.set_xlabel(f"{name} ({saved['cosine'][row, place]:.2f})", fontsize=11)
    titles = ["most suspicious crop", "where it is strange", "nearest natives (cosine)"]
    for axes, title in zip(grid[0], titles, strict=False):
        axes.set_title(title, fontsize=12)
    figure.suptitle(
        f"{detector}: review these first\n{promise(alarms.iloc[0])}", weight="bold", fontsize=13
    )
    return figure


def promise(line: pd.Series) -> str:
    """What was asked of the alarm and what became of it, as a sentence."""
    share = "{0:.0%} [{1:.0%}, {2:.0%}] of {3:.0f}"
    side = [
        share.format(*(line[f"{name}_{part}"] for part in ("rate", "low", "high", "events")))
        if line[f"{name}_events"]
        else "none"
        for name in ("false_alarm", "recall")
    ]
    asked = f"{line['rule'].replace('_', ' ')} {line['aim']:g}"
    return (
        f"asked: {asked}; false alarms: {side[0]} native events; found: {side[1]} invasive events"
    )


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        with np.load(snakemake.input.explained) as file:
            saved = dict(file)
        alarms = read_table(snakemake.input.alarms)
        figure = plot_queue(saved, alarms, snakemake.params.detector)
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

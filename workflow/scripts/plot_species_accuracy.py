"""Accuracy -> per species the share flagged at the original's thresholds, natives beside."""

import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.style import NATIVE_DARK, NOVEL, PERCENT, plain, plt, save, use_style

SHOWN = {
    "correlation": [("correlation", 0.8), ("correlation", 0.9), ("correlation", 1.0)],
    "error": [("deviation", 1), ("deviation", 2), ("deviation", 3)],
}
TITLE = {"correlation": "below {:g} x mean\ncorrelation", "deviation": "above mean\n+ {:g} sd"}


def plot_species_accuracy(accuracy: pd.DataFrame, detector: str, score: str):
    """A panel per threshold; a bar per invasive species, and on top the natives' false alarms."""
    panels = [("quartile", 25), *SHOWN[score]]
    species = sorted(accuracy["species"].unique(), reverse=True) if len(accuracy) else []
    figure, grid = plt.subplots(
        1, len(panels), sharey=True, figsize=(11, 2.6 + 0.5 * (len(species) + 1))
    )
    for axes, (rule, parameter) in zip(grid, panels, strict=True):
        axes.set_title(
            TITLE.get(rule, "above natives'\nlower quartile").format(parameter), fontsize=13
        )
        axes.set(xlim=(0, 1.03), xticks=[0, 0.5, 1])
        axes.xaxis.set_major_formatter(PERCENT)
        axes.grid(axis="y", visible=False)
        here = accuracy[(accuracy["rule"] == rule) & (accuracy["parameter"] == parameter)]
        if here.empty:
            continue
        here = here.set_index("species").loc[species]
        names = [f"{plain(name)} (n = {here['n'][name]:,})" for name in species]
        bar(axes, names, here[["recall", "low", "high"]].to_numpy(), NOVEL)
        alarms = here[["false_alarm_rate", "false_alarm_low", "false_alarm_high"]].to_numpy()[:1]
        bar(
            axes, [f"false alarms: natives (n = {here['n_native'].iloc[0]:,})"], alarms, NATIVE_DARK
        )
    figure.suptitle(f"{detector}: share flagged at the original's thresholds", weight="bold")
    figure.supxlabel("share flagged, with 95 % Wilson interval over events", fontsize=13)
    return figure


def bar(axes, names: list[str], rates, colour: str) -> None:
    """Horizontal bars of (value, low, high) rows with their intervals."""
    value, low, high = rates.T
    axes.barh(names, value, color=colour)
    axes.errorbar(
        value, names, xerr=[value - low, high - value], fmt="none", ecolor="#222222", capsize=3
    )


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_species_accuracy(
            read_table(snakemake.input.accuracy),
            snakemake.params.title,
            snakemake.params.score,
        )
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

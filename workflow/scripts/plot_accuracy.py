"""Curves and accuracy -> each species' recall over the threshold, with false alarms on natives."""

import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.style import NATIVE_DARK, NOVEL, PERCENT, plain, plt, save, use_style

AXIS = {
    "correlation": "stricter ⟵ c ⟶ looser\n"
    "(a crop is flagged when its correlation is below c x the natives' mean)",
    "error": "looser ⟵ k ⟶ stricter\n"
    "(a crop is flagged when its error is above the natives' mean + k standard deviations)",
}


def plot_accuracy(curves: pd.DataFrame, accuracy: pd.DataFrame, detector, species, score):
    """Both rates in one picture; points with 95 % intervals at the original's thresholds."""
    sweep = curves[curves["curve"] == "sweep"]
    mine = accuracy[accuracy["species"] == species]
    rule = "correlation" if score == "correlation" else "deviation"
    marks = mine[mine["rule"] == rule]
    if score == "error":
        marks = pd.concat([marks, placed_quartile(mine)])
    first = mine.iloc[0]
    of = f"{first['n']:.0f} crops, {first['events']:.0f} events"
    of_natives = f"{first['n_native']:.0f} crops, {first['native_events']:.0f} events"
    figure, axes = plt.subplots()
    for name, label, colour, line, columns in (
        (
            species,
            f"recall: {plain(species)} flagged ({of})",
            NOVEL,
            "-",
            ("recall", "low", "high"),
        ),
        (
            "native",
            f"false alarms: natives flagged ({of_natives})",
            NATIVE_DARK,
            "--",
            ("false_alarm_rate", "false_alarm_low", "false_alarm_high"),
        ),
    ):
        curve = sweep[sweep["species"] == name]
        axes.plot(curve["x"], curve["y"], line, color=colour, label=label)
        value, low, high = (marks[column] for column in columns)
        errors = [(value - low).clip(0), (high - value).clip(0)]
        axes.errorbar(marks["parameter"], value, errors, fmt="o", color=colour, capsize=3, lw=1.2)
    if score == "error":
        quartile = marks["parameter"].iloc[-1]
        axes.axvline(quartile, color="#888888", lw=1, ls=":")
        axes.text(
            quartile,
            1.06,
            "quartile rule",
            ha="center",
            color="#555555",
            fontsize=11,
            backgroundcolor="white",
        )
    axes.set(ylim=(-0.03, 1.12), xlabel=AXIS[score], ylabel="share flagged")
    axes.set_title(f"{detector}: finds of {plain(species)}, and their price")
    axes.yaxis.set_major_formatter(PERCENT)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.22),
        title="points: the original's thresholds, with 95 % intervals over events",
    )
    return figure


def placed_quartile(mine: pd.DataFrame) -> pd.DataFrame:
    """The quartile rule at the k at which mean + k sd has the same threshold."""
    at = mine[mine["rule"] == "deviation"].set_index("parameter")["threshold"]
    deviation = at[2] - at[1]
    quartile = mine[mine["rule"] == "quartile"].copy()
    quartile["parameter"] = (quartile["threshold"] - at[1]) / deviation + 1 if deviation else 0.0
    return quartile


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        tables = read_table(snakemake.input.curves), read_table(snakemake.input.accuracy)
        files = snakemake.params.species, snakemake.output.svg, snakemake.output.png
        for species, svg, png in zip(*files, strict=True):
            figure = plot_accuracy(
                *tables, snakemake.wildcards.detector, species, snakemake.params.score
            )
            save(figure, svg, png, snakemake.params.site)

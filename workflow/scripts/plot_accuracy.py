"""Original rules of a detector -> each species' recall over the threshold, with false alarms."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stowaway.plots.style import (
    NATIVE_DARK,
    NOVEL,
    PERCENT,
    REFERENCE,
    note,
    plain,
    plt,
    run_plot,
)

AXIS = {
    "correlation": "stricter ⟵ c ⟶ looser\n"
    "(a crop is flagged when its correlation is below c x the natives' mean)",
    "error": "looser ⟵ k ⟶ stricter\n"
    "(a crop is flagged when its score is above the natives' mean + k standard deviations)",
}
RECALL = ["recall", "low", "high"]
FALSE_ALARMS = ["false_alarm_rate", "false_alarm_low", "false_alarm_high"]


def plot_accuracy(
    name: str, rules: pd.DataFrame, curves: pd.DataFrame, detector: str, score: str
) -> Figure:
    """Recall of the species `name`, and false alarms; points with 95 % intervals at the rules.

    `score` is "correlation" for a detector that goes by it, else "error".
    """
    rows = rules[(rules["detector"] == detector) & (rules["species"] == name)]
    curves = curves[curves["detector"] == detector].set_index("species")
    points = rows[rows["rule"] == ("correlation" if score == "correlation" else "deviation")]
    figure, axes = plt.subplots()
    axes.set_title(f"{plain(detector)}: recall of {plain(name)}, and false alarms")
    axes.set(ylim=(-0.03, 1.12), xlabel=AXIS[score], ylabel="share flagged")
    axes.yaxis.set_major_formatter(PERCENT)
    if rows.empty:
        note(axes, "no crop of this species was scored")
        return figure
    if score == "error":
        quartile = quartile_rule(rows)
        points = pd.concat([points, quartile])
        axes.axvline(quartile["parameter"].iloc[0], **REFERENCE)
        style = {"ha": "center", "color": "#555555", "fontsize": 11, "backgroundcolor": "white"}
        axes.text(quartile["parameter"].iloc[0], 1.06, "quartile rule", **style)
    first = rows.iloc[0]
    recall = f"recall: {plain(name)} ({first['n']:.0f} crops, {first['events']:.0f} events)"
    natives = f"{first['n_native']:.0f} crops, {first['native_events']:.0f} events"
    draw_share(axes, curves.loc[[name]], points, RECALL, recall, NOVEL, "-")
    alarms = f"false alarms: test natives ({natives})"
    draw_share(axes, curves.loc[["native"]], points, FALSE_ALARMS, alarms, NATIVE_DARK, "--")
    title = "points: the original's thresholds, with 95 % intervals over events"
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), title=title)
    return figure


def draw_share(
    axes: Axes,
    curve: pd.DataFrame,
    points: pd.DataFrame,
    columns: list[str],
    label: str,
    colour: str,
    line: str,
) -> None:
    """The curve of one share over the threshold, and points with the intervals in `columns`."""
    style = {"color": colour, "label": label}
    axes.plot(curve["parameter"], curve["share_flagged"], line, **style)
    value, low, high = (points[column] for column in columns)
    errors = [(value - low).clip(0), (high - value).clip(0)]
    axes.errorbar(points["parameter"], value, errors, fmt="o", color=colour, capsize=3, lw=1.2)


def quartile_rule(rows: pd.DataFrame) -> pd.DataFrame:
    """The row of the quartile rule, placed at the k whose threshold is the same."""
    threshold = rows[rows["rule"] == "deviation"].set_index("parameter")["threshold"]
    step = threshold[2] - threshold[1]
    row = rows[rows["rule"] == "quartile"]
    place = (row["threshold"] - threshold[1]) / step + 1 if step else 0.0
    return row.assign(parameter=place)


if __name__ == "__main__":
    run_plot(plot_accuracy, snakemake)

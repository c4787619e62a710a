"""performance.csv -> what reviewers found by week, false alarms beside the target, and recall."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stowaway.plots import style
from stowaway.plots.intervals import draw_interval
from stowaway.plots.labels import plain
from stowaway.plots.style import NATIVE, NOVEL, PALETTE, PERCENT, REFERENCE, plt, run_plot

MOST = 26  # weeks, and locations, that are shown: the last ones, those with most alarms
# What was decided on alarms: columns of the table, the name and the colour of their sum.
KINDS = [
    (["confirmed"], "novel", NOVEL),
    (["false"], "native: a false alarm", NATIVE),
    (["not_animal"], "no animal", PALETTE[4]),
    (["people", "unsure"], "a person, or unsure", PALETTE[5]),
    (["undecided"], "undecided", "white"),
]
UNITS = {
    "false_alarm_rate": "false alarms per native event",
    "false_alarms_per_camera_day": "false alarms per camera-day",
    "alarms_per_week": "alarms per week",
}


def plot_performance(performance: pd.DataFrame) -> Figure:
    """Alarms and false alarms by week above, recall by week and false alarms by location below."""
    everywhere = performance["location"] == "all"
    weeks = performance[everywhere & (performance["week"] != "all")].sort_values("week").tail(MOST)
    whole = performance[everywhere & (performance["week"] == "all")].assign(week="all")
    places = performance[~everywhere & (performance["week"] == "all")]
    places = places.sort_values("alarms", kind="stable").tail(MOST)
    figure, ((alarms, rates), (recall, by_place)) = plt.subplots(2, 2, figsize=(12, 9))
    draw_alarms(alarms, weeks)
    rates.set_title("false alarms: asked for, and realised", fontsize=14)
    draw_values(rates, pd.concat([weeks, whole]), "realised low high".split(), NATIVE)
    draw_target(rates, whole.iloc[0], upright=True)
    recall.set_title("recall of the page, from the sample below it", fontsize=14)
    draw_values(recall, pd.concat([weeks, whole]), "recall recall_low recall_high".split(), NOVEL)
    recall.set(ylim=(0, 1.03), ylabel="share of novel events")
    draw_places(by_place, places)
    draw_target(by_place, whole.iloc[0], upright=False)
    recall.yaxis.set_major_formatter(PERCENT)
    figure.legend(*alarms.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def draw_alarms(axes: Axes, weeks: pd.DataFrame) -> None:
    """A bar per week: the alarms by what was decided on them."""
    axes.set_title("alarms, and what they were", fontsize=14)
    below = np.zeros(len(weeks))
    for columns, name, colour in KINDS:
        counts = weeks[columns].sum(axis=1).to_numpy()
        axes.bar(range(len(weeks)), counts, bottom=below, color=colour, ec="#555555", label=name)
        below += counts
    label_weeks(axes, weeks)
    axes.set(ylabel="events", ylim=(0, max(1, 1.05 * below.max(initial=0))))


def draw_values(axes: Axes, weeks: pd.DataFrame, names: list[str], colour: str) -> None:
    """A dot with its interval per week that has a value, and for all of them."""
    if is_empty(axes, weeks[names[0]]):
        return
    for row, (value, low, high) in enumerate(weeks[names].to_numpy(float)):
        if not np.isnan(value):
            draw_interval(axes, value, (low, high), row, colour, upright=True)
    label_weeks(axes, weeks)


def draw_places(axes: Axes, places: pd.DataFrame) -> None:
    """The realised rate of each location with a value, with its interval."""
    axes.set_title("false alarms by location, all weeks", fontsize=14)
    places = places[places["realised"].notna()]
    if is_empty(axes, places["realised"]):
        return
    for row, line in enumerate(places.itertuples()):
        draw_interval(axes, line.realised, (line.low, line.high), row, NATIVE)
    names = [f"{plain(line.location)} ({line.alarms})" for line in places.itertuples()]
    axes.set_yticks(range(len(names)), names)
    axes.grid(axis="y", visible=False)


def draw_target(axes: Axes, whole: pd.Series, upright: bool) -> None:
    """What was asked for, and its unit on the axis that has the values."""
    (axes.axhline if upright else axes.axvline)(whole["setting"], **REFERENCE)
    unit, axis = UNITS[whole["target"]], axes.yaxis if upright else axes.xaxis
    axis.set_label_text(unit + " (alarms in brackets)" * (not upright))
    (axes.set_ylim if upright else axes.set_xlim)(0, None)
    if whole["target"] == "false_alarm_rate":
        axis.set_major_formatter(PERCENT)


def is_empty(axes: Axes, values: pd.Series) -> bool:
    """Whether there is no value; the panel says so then."""
    if values.isna().all():
        style.note(axes, "no decision says anything about it")
        style.blank(axes)
    return bool(values.isna().all())


def label_weeks(axes: Axes, weeks: pd.DataFrame) -> None:
    axes.set_xticks(range(len(weeks)), weeks["week"], rotation=90)
    axes.set_xlim(-0.6, max(len(weeks), 1) - 0.4)


if __name__ == "__main__":
    run_plot(plot_performance, snakemake)

"""Metrics of a scope -> the recall of each novel species by the detector that leads.

A dot is the plain recall, at 5 % of the natives at hand. A tick is that of a threshold that
promises 5 % of natives to come, and few natives set it a ceiling: the dotted line.
"""

import pandas as pd
from matplotlib.figure import Figure

from stowaway.plots.detector_lines import (
    FOLD_COLOURS,
    FOLD_TITLES,
    displayed,
    fold_kinds,
    lead_of,
)
from stowaway.plots.intervals import draw_interval
from stowaway.plots.style import PERCENT, REFERENCE, plain, plt, run_plot

FEW = 20  # crops, below which a species is no evidence for a ranking
STRATUM = "species="
CEILING = {"color": "#555555", "ls": ":", "lw": 2}


def plot_species_recall(metrics: pd.DataFrame, lead: str) -> Figure:
    """A row per species, by kind of folds; hollow where it has under FEW crops."""
    detector = lead_of(metrics, lead)
    rows = metrics[(metrics["detector"] == detector) & metrics["stratum"].str.startswith(STRATUM)]
    keys = ["fold", "stratum"]
    plain_recall = rows[rows["metric"] == "recall_at_5_fpr"].set_index(keys)
    crops = plain_recall.loc[plain_recall["level"] == "crop", "novel"].rename("crops")
    kept = rows[(rows["metric"] == "recall_at_5_promised") & (rows["level"] == "event")]
    kept = kept.set_index(keys)[["value", "ceiling"]].add_prefix("promised_")
    events = plain_recall[plain_recall["level"] == "event"].join(crops).join(kept).reset_index()
    ticks, labels, row = [], [], 0.0
    figure, axes = plt.subplots(figsize=(9, 2.6 + 0.36 * (len(events) + 1)))
    for kind in fold_kinds(events):
        colour, of_kind = FOLD_COLOURS[kind], events[events["fold"] == kind]
        for line in of_kind.sort_values("value", ascending=False).itertuples():
            few = line.crops < FEW
            draw_interval(axes, line.value, (line.low, line.high), row, colour, few)
            axes.plot(line.promised_value, row, "|", color="black", ms=11, mew=1.8, zorder=4)
            axes.plot([line.promised_ceiling] * 2, [row - 0.4, row + 0.4], **CEILING)
            ticks.append(row)
            name = plain(line.stratum.removeprefix(STRATUM))
            labels.append(f"{name} ({line.crops:.0f} crops, {line.novel:.0f} events)")
            row += 1
        axes.plot([], [], "o-", color=colour, lw=1.6, label=FOLD_TITLES[kind])
        row += 0.6
    axes.plot([], [], "o", mec="#555555", mfc="white", mew=1.6, label=f"under {FEW} crops")
    tick = "with a threshold that promises 5 % of natives to come"
    axes.plot([], [], "|", color="black", ms=11, mew=1.8, label=tick)
    axes.plot([], [], **CEILING, label="the most that it can be, with so few natives")
    axes.axvline(0.05, **REFERENCE, label="chance")
    axes.set(xlim=(-0.01, 1.01), ylim=(max(row - 0.9, 0.5), -0.8))
    axes.set_title(f"{displayed(detector)}: recall at 5 % false alarms")
    axes.set_xlabel("share of the species' events, with 95 % interval over events")
    axes.xaxis.set_major_formatter(PERCENT)
    axes.set_yticks(ticks, labels)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    run_plot(plot_species_recall, snakemake)

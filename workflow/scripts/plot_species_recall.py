"""Metrics of a scope -> the recall of each novel species by the detector that leads."""

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


def plot_species_recall(metrics: pd.DataFrame, lead: str) -> Figure:
    """A row per species, by kind of folds; hollow where it has under FEW crops."""
    detector = lead_of(metrics, lead)
    rows = metrics[(metrics["detector"] == detector) & (metrics["metric"] == "recall_at_5_fpr")]
    rows = rows[rows["stratum"].str.startswith(STRATUM)].set_index(["fold", "stratum"])
    crops = rows.loc[rows["level"] == "crop", "novel"].rename("crops")
    events = rows[rows["level"] == "event"].join(crops).reset_index()
    ticks, labels, row = [], [], 0.0
    figure, axes = plt.subplots(figsize=(9, 2.6 + 0.36 * (len(events) + 1)))
    for kind in fold_kinds(events):
        colour, of_kind = FOLD_COLOURS[kind], events[events["fold"] == kind]
        for line in of_kind.sort_values("value", ascending=False).itertuples():
            few = line.crops < FEW
            draw_interval(axes, line.value, (line.low, line.high), row, colour, few)
            ticks.append(row)
            name = plain(line.stratum.removeprefix(STRATUM))
            labels.append(f"{name} ({line.crops:.0f} crops, {line.novel:.0f} events)")
            row += 1
        axes.plot([], [], "o-", color=colour, lw=1.6, label=FOLD_TITLES[kind])
        row += 0.6
    axes.plot([], [], "o", mec="#555555", mfc="white", mew=1.6, label=f"under {FEW} crops")
    axes.axvline(0.05, **REFERENCE, label="chance")
    axes.set(xlim=(-0.01, 1.01), ylim=(max(row - 0.9, 0.5), -0.8))
    axes.set_title(f"{displayed(detector)}: recall at 5 % false alarms")
    axes.set_xlabel("share of the species' events, with 95 % Wilson interval")
    axes.xaxis.set_major_formatter(PERCENT)
    axes.set_yticks(ticks, labels)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    run_plot(plot_species_recall, snakemake)

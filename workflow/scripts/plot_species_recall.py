"""evaluation/metrics.csv -> which novel species the best detector finds at 5 % false alarms."""

import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.contenders import COLOURS, TITLES, best, kinds, shown
from stowaway.plots.style import PERCENT, plain, plt, save, use_style

FEW = 20  # crops, below which a species is no evidence for a ranking


def plot_species_recall(metrics: pd.DataFrame):
    """A row per species, by kind of arm; hollow where it has under FEW crops."""
    detector = best(metrics)
    here = metrics[(metrics["detector"] == detector) & (metrics["metric"] == "recall_at_5_fpr")]
    here = here[here["stratum"].str.startswith("species=")]
    events = here[here["level"] == "event"].copy()
    crops = here[here["level"] == "crop"].set_index(["arm", "stratum"])["novel"]
    events["crops"] = [crops[pair] for pair in zip(events["arm"], events["stratum"], strict=True)]
    ticks, labels = [], []
    figure, axes = plt.subplots(figsize=(9, 2.4 + 0.36 * (len(events) + 1)))
    row = 0.0
    for kind in kinds(events):
        for line in (
            events[events["arm"] == kind].sort_values("value", ascending=False).itertuples()
        ):
            name = line.stratum.removeprefix("species=")
            ticks.append(row)
            labels.append(f"{plain(name)} ({line.crops} crops, {line.novel} events)")
            colour = COLOURS[kind]
            axes.plot([line.low, line.high], [row, row], color=colour, lw=1.6)
            filled = colour if line.crops >= FEW else "white"
            axes.plot(line.value, row, "o", mec=colour, mfc=filled, mew=1.6)
            row += 1
        axes.plot([], [], "o-", color=COLOURS[kind], lw=1.6, label=TITLES[kind])
        row += 0.6
    axes.plot([], [], "o", mec="#555555", mfc="white", mew=1.6, label=f"under {FEW} crops")
    axes.axvline(0.05, color="#999999", lw=1.2, ls="--", label="chance")
    axes.set(xlim=(-0.01, 1.01), title=f"{shown(detector)}: events found at 5 % false alarms")
    axes.set_xlabel("share of the species' events, with 95 % Wilson interval")
    axes.xaxis.set_major_formatter(PERCENT)
    axes.set_yticks(ticks, labels)
    axes.set_ylim(max(row - 0.2, 0.5), -0.8)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_species_recall(read_table(snakemake.input.metrics))
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

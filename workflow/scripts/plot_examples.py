"""Metrics with 0, 1, 2 .. examples -> event AUROC and recall over the number of example events."""

import pandas as pd
from matplotlib.figure import Figure

from stowaway.evaluation.folds import ELSEWHERE, NOVELTY, SHORTCUTS, WATCH_LIST
from stowaway.plots.intervals import draw_band
from stowaway.plots.style import (
    NATIVE_DARK,
    NOVEL,
    PALETTE,
    PERCENT,
    REFERENCE,
    note,
    plain,
    plt,
    run_plot,
)

PANELS = {"auroc": "event AUROC", "recall_at_5_fpr": "recall at 5 % false alarms"}
CHANCE = {"auroc": 0.5, "recall_at_5_fpr": 0.05}
COLOURS = {WATCH_LIST: (NOVEL, "-"), NOVELTY: (NATIVE_DARK, "--"), SHORTCUTS: ("#777777", ":")}
LABELS = {
    WATCH_LIST: "watch list: novelty and examples",
    NOVELTY: "novelty alone, on the same events",
    SHORTCUTS: "shortcuts with the same examples",
}


def plot_examples(metrics: pd.DataFrame) -> Figure:
    """A panel per metric; below each number of examples the novel events that it leaves to test."""
    figure, grid = plt.subplots(1, len(PANELS), figsize=(15, 5.6))
    others = [name for name in metrics["detector"].unique() if name.startswith(ELSEWHERE)]
    styles = COLOURS | dict.fromkeys(others, (PALETTE[0], "-."))
    for axes, (metric, title) in zip(grid, PANELS.items(), strict=True):
        rows = metrics[(metrics["metric"] == metric) & metrics["value"].notna()]
        for name, (colour, line) in styles.items():
            own = rows[rows["detector"] == name]
            if len(own):
                draw_band(axes, own, "examples", colour, line, LABELS.get(name, plain(name, 60)))
        left = rows[rows["detector"] == WATCH_LIST].set_index("examples")["novel_events"]
        numbers = sorted(rows["examples"].unique())
        ticks = [f"{n:g}\n({left[n]:.1f})" if n in left else f"{n:g}" for n in numbers]
        axes.axhline(CHANCE[metric], **REFERENCE, label="chance")
        axes.set(ylim=(0, 1.01), title=f"{title}, with 95 % interval")
        axes.set_xticks(numbers, ticks)
        axes.set_xlabel("example events (novel events left at other locations, a run)")
        if rows.empty:
            note(axes, "no novel event is left to test")
    grid[1].yaxis.set_major_formatter(PERCENT)
    handles = grid[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    run_plot(plot_examples, snakemake)

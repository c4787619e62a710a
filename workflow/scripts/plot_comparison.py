"""evaluation/metrics.csv -> the AUROC of all detectors with intervals, per crop and per event."""

import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.contenders import SHORTCUT, TITLES, kinds, ranking, shown
from stowaway.plots.style import NATIVE_DARK, NOVEL, plt, save, use_style

LEVELS = {"event": (NOVEL, -0.14), "crop": (NATIVE_DARK, 0.14)}  # colour, shift downwards


def plot_comparison(metrics: pd.DataFrame):
    """A panel per kind of arm; a row per detector, shortcuts apart; dots, intervals and numbers."""
    area = metrics[(metrics["metric"] == "auroc") & (metrics["stratum"] == "all")]
    names = ranking(metrics)
    detectors = [name for name in names if not name.startswith(SHORTCUT)]
    shortcuts = [name for name in names if name.startswith(SHORTCUT)]
    place = {name: row for row, name in enumerate(detectors)}
    place |= {name: len(detectors) + 1.2 + row for row, name in enumerate(shortcuts)}
    depth = max(place.values(), default=0) + 0.7
    panels = kinds(area)
    size = (2.6 + 5.6 * len(panels), 2.2 + 0.34 * depth)
    figure, grid = plt.subplots(1, len(panels), sharey=True, squeeze=False, figsize=size)
    for axes, kind in zip(grid[0], panels, strict=True):
        panel(axes, area[area["arm"] == kind], place)
        axes.set_title(TITLES[kind], fontsize=14, pad=26)
        axes.set_yticks(list(place.values()), [shown(name) for name in place])
        axes.set_ylim(depth, -0.6)
        if shortcuts:
            axes.axhline(len(detectors) + 0.1, color="#bbbbbb", lw=1)
            axes.text(0.01, len(detectors) + 0.5, "shortcut baselines", fontsize=11, style="italic")
    handles = grid[0][0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3)
    return figure


def panel(axes, area: pd.DataFrame, place: dict[str, float]) -> None:
    """Dots with intervals of both levels, and the numbers per event as a column at the right."""
    for level, (colour, shift) in LEVELS.items():
        rows = area[area["level"] == level].set_index("detector").reindex(list(place))
        spread = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
        rank = [place[name] + shift for name in rows.index]
        style = {"fmt": "o", "ms": 5, "color": colour, "lw": 1.6, "capsize": 0}
        axes.errorbar(rows["value"], rank, xerr=spread, label=f"per {level}", **style)
        if level == "event":
            for name, row in rows[rows["value"].notna()].iterrows():
                text = f"{row['value']:.2f}  [{row['low']:.2f}, {row['high']:.2f}]"
                beside = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 11}
                axes.text(1.03, place[name], text.replace("[nan, nan]", ""), **beside)
    axes.text(1.03, 1.015, "per event", transform=axes.transAxes, fontsize=11, color=NOVEL)
    axes.axvline(0.5, color="#999999", lw=1.2, ls="--", label="chance")
    axes.set(xlim=(0, 1), xlabel="AUROC, with 95 % interval over events")
    axes.grid(axis="y", visible=False)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_comparison(read_table(snakemake.input.metrics))
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

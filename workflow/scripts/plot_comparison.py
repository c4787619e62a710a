"""evaluation/metrics.csv -> the AUROC of all detectors with intervals, per crop and per event."""

import pandas as pd

from stowaway.figures import NATIVE_DARK, NOVEL, plt, save, use_style
from stowaway.run import rule_log
from stowaway.tables import read_table

TITLES = {"rotate": "each native in turn as the novel one", "listed": "the listed invasive species"}


def plot_comparison(metrics: pd.DataFrame):
    """A panel per kind of arm; a row per detector, nuisances last; dots with 95 % intervals."""
    area = metrics[metrics["metric"] == "auroc"]
    kinds = [kind for kind in TITLES if kind in set(area["arm"])]
    first = area[(area["arm"] == kinds[0]) & (area["level"] == "event")].sort_values("value")
    nuisance = first["detector"].str.startswith("nuisance_")
    names = [*first.loc[nuisance, "detector"], *first.loc[~nuisance, "detector"]]
    figure, grid = plt.subplots(
        1,
        len(kinds),
        sharey=True,
        squeeze=False,
        figsize=(6.5 * len(kinds), 1.8 + 0.36 * len(names)),
    )
    for axes, kind in zip(grid[0], kinds, strict=True):
        for level, colour, shift in (("event", NOVEL, 0.12), ("crop", NATIVE_DARK, -0.12)):
            rows = area[(area["arm"] == kind) & (area["level"] == level)]
            rows = rows.set_index("detector").loc[names]
            places = [place + shift for place in range(len(names))]
            spread = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
            axes.errorbar(
                rows["value"],
                places,
                xerr=spread,
                fmt="o",
                color=colour,
                capsize=2,
                label=f"per {level}",
            )
        axes.axvline(0.5, color="#999999", lw=1.2, ls="--", label="chance")
        axes.set(xlim=(0, 1), title=TITLES[kind], xlabel="AUROC, with 95 % interval over events")
        axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    handles = grid[0][0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3)
    return figure


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_comparison(read_table(snakemake.input.metrics))
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

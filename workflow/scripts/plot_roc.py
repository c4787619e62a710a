"""Curves and metrics of all detectors -> their ROC in one picture, the low end enlarged."""

import pandas as pd

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.style import PALETTE, PERCENT, plt, save, use_style


def plot_roc(curves: dict[str, pd.DataFrame], metrics: pd.DataFrame):
    """ROC per crop, and beside it the end where a biosecurity team works: 0-20 % false alarms."""
    area = metrics[(metrics["metric"] == "auroc") & (metrics["level"] == "crop")].set_index(
        "detector"
    )
    figure, (whole, low) = plt.subplots(1, 2, figsize=(12.5, 6.8))
    for (name, table), colour in zip(curves.items(), PALETTE * 4, strict=False):
        points = table[table["curve"] == "roc"]
        line = area.loc[name]
        seen = "" if line["arm"] == "listed" else ", was trained on them"
        label = f"{name}: AUROC {line['value']:.2f} [{line['low']:.2f}, {line['high']:.2f}]{seen}"
        for axes in (whole, low):
            style = ":" if seen else "-"
            axes.plot(
                points["x"], points["y"], style, color=colour, label=label, drawstyle="steps-post"
            )
    counts = area.iloc[0]
    for axes, limit in (whole, 1.0), (low, 0.2):
        axes.plot([0, limit], [0, limit], color="#999999", lw=1.2, ls="--", label="chance")
        axes.set(
            xlim=(0, limit), ylim=(0, 1.01), xlabel="false alarms: share of test natives flagged"
        )
        axes.xaxis.set_major_formatter(PERCENT)
        axes.yaxis.set_major_formatter(PERCENT)
    low.set_xticks([0, 0.05, 0.1, 0.15, 0.2])
    whole.set_ylabel("recall: share of invasive crops flagged")
    whole.set_title(f"ROC ({counts['n']:.0f} invasive, {counts['n_native']:.0f} native crops)")
    low.set_title("the first 20 % of false alarms")
    figure.legend(*whole.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        tables = map(read_table, snakemake.input.curves)
        figure = plot_roc(
            dict(zip(snakemake.params.detectors, tables, strict=True)),
            read_table(snakemake.input.metrics),
        )
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

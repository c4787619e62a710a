"""Metrics by share of the natives -> event AUROC over the number of native events fitted on."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stowaway.plots.detector_lines import detector_styles, displayed
from stowaway.plots.intervals import draw_band
from stowaway.plots.style import REFERENCE, note, plt, run_plot


def plot_learning_curve(learning_curve: pd.DataFrame, detectors: dict[str, str]) -> Figure:
    """A line per detector, in its colour and line style; the last dot is all there is."""
    rows = learning_curve[learning_curve["metric"] == "auroc"]
    styles = detector_styles(detectors | {"mahalanobis": "natives"})
    figure, axes = plt.subplots(figsize=(9, 5.6))
    for name, own in rows.groupby("detector", sort=False):
        style = styles[name]
        draw_band(axes, own, "fitted_events", style["color"], style["ls"], displayed(name))
    axes.axhline(0.5, **REFERENCE, label="chance")
    axes.set(ylim=(0, 1.01), ylabel="event AUROC, with 95 % interval")
    axes.set_xlabel("native events fitted on (mean over folds and seeds)")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if rows["value"].isna().all():
        note(axes, "no natives and novel events to compare")
    axes.legend(loc="lower right")
    return figure


if __name__ == "__main__":
    run_plot(plot_learning_curve, snakemake)

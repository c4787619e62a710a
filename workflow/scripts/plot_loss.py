"""A network's history -> its training and validation loss over the epochs."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stowaway.plots.style import NATIVE_DARK, NOVEL, plain, plt, run_plot

LOSSES = {
    "mse": "mean squared error per pixel",
    "ssim": "(1 - structural similarity) / 2 + mean absolute difference",
}


def plot_loss(history: pd.DataFrame, detector: str, loss: str) -> Figure:
    """Both losses; the label says after which epoch the validation loss was lowest."""
    figure, axes = plt.subplots()
    best = history.loc[history["val_loss"].idxmin()]
    lowest = f"validation: lowest, {best['val_loss']:.4f}, after epoch {best['epoch']:.0f}"
    axes.plot(history["epoch"], history["train_loss"], "o--", color=NATIVE_DARK, label="training")
    axes.plot(history["epoch"], history["val_loss"], "o-", color=NOVEL, label=lowest)
    axes.set_ylim(0, 1.1 * history[["train_loss", "val_loss"]].max(axis=None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(title=f"{plain(detector)}: loss in training", xlabel="epoch", ylabel=LOSSES[loss])
    axes.legend()
    return figure


if __name__ == "__main__":
    run_plot(plot_loss, snakemake)

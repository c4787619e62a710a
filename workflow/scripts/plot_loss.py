"""A detector's history -> its training and validation loss over the epochs."""

from matplotlib.ticker import MaxNLocator

from stowaway.core.script import rule_log
from stowaway.core.tables import read_table
from stowaway.plots.style import NATIVE_DARK, NOVEL, plt, save, use_style

LABELS = {
    "mse": "mean squared error per pixel",
    "ssim": "(1 - structural similarity) / 2 + mean absolute difference",
    "cross_entropy": "cross-entropy",
}

if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        history = read_table(snakemake.input.history)
        figure, axes = plt.subplots()
        best = history["val_loss"].idxmin()
        lowest = f"lowest {history['val_loss'][best]:.4f} after epoch {history['epoch'][best]}"
        for column, name, colour, line in (
            ("train_loss", "training", NATIVE_DARK, "o--"),
            ("val_loss", f"validation, {lowest}", NOVEL, "o-"),
        ):
            axes.plot(history["epoch"], history[column], line, color=colour, label=name)
        axes.set_ylim(0, 1.1 * history[["train_loss", "val_loss"]].max(axis=None))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        title = f"{snakemake.wildcards.detector}: loss while training"
        axes.set(title=title, xlabel="epoch", ylabel=LABELS[snakemake.params.loss])
        axes.legend()
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

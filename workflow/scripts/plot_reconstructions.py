"""Pairs of crops and reconstructions of one species -> the pictures side by side."""

import numpy as np

from stowaway.core.script import rule_log
from stowaway.plots.style import NATIVE_DARK, NOVEL, plain, plt, save, use_style


def plot_reconstructions(path: str, detector: str, species: str):
    """Originals above, reconstructions below, each with its anomaly score."""
    with np.load(path) as saved:
        mine = saved["species"] == species
        pairs, scores = saved["pairs"][mine], saved["score"][mine]
        role = saved["role"][mine][0] if mine.any() else "none"
    columns = max(len(pairs), 1)
    figure, grid = plt.subplots(2, columns, figsize=(2.3 * columns + 0.9, 5.6), squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    for column, (pair, score) in enumerate(zip(pairs, scores, strict=True)):
        for row in range(2):
            grid[row][column].imshow(pair[row])
        grid[1][column].set_xlabel(f"score {score:.3g}", fontsize=12)
    grid[0][0].set_ylabel("crop")
    grid[1][0].set_ylabel("reconstruction")
    side = {"test": "native, held out", "invasive": "invasive"}.get(role, "no crop")
    colour = NOVEL if role == "invasive" else NATIVE_DARK
    figure.suptitle(f"{detector}: {plain(species)} ({side})", weight="bold", color=colour)
    return figure


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_reconstructions(
            snakemake.input.pairs, snakemake.wildcards.detector, snakemake.params.species
        )
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

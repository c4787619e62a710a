"""Pairs of crops and reconstructions of one species -> the pictures, one above the other."""

import numpy as np
from matplotlib.figure import Figure

from stowaway.data.roles import Role
from stowaway.plots.style import NATIVE_DARK, NOVEL, blank, plain, plt, run_plot

SIDES = {Role.TEST: "native, held out", Role.NOVEL: "invasive"}


def plot_reconstructions(pairs: dict[str, np.ndarray], detector: str, species: str) -> Figure:
    """Crops above, their reconstructions below, each with its anomaly score."""
    rows = np.flatnonzero(pairs["species"] == species)
    columns = max(len(rows), 1)
    figure, grid = plt.subplots(2, columns, figsize=(2.3 * columns + 0.9, 5.6), squeeze=False)
    for axes in grid.flat:
        blank(axes)
    for column, row in enumerate(rows):
        for axes, picture in zip(grid[:, column], pairs["pairs"][row], strict=True):
            axes.imshow(picture)
        grid[1][column].set_xlabel(f"score {pairs['score'][row]:.3g}", fontsize=12)
    grid[0][0].set_ylabel("crop")
    grid[1][0].set_ylabel("reconstruction")
    role = pairs["role"][rows[0]] if len(rows) else None
    title = f"{plain(detector)}: {plain(species)} ({SIDES.get(role, 'no crop')})"
    colour = NOVEL if role == Role.NOVEL else NATIVE_DARK
    figure.suptitle(title, weight="bold", color=colour)
    return figure


if __name__ == "__main__":
    run_plot(plot_reconstructions, snakemake)

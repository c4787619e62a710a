"""Maps of crops: t-SNE embeddings drawn per space and perplexity."""

from dataclasses import dataclass

import pandas as pd

from stowaway.core.tables import read_table
from stowaway.plots.style import plain, plt

SPACES = {"latent": "latents", "reconstruction": "reconstructions"}


@dataclass
class Layer:
    """Crops of one look: `chosen` is a mask over the rows of every embedding table."""

    name: str
    chosen: pd.Series
    colour: str
    size: float = 14
    marker: str = "o"
    edge: str = "none"


def read_embeddings(paths: list[str]) -> list[pd.DataFrame]:
    """The tables of one detector by growing perplexity; their rows are the same crops."""
    return sorted(map(read_table, paths), key=lambda table: table["perplexity"][0])


def draw_maps(tables: list[pd.DataFrame], layers: list[Layer], title: str):
    """A grid of maps: latents above, reconstructions, if any, below, a column per perplexity."""
    columns = len(tables)
    spaces = {space: name for space, name in SPACES.items() if f"{space}_x" in tables[0]}
    size = 4.3 * columns, 0.5 + 4.1 * len(spaces)
    figure, grid = plt.subplots(len(spaces), columns, figsize=size, squeeze=False)
    for column, table in enumerate(tables):
        for row, (space, name) in enumerate(spaces.items()):
            axes = grid[row][column]
            for layer in layers:
                chosen = layer.chosen.to_numpy()
                axes.scatter(
                    table.loc[chosen, f"{space}_x"],
                    table.loc[chosen, f"{space}_y"],
                    s=layer.size,
                    marker=layer.marker,
                    color=layer.colour,
                    alpha=0.9 if layer.edge != "none" else 0.65,
                    edgecolors=layer.edge,
                    linewidths=0.6,
                    label=f"{plain(layer.name)} (n = {chosen.sum():,})",
                    rasterized=len(table) > 2000,
                )
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            axes.spines[:].set_visible(True)
            subtitle = f"{name}, perplexity {table['perplexity'][0]:g}"
            axes.set_title(subtitle, fontsize=13, weight="normal")
    figure.suptitle(plain(title), weight="bold", fontsize=16)
    handles = grid[0][0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=min(4, len(layers)), markerscale=1.8)
    return figure

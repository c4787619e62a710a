"""Maps of crops: t-SNE embeddings drawn per space and perplexity."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from stowaway.plots.style import blank, plain, plt

SPACES = {"latent": "latents", "reconstruction": "reconstructions"}


@dataclass
class Layer:
    """Crops that are drawn alike: `members` is a mask over the rows of every embedding table."""

    name: str
    members: pd.Series
    colour: str
    size: float = 14
    marker: str = "o"
    edge: str = "none"


def draw_maps(tables: list[pd.DataFrame], layers: list[Layer], title: str) -> Figure:
    """A grid of maps: latents above, reconstructions, if any, below; a column per perplexity.

    `tables` are the embeddings of one detector; their rows are the same crops.
    """
    tables = sorted(tables, key=lambda table: table["perplexity"][0])
    columns = len(tables)
    spaces = {space: name for space, name in SPACES.items() if f"{space}_x" in tables[0]}
    size = 4.3 * columns, 0.5 + 4.1 * len(spaces)
    figure, grid = plt.subplots(len(spaces), columns, figsize=size, squeeze=False)
    for column, table in enumerate(tables):
        for axes, (space, name) in zip(grid[:, column], spaces.items(), strict=True):
            blank(axes)
            axes.spines[:].set_visible(True)
            subtitle = f"{name}, perplexity {table['perplexity'][0]:g}"
            axes.set_title(subtitle, fontsize=13, weight="normal")
            for layer in layers:
                members = table[layer.members.to_numpy()]
                axes.scatter(
                    members[f"{space}_x"],
                    members[f"{space}_y"],
                    s=layer.size,
                    marker=layer.marker,
                    color=layer.colour,
                    alpha=0.9 if layer.edge != "none" else 0.65,
                    edgecolors=layer.edge,
                    linewidths=0.6,
                    rasterized=len(table) > 2000,
                )
    figure.suptitle(title, weight="bold", fontsize=16)
    labels = [f"{plain(layer.name)} (n = {layer.members.sum():,})" for layer in layers]
    key = {"loc": "outside lower center", "ncols": min(4, len(layers)), "markerscale": 1.8}
    figure.legend(grid[0][0].collections, labels, **key)
    return figure

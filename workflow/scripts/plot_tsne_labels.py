"""Embeddings of a visualization model -> all crops by high-level label, per perplexity."""

import pandas as pd
from matplotlib.figure import Figure

from stowaway.plots.maps import Layer, draw_maps
from stowaway.plots.style import MARKERS, PALETTE, plain, run_plot


def plot_tsne_labels(embeddings: list[pd.DataFrame], detector: str, high_level: dict) -> Figure:
    """Colour and marker per label, the most frequent first; from the ninth on, all are 'other'."""
    group = embeddings[0]["species"].map(lambda name: high_level.get(name, name))
    frequent = group.value_counts().index
    if len(frequent) > len(PALETTE):
        group = group.where(group.isin(frequent[: len(PALETTE) - 1]), "other labels")
        frequent = group.value_counts().index
    layers = [
        Layer(name, group == name, colour, marker=marker)
        for name, colour, marker in zip(frequent, PALETTE, MARKERS, strict=False)
    ]
    return draw_maps(embeddings, layers, f"{plain(detector)}: crops by high-level label")


if __name__ == "__main__":
    run_plot(plot_tsne_labels, snakemake)

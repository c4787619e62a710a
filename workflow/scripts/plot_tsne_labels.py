"""Embeddings of a visualization model -> all crops by high-level label, per perplexity."""

import pandas as pd
from matplotlib.figure import Figure

from stowaway.core.script import rule_log
from stowaway.plots.maps import Layer, draw_maps, read_embeddings
from stowaway.plots.style import MARKERS, PALETTE, draw_figure


def plot_tsne_labels(tables: list[pd.DataFrame], detector: str, high_level: dict) -> Figure:
    """Colour and marker per label, the most frequent first; from the ninth on, all are 'other'."""
    group = tables[0]["species"].map(lambda name: high_level.get(name, name))
    frequent = group.value_counts().index
    if len(frequent) > len(PALETTE):
        group = group.where(group.isin(frequent[: len(PALETTE) - 1]), "other labels")
        frequent = group.value_counts().index
    layers = [
        Layer(name, group == name, colour, marker=marker)
        for name, colour, marker in zip(frequent, PALETTE, MARKERS, strict=False)
    ]
    return draw_maps(tables, layers, f"{detector}: crops by high-level label")


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        draw_figure(
            plot=plot_tsne_labels,
            style=snakemake.input.style,
            svg=snakemake.output.svg,
            png=snakemake.output.png,
            site=snakemake.params.site,
            tables=read_embeddings(snakemake.input.embeddings),
            detector=snakemake.wildcards.detector,
            high_level=snakemake.params.high_level,
        )

"""Embeddings -> each invasive species among the natives, per space and perplexity."""

import pandas as pd

from stowaway.core.script import rule_log
from stowaway.plots.maps import Layer, draw_maps, read_embeddings
from stowaway.plots.style import NATIVE, NATIVE_DARK, NOVEL, save, use_style


def plot_tsne(tables: list[pd.DataFrame], detector: str, species: str):
    """Natives in grey (dark: held out of the training), the species in colour, no other."""
    role, mine = tables[0]["role"], tables[0]["species"] == species
    layers = [
        Layer("native, trained on", role == "train", NATIVE, 12),
        Layer("native, held out", role.isin(["val", "calibration", "test"]), NATIVE_DARK, 12),
        Layer(species, mine, NOVEL, 40, edge="white"),
    ]
    return draw_maps(tables, layers, f"{detector}: {species} among the natives")


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        tables = read_embeddings(snakemake.input.embeddings)
        files = snakemake.params.species, snakemake.output.svg, snakemake.output.png
        for species, svg, png in zip(*files, strict=True):
            figure = plot_tsne(tables, snakemake.wildcards.detector, species)
            save(figure, svg, png, snakemake.params.site)

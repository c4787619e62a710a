"""Embeddings of a detector -> each invasive species among the natives, per space and perplexity."""

import pandas as pd
from matplotlib.figure import Figure

from stowaway.core.script import rule_log
from stowaway.data.roles import NATIVE_ROLES, Role
from stowaway.plots.maps import Layer, draw_maps, read_embeddings
from stowaway.plots.style import NATIVE, NATIVE_DARK, NOVEL, draw_figures


def plot_tsne(species: str, tables: list[pd.DataFrame], detector: str) -> Figure:
    """Natives in grey (dark: held out of the training), the species in colour, no other."""
    role = tables[0]["role"]
    held_out = role.isin(NATIVE_ROLES) & (role != Role.TRAIN)
    layers = [
        Layer("native, trained on", role == Role.TRAIN, NATIVE, 12),
        Layer("native, held out", held_out, NATIVE_DARK, 12),
        Layer(species, tables[0]["species"] == species, NOVEL, 40, edge="white"),
    ]
    return draw_maps(tables, layers, f"{detector}: {species} among the natives")


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        draw_figures(
            plot=plot_tsne,
            names=snakemake.params.species,
            style=snakemake.input.style,
            svg=snakemake.output.svg,
            png=snakemake.output.png,
            site=snakemake.params.site,
            tables=read_embeddings(snakemake.input.embeddings),
            detector=snakemake.wildcards.detector,
        )

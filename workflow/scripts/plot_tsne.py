"""Embeddings of a detector -> each invasive species among the natives, per space and perplexity."""

import pandas as pd
from matplotlib.figure import Figure

from stowaway.data.roles import NATIVE_ROLES, Role
from stowaway.plots.maps import Layer, draw_maps
from stowaway.plots.style import NATIVE, NATIVE_DARK, NOVEL, plain, run_plot


def plot_tsne(name: str, embeddings: list[pd.DataFrame], detector: str) -> Figure:
    """Natives in grey (dark: held out of the training), the species `name` in colour, no other."""
    role = embeddings[0]["role"]
    held_out = role.isin(NATIVE_ROLES) & (role != Role.TRAIN)
    layers = [
        Layer("native, trained on", role == Role.TRAIN, NATIVE, 12),
        Layer("native, held out", held_out, NATIVE_DARK, 12),
        Layer(name, embeddings[0]["species"] == name, NOVEL, 40, edge="white"),
    ]
    return draw_maps(embeddings, layers, f"{plain(detector)}: {plain(name)} among the natives")


if __name__ == "__main__":
    run_plot(plot_tsne, snakemake)

"""Embeddings of a visualization model -> all crops by high-level label, per perplexity."""

from stowaway.core.script import rule_log
from stowaway.plots.maps import Layer, draw_maps, read_embeddings
from stowaway.plots.style import MARKERS, PALETTE, save, use_style


def plot_tsne_labels(embeddings: list[str], detector: str, high_level: dict[str, str]):
    """Colour and marker per label, the most frequent first; from the ninth on, all are 'other'."""
    tables = read_embeddings(embeddings)
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
        use_style(snakemake.input.style)
        figure = plot_tsne_labels(
            snakemake.input.embeddings, snakemake.wildcards.detector, snakemake.params.high_level
        )
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

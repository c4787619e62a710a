"""Embeddings of a visualization model -> all crops by high-level label, per perplexity."""

from stowaway.figures import MARKERS, PALETTE, plain, plt, save, use_style
from stowaway.run import rule_log
from stowaway.tables import read_table

SPACES = {"latent": "latents", "reconstruction": "reconstructions"}


def plot_tsne_labels(embeddings: list[str], detector: str, high_level: dict[str, str]):
    """Colour and marker per label, the most frequent first; from the ninth on, all are 'other'."""
    tables = sorted(map(read_table, embeddings), key=lambda table: table["perplexity"][0])
    group = tables[0]["species"].map(lambda name: high_level.get(name, name))
    counts = group.value_counts()
    if len(counts) > len(PALETTE):
        group = group.where(group.isin(counts.index[: len(PALETTE) - 1]), "other")
        counts = group.value_counts()
    columns = len(tables)
    figure, grid = plt.subplots(2, columns, figsize=(4.3 * columns, 8.8), squeeze=False)
    for column, table in enumerate(tables):
        for row, (space, title) in enumerate(SPACES.items()):
            axes = grid[row][column]
            for name, colour, marker in zip(counts.index, PALETTE, MARKERS, strict=False):
                chosen = (group == name).to_numpy()
                axes.scatter(
                    table.loc[chosen, f"{space}_x"],
                    table.loc[chosen, f"{space}_y"],
                    s=14,
                    marker=marker,
                    color=colour,
                    alpha=0.7,
                    edgecolors="none",
                    label=f"{plain(name)} (n = {counts[name]:,})",
                    rasterized=len(table) > 2000,
                )
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            axes.set_title(
                f"{title}, perplexity {table['perplexity'][0]}", fontsize=13, weight="normal"
            )
    figure.suptitle(f"{detector}: crops by high-level label", weight="bold", fontsize=16)
    figure.legend(
        *grid[0][0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4,
        markerscale=1.8,
    )
    return figure


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_tsne_labels(
            snakemake.input.embeddings, snakemake.wildcards.detector, snakemake.params.high_level
        )
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

"""Embeddings -> one invasive species among the natives, per space and perplexity."""

from stowaway.figures import NATIVE, NATIVE_DARK, NOVEL, plain, plt, save, use_style
from stowaway.run import rule_log
from stowaway.tables import read_table

SPACES = {"latent": "latents", "reconstruction": "reconstructions"}


def plot_tsne(embeddings: list[str], detector: str, species: str):
    """Natives in grey (dark: held out of the training), the species in colour, no other."""
    tables = sorted(map(read_table, embeddings), key=lambda table: table["perplexity"][0])
    columns = len(tables)
    figure, grid = plt.subplots(2, columns, figsize=(4.3 * columns, 8.6), squeeze=False)
    for column, table in enumerate(tables):
        layers = {
            "native, trained on": (table["role"] == "train", NATIVE, 12),
            "native, held out": (table["role"].isin(["val", "test"]), NATIVE_DARK, 12),
            plain(species): (table["species"] == species, NOVEL, 34),
        }
        for row, (space, title) in enumerate(SPACES.items()):
            axes = grid[row][column]
            for name, (chosen, colour, size) in layers.items():
                axes.scatter(
                    table.loc[chosen, f"{space}_x"],
                    table.loc[chosen, f"{space}_y"],
                    s=size,
                    color=colour,
                    alpha=0.9 if colour == NOVEL else 0.6,
                    edgecolors="white" if colour == NOVEL else "none",
                    linewidths=0.6,
                    label=f"{name} (n = {chosen.sum():,})",
                    rasterized=len(table) > 2000,
                )
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            axes.set_title(
                f"{title}, perplexity {table['perplexity'][0]}", fontsize=13, weight="normal"
            )
    figure.suptitle(f"{detector}: {plain(species)} among the natives", weight="bold", fontsize=16)
    figure.legend(
        *grid[0][0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        markerscale=1.8,
    )
    return figure


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        use_style(snakemake.input.style)
        figure = plot_tsne(
            snakemake.input.embeddings, snakemake.wildcards.detector, snakemake.params.species
        )
        save(figure, snakemake.output.svg, snakemake.output.png, snakemake.params.site)

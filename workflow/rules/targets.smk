"""What one can ask for by name, beside `all`: figures, eda, models."""


rule eda:
    input:
        rules.plot_eda.output,


rule models:
    input:
        expand("<results>/models/{detector}.pt", detector=DETECTORS),
        expand("<results>/figures/loss/{detector}.svg", detector=DETECTORS),


rule figures:
    input:
        rules.eda.input,
        "<results>/figures/roc.svg",
        expand(
            "<results>/figures/{figure}/{detector}.svg",
            figure=["loss", "scores", "species_accuracy"],
            detector=DETECTORS,
        ),
        expand(
            "<results>/figures/reconstructions/{detector}/{species}.svg",
            detector=NOVELTY,
            species=SPECIES,
        ),
        expand(
            "<results>/figures/{figure}/{detector}/{species}.svg",
            figure=["tsne", "accuracy"],
            detector=NOVELTY,
            species=INVASIVE,
        ),
        expand("<results>/figures/tsne_labels/{detector}.svg", detector=VISUALIZATION),

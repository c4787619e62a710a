"""What one can ask for by name, beside `all`: figures, eda, models, evaluation."""

FORMS = ["svg", "png"]


rule eda:
    input:
        expand("<results>/figures/eda/{figure}.{form}", figure=EDA, form=FORMS),


rule models:
    input:
        expand("<results>/models/{detector}.pt", detector=NETWORKS),
        expand("<results>/models/{detector}.skops", detector=FEATURE_BASED),
        expand("<results>/figures/loss/{detector}.{form}", detector=NETWORKS, form=FORMS),


rule figures:
    input:
        rules.eda.input,
        expand(
            "<results>/figures/{figure}.{form}",
            figure=["roc", *(["queue"] if FEATURE_BASED else [])],
            form=FORMS,
        ),
        expand(
            "<results>/figures/{figure}/{detector}.{form}",
            figure=["scores", "species_accuracy"],
            detector=DETECTORS,
            form=FORMS,
        ),
        expand(
            "<results>/figures/reconstructions/{detector}/{species}.{form}",
            detector=RECONSTRUCTING,
            form=FORMS,
            species=SPECIES,
        ),
        expand(
            "<results>/figures/accuracy/{detector}/{species}.{form}",
            detector=NOVELTY,
            form=FORMS,
            species=INVASIVE,
        ),
        expand(
            "<results>/figures/tsne/{detector}/{species}.{form}",
            detector=RECONSTRUCTING,
            form=FORMS,
            species=INVASIVE,
        ),
        expand(
            "<results>/figures/tsne_labels/{detector}.{form}", detector=VISUALIZATION, form=FORMS
        ),


rule evaluation:
    input:
        rules.compare_detectors.output,
        rules.plot_comparison.output,
        rules.plot_event_roc.output,
        rules.plot_alarm_cost.output,
        rules.plot_species_recall.output,
        rules.plot_alarm_rates.output,

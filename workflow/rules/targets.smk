"""What one can ask for by name, beside `all`: eda, models, figures, evaluation."""

EVALUATION = ["roc_crop", "roc_event", "comparison", "alarm_cost", "species_recall", "alarm_rates"]


rule eda:
    input:
        figures("eda/{figure}", figure=EDA),
        "<results>/summary.txt",


rule models:
    input:
        expand(f"{DEFAULT}/models/{{detector}}.pt", detector=NETWORKS),
        "<results>/models.npz",
        figures("loss/{detector}", detector=NETWORKS),
        "<results>/summary.txt",


rule figures:
    input:
        rules.eda.input,
        figures("queue"),
        figures("evaluation/one_split/{figure}", figure=[*EVALUATION, *WORTH]),
        figures("{kind}/{detector}", kind=["scores", "species_accuracy"], detector=DETECTORS),
        figures("reconstructions/{detector}/{species}", detector=RECONSTRUCTING, species=SPECIES),
        figures("accuracy/{detector}/{species}", detector=NOVELTY, species=INVASIVE),
        figures("tsne/{detector}/{species}", detector=RECONSTRUCTING, species=INVASIVE),
        figures("tsne_labels/{detector}", detector=VISUALIZATION),


rule evaluation:
    input:
        expand(
            "<results>/evaluation/all_folds/{table}.csv",
            table=["metrics", "comparison", "alarms", "curves"],
        ),
        figures("evaluation/all_folds/{figure}", figure=EVALUATION),
        figures("evaluation/all_folds/{figure}", figure=WORTH),
        "<results>/summary.txt",


rule everything:
    input:
        rules.models.input,
        rules.figures.input,
        "<results>/original_rules.csv",
        "<results>/evaluation/one_split/metrics.csv",
        "<results>/species_proposal.yaml",

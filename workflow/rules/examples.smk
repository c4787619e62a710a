"""Folds and seeds -> what a few examples of a novel species are worth, and what more natives are."""

# Scores before any example; where a network leads, which has no features, the first detector on them.
NOVELTY_OF = LEAD if LEAD in FEATURE_BASED else next(iter(FEATURE_BASED), None)
WORTH = ["examples", "learning_curve"] if FEATURE_BASED else []
OTHER = config["evaluation"]["other_site"]
OTHER_TABLES = [
    f"results/{OTHER}/{name}" for name in ("labels.csv", "features.npy", "features.json")
]
for path in OTHER_TABLES if OTHER else []:
    if not Path(path).exists():
        raise WorkflowError(f"evaluation.other_site: there is no {path}; run {OTHER} first")
# Where natives are left out in turn, a learning curve is of them: there are more of them to test.
LEFT_OUT = {
    scope: [run for run in runs if run[0] != "listed"] or runs for scope, runs in SCOPES.items()
}


rule score_examples:
    input:
        features="<results>/features.npy",
        facts="<results>/features.json",
        labels="<results>/labels.csv",
        shortcuts="<results>/shortcuts.csv",
        splits="<results>/folds/{fold}/{seed}/splits.csv",
        scores="<results>/folds/{fold}/{seed}/scores.csv",
        other_labels=OTHER_TABLES[0] if OTHER else [],
        other_features=OTHER_TABLES[1] if OTHER else [],
        other_facts=OTHER_TABLES[2] if OTHER else [],
        modules=modules("score_examples"),
    output:
        example_scores="<results>/folds/{fold}/{seed}/example_scores.csv",
    log:
        "<results>/logs/score_examples/{fold}/{seed}.log",
    benchmark:
        "<results>/benchmarks/score_examples/{fold}/{seed}.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        lead=NOVELTY_OF,
        detector=DETECTORS.get(NOVELTY_OF),
        numbers=[0, 1, 2, 3, 5],
    script:
        "../scripts/score_examples.py"


rule evaluate_examples:
    input:
        example_scores=lambda w: [
            f"{RESULTS}/folds/{f}/{s}/example_scores.csv" for f, s in SCOPES[w.scope]
        ],
        modules=modules("evaluate_examples"),
    output:
        metrics=report(
            "<results>/evaluation/{scope}/examples.csv",
            caption="../report/examples.rst",
            category="2. Detection",
            labels={"scope": "{scope}", "figure": "what examples are worth (table)"},
        ),
        by_species="<results>/evaluation/{scope}/examples_by_species.csv",
    log:
        "<results>/logs/evaluate_examples/{scope}.log",
    conda:
        "../../envs/data.yaml"
    params:
        resamples=config["evaluation"]["resamples"],
        seed=config["evaluation"]["seed"],
    script:
        "../scripts/evaluate_examples.py"


rule score_learning_curve:
    input:
        features="<results>/features.npy",
        labels="<results>/labels.csv",
        splits="<results>/folds/{fold}/{seed}/splits.csv",
        modules=modules("score_learning_curve"),
    output:
        learning_scores="<results>/folds/{fold}/{seed}/learning_scores.csv",
    log:
        "<results>/logs/score_learning_curve/{fold}/{seed}.log",
    benchmark:
        "<results>/benchmarks/score_learning_curve/{fold}/{seed}.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        settings={"mahalanobis": {"method": "mahalanobis"}}
        | {name: DETECTORS[name] for name in [NOVELTY_OF] if name},
        shares=[0.25, 0.5, 0.75, 1],
    script:
        "../scripts/score_learning_curve.py"


rule evaluate_learning_curve:
    input:
        learning_scores=lambda w: [
            f"{RESULTS}/folds/{f}/{s}/learning_scores.csv" for f, s in LEFT_OUT[w.scope]
        ],
        modules=modules("evaluate_learning_curve"),
    output:
        learning_curve="<results>/evaluation/{scope}/learning_curve.csv",
    log:
        "<results>/logs/evaluate_learning_curve/{scope}.log",
    conda:
        "../../envs/data.yaml"
    params:
        resamples=config["evaluation"]["resamples"],
        seed=config["evaluation"]["seed"],
    script:
        "../scripts/evaluate_learning_curve.py"

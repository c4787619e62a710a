"""Scores of every fold and seed -> metrics, gains, alarms and curves; the original's rules."""

# Checks labels where the detector that leads is a network, which is too slow to train five times.
FUSION = {"method": "rank_average", "of": ["mahalanobis", "knn"]}
EVALUATED = {"one_split": list(DETECTORS), "all_folds": [*FEATURE_BASED, *TRAINED_ANEW]}


rule score_fold:
    input:
        labels="<results>/labels.csv",
        splits="<results>/folds/{fold}/{seed}/splits.csv",
        shortcuts="<results>/shortcuts.csv",
        network_scores=network_scores,
        features="<results>/features.npy" if FEATURE_BASED else [],
        feature_detectors=(
            "<results>/folds/{fold}/{seed}/feature_detectors.npz" if FEATURE_BASED else []
        ),
        modules=modules("score_fold"),
    output:
        scores="<results>/folds/{fold}/{seed}/scores.csv",
    log:
        "<results>/logs/score_fold/{fold}/{seed}.log",
    benchmark:
        "<results>/benchmarks/score_fold/{fold}/{seed}.tsv"
    conda:
        "../../envs/data.yaml"
    script:
        "../scripts/score_fold.py"


rule check_labels:
    input:
        features="<results>/features.npy",
        labels="<results>/labels.csv",
        splits=f"{DEFAULT}/splits.csv",
        modules=modules("check_labels"),
    output:
        label_check="<results>/label_check.csv",
        cross_scores="<results>/cross_scores.csv",
    log:
        "<results>/logs/check_labels.log",
    benchmark:
        "<results>/benchmarks/check_labels.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        detector=DETECTORS[LEAD] if LEAD in FEATURE_BASED else FUSION,
        seed=config["split"]["seed"],
    script:
        "../scripts/check_labels.py"


rule evaluate_folds:
    input:
        scores=lambda w: [f"{RESULTS}/folds/{f}/{s}/scores.csv" for f, s in SCOPES[w.scope]],
        labels="<results>/labels.csv",
        shortcuts="<results>/shortcuts.csv",
        camera_days="<results>/camera_days.csv",
        modules=modules("evaluate_folds"),
    output:
        metrics=report(
            "<results>/evaluation/{scope}/metrics.csv",
            caption="../report/metrics.rst",
            category="2. Detection",
            labels={"scope": "{scope}", "figure": "metrics (table)"},
        ),
        comparison="<results>/evaluation/{scope}/comparison.csv",
        alarms="<results>/evaluation/{scope}/alarms.csv",
        curves="<results>/evaluation/{scope}/curves.csv",
    log:
        "<results>/logs/evaluate_folds/{scope}.log",
    benchmark:
        "<results>/benchmarks/evaluate_folds/{scope}.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        detectors=lambda w: {name: DETECTORS[name]["train_on"] for name in EVALUATED[w.scope]},
        groups=config["labels"]["high_level"],
        lead=lambda w: ALARM if w.scope == "one_split" else None,
        by_time=config["split"]["group"] == "time",
        resamples=config["evaluation"]["resamples"],
        seed=config["evaluation"]["seed"],
    script:
        "../scripts/evaluate_folds.py"


rule apply_original_rules:
    input:
        scores=f"{DEFAULT}/scores.csv",
        network_scores=expand(f"{DEFAULT}/scores/{{detector}}.csv", detector=NETWORKS),
        modules=modules("apply_original_rules"),
    output:
        original_rules="<results>/original_rules.csv",
        threshold_curves="<results>/threshold_curves.csv",
    log:
        "<results>/logs/apply_original_rules.log",
    conda:
        "../../envs/data.yaml"
    params:
        detectors={
            name: {key: of[key] for key in ("kind", "score")} for name, of in DETECTORS.items()
        },
        resamples=config["evaluation"]["resamples"],
        seed=config["evaluation"]["seed"],
    script:
        "../scripts/apply_original_rules.py"

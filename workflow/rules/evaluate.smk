"""A trained detector -> scores of every crop, metrics with intervals, accuracy; the ROC of all."""


rule score_crops:
    input:
        model="<results>/models/{detector}.pt",
        pack=packed,
        index="<results>/packed/index.csv",
        splits="<results>/splits.csv",
        modules=modules("score_crops"),
    output:
        scores="<results>/scores/{detector}.csv",
    log:
        "<results>/logs/score_crops/{detector}.log",
    benchmark:
        "<results>/benchmarks/score_crops/{detector}.tsv"
    wildcard_constraints:
        detector="|".join(NETWORKS) or "none",
    conda:
        "../../envs/torch.yaml"
    threads: worth
    script:
        "../scripts/score_crops.py"


rule evaluate_detector:
    input:
        scores="<results>/scores/{detector}.csv",
        modules=modules("evaluate_detector"),
    output:
        metrics="<results>/metrics/{detector}.csv",
        accuracy="<results>/accuracy/{detector}.csv",
        curves="<results>/curves/{detector}.csv",
    log:
        "<results>/logs/evaluate_detector/{detector}.log",
    benchmark:
        "<results>/benchmarks/evaluate_detector/{detector}.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        settings=settings,
        evaluation={key: config["evaluation"][key] for key in ("resamples", "seed")},
    script:
        "../scripts/evaluate_detector.py"


rule gather_metrics:
    input:
        metrics=expand("<results>/metrics/{detector}.csv", detector=DETECTORS),
        modules=modules("gather_metrics"),
    output:
        metrics=report(
            "<results>/metrics.csv",
            caption="../report/metrics.rst",
            category="2. Detection",
            labels={"detector": "all", "figure": "metrics (table)"},
        ),
    log:
        "<results>/logs/gather_metrics.log",
    conda:
        "../../envs/data.yaml"
    script:
        "../scripts/gather_metrics.py"

"""A trained detector -> scores of every crop, metrics with intervals, accuracy; the ROC of all."""


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


rule plot_roc:
    input:
        metrics="<results>/metrics.csv",
        curves=expand("<results>/curves/{detector}.csv", detector=DETECTORS),
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_roc"),
    output:
        svg=report(
            "<results>/figures/roc.svg",
            caption="../report/roc.rst",
            category="2. Detection",
            labels={"detector": "all", "figure": "ROC"},
        ),
        png="<results>/figures/roc.png",
    log:
        "<results>/logs/plot_roc.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        detectors=list(DETECTORS),
    script:
        "../scripts/plot_roc.py"

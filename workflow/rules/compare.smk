"""Scores of all arms and seeds -> detectors compared, alarms by calibrated thresholds, figures."""


rule compare_detectors:
    input:
        scores=expand(
            "<results>/evaluation/scores/{arm}/{seed}.csv",
            arm=ARMS,
            seed=config["evaluation"]["seeds"],
        ),
        labels="<results>/labels.csv",
        shortcut="<results>/shortcuts.csv",
        modules=modules("compare_detectors"),
    output:
        metrics="<results>/evaluation/metrics.csv",
        comparison="<results>/evaluation/comparison.csv",
        alarms="<results>/evaluation/alarms.csv",
        curves="<results>/evaluation/curves.csv",
    log:
        "<results>/logs/compare_detectors.log",
    benchmark:
        "<results>/benchmarks/compare_detectors.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        evaluation={key: config["evaluation"][key] for key in ("resamples", "seed")},
        groups=config["labels"]["high_level"],
    script:
        "../scripts/compare_detectors.py"

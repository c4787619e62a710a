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


rule plot_comparison:
    input:
        metrics="<results>/evaluation/metrics.csv",
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_comparison"),
    output:
        svg="<results>/figures/comparison.svg",
        png="<results>/figures/comparison.png",
    log:
        "<results>/logs/plot_comparison.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
    script:
        "../scripts/plot_comparison.py"


rule plot_event_roc:
    input:
        curves="<results>/evaluation/curves.csv",
        metrics="<results>/evaluation/metrics.csv",
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_event_roc"),
    output:
        svg="<results>/figures/event_roc.svg",
        png="<results>/figures/event_roc.png",
    log:
        "<results>/logs/plot_event_roc.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
    script:
        "../scripts/plot_event_roc.py"


rule plot_alarm_cost:
    input:
        curves="<results>/evaluation/curves.csv",
        metrics="<results>/evaluation/metrics.csv",
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_alarm_cost"),
    output:
        svg="<results>/figures/alarm_cost.svg",
        png="<results>/figures/alarm_cost.png",
    log:
        "<results>/logs/plot_alarm_cost.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
    script:
        "../scripts/plot_alarm_cost.py"


rule plot_species_recall:
    input:
        metrics="<results>/evaluation/metrics.csv",
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_species_recall"),
    output:
        svg="<results>/figures/species_recall.svg",
        png="<results>/figures/species_recall.png",
    log:
        "<results>/logs/plot_species_recall.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
    script:
        "../scripts/plot_species_recall.py"


rule plot_alarm_rates:
    input:
        alarms="<results>/evaluation/alarms.csv",
        metrics="<results>/evaluation/metrics.csv",
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_alarm_rates"),
    output:
        svg="<results>/figures/alarm_rates.svg",
        png="<results>/figures/alarm_rates.png",
    log:
        "<results>/logs/plot_alarm_rates.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
    script:
        "../scripts/plot_alarm_rates.py"

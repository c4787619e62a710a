"""Scores and accuracy of one detector -> figures of what it finds, and of the false alarms."""


rule plot_scores:
    input:
        scores="<results>/scores/{detector}.csv",
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_scores"),
    output:
        svg=report(
            "<results>/figures/scores/{detector}.svg",
            caption="../report/scores.rst",
            category="2. Detection",
            labels={"detector": "{detector}", "figure": "scores"},
        ),
        png="<results>/figures/scores/{detector}.png",
    log:
        "<results>/logs/plot_scores/{detector}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        title=title,
        score=lambda w: settings(w)["score"],
    script:
        "../scripts/plot_scores.py"


rule plot_species_accuracy:
    input:
        accuracy="<results>/accuracy/{detector}.csv",
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_species_accuracy"),
    output:
        svg=report(
            "<results>/figures/species_accuracy/{detector}.svg",
            caption="../report/species_accuracy.rst",
            category="3. Thresholds",
            labels={"detector": "{detector}", "species": "all"},
        ),
        png="<results>/figures/species_accuracy/{detector}.png",
    log:
        "<results>/logs/plot_species_accuracy/{detector}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        title=title,
        score=threshold_of,
    script:
        "../scripts/plot_species_accuracy.py"


rule plot_accuracy:
    input:
        accuracy="<results>/accuracy/{detector}.csv",
        curves="<results>/curves/{detector}.csv",
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_accuracy"),
    output:
        svg=[
            report(
                f"<results>/figures/accuracy/{{detector}}/{slug}.svg",
                caption="../report/accuracy.rst",
                category="3. Thresholds",
                labels={"detector": "{detector}", "species": slug},
            )
            for slug in INVASIVE
        ],
        png=expand("<results>/figures/accuracy/{{detector}}/{species}.png", species=INVASIVE),
    log:
        "<results>/logs/plot_accuracy/{detector}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        species=list(INVASIVE.values()),
        score=threshold_of,
    script:
        "../scripts/plot_accuracy.py"

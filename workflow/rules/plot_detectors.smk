"""Tables and pictures of one detector of the default run -> its figures."""


rule plot_loss:
    input:
        history=f"{DEFAULT}/models/{{detector}}.history.csv",
        style=STYLE,
        modules=modules("plot_loss"),
    output:
        svg=report(
            "<results>/figures/loss/{detector}.svg",
            caption="../report/loss.rst",
            category="5. Models",
            labels={"detector": "{detector}", "figure": "loss"},
        ),
        png="<results>/figures/loss/{detector}.png",
    log:
        "<results>/logs/plot_loss/{detector}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        loss=lambda w: DETECTORS[w.detector]["loss"],
    script:
        "../scripts/plot_loss.py"


rule plot_scores:
    input:
        scores=f"{DEFAULT}/scores.csv",
        style=STYLE,
        modules=modules("plot_scores"),
    output:
        svg=report(
            "<results>/figures/scores/{detector}.svg",
            caption="../report/scores.rst",
            category="2. Detection",
            labels={"scope": "one_split", "figure": "scores: {detector}"},
        ),
        png="<results>/figures/scores/{detector}.png",
    log:
        "<results>/logs/plot_scores/{detector}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        title=title,
        score=lambda w: DETECTORS[w.detector]["score"],
    script:
        "../scripts/plot_scores.py"


rule plot_species_accuracy:
    input:
        rules="<results>/original_rules.csv",
        style=STYLE,
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
        rules="<results>/original_rules.csv",
        curves="<results>/threshold_curves.csv",
        style=STYLE,
        modules=modules("plot_accuracy"),
    output:
        svg=[
            report(
                f"<results>/figures/accuracy/{{detector}}/{species}.svg",
                caption="../report/accuracy.rst",
                category="3. Thresholds",
                labels={"detector": "{detector}", "species": species},
            )
            for species in INVASIVE
        ],
        png=expand("<results>/figures/accuracy/{{detector}}/{species}.png", species=INVASIVE),
    log:
        "<results>/logs/plot_accuracy/{detector}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        names=list(INVASIVE.values()),
        score=threshold_of,
    script:
        "../scripts/plot_accuracy.py"


rule plot_tsne:
    input:
        embeddings=MAPS,
        style=STYLE,
        modules=modules("plot_tsne"),
    output:
        svg=[
            report(
                f"<results>/figures/tsne/{{detector}}/{species}.svg",
                caption="../report/tsne.rst",
                category="4. t-SNE",
                labels={"detector": "{detector}", "species": species},
            )
            for species in INVASIVE
        ],
        png=expand("<results>/figures/tsne/{{detector}}/{species}.png", species=INVASIVE),
    log:
        "<results>/logs/plot_tsne/{detector}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        names=list(INVASIVE.values()),
    script:
        "../scripts/plot_tsne.py"


rule plot_tsne_labels:
    input:
        embeddings=MAPS,
        style=STYLE,
        modules=modules("plot_tsne_labels"),
    output:
        svg=report(
            "<results>/figures/tsne_labels/{detector}.svg",
            caption="../report/tsne_labels.rst",
            category="4. t-SNE",
            labels={"detector": "{detector}", "species": "all, by high-level label"},
        ),
        png="<results>/figures/tsne_labels/{detector}.png",
    log:
        "<results>/logs/plot_tsne_labels/{detector}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        high_level=config["labels"]["high_level"],
    script:
        "../scripts/plot_tsne_labels.py"


rule plot_reconstructions:
    input:
        pairs="<results>/reconstructions/{detector}.npz",
        style=STYLE,
        modules=modules("plot_reconstructions"),
    output:
        svg=report(
            "<results>/figures/reconstructions/{detector}/{species}.svg",
            caption="../report/reconstructions.rst",
            category="5. Models",
            labels={"detector": "{detector}", "figure": "reconstructions: {species}"},
        ),
        png="<results>/figures/reconstructions/{detector}/{species}.png",
    log:
        "<results>/logs/plot_reconstructions/{detector}/{species}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        species=lambda w: SPECIES[w.species],
    script:
        "../scripts/plot_reconstructions.py"

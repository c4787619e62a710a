"""Packed crops and splits -> a trained detector, and its loss over the epochs."""


rule train_detector:
    input:
        pack=packed,
        index="<results>/packed/index.csv",
        splits="<results>/splits.csv",
        modules=modules("train_detector"),
    output:
        model="<results>/models/{detector}.pt",
        history="<results>/models/{detector}.history.csv",
    log:
        "<results>/logs/train_detector/{detector}.log",
    benchmark:
        "<results>/benchmarks/train_detector/{detector}.tsv"
    wildcard_constraints:
        detector="|".join(NETWORKS) or "none",
    conda:
        "../../envs/torch.yaml"
    threads: worth
    params:
        settings=settings,
        checkpoint=lambda w: f"{RESULTS}/checkpoints/{w.detector}.pt",
    script:
        "../scripts/train_detector.py"


rule plot_loss:
    input:
        history="<results>/models/{detector}.history.csv",
        style=local("workflow/stowaway.mplstyle"),
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
        loss=lambda w: (
            "cross_entropy" if settings(w)["kind"] == "classifier" else settings(w)["loss"]
        ),
    script:
        "../scripts/plot_loss.py"


rule reconstruct_crops:
    input:
        model="<results>/models/{detector}.pt",
        pack=packed,
        index="<results>/packed/index.csv",
        splits="<results>/splits.csv",
        modules=modules("reconstruct_crops"),
    output:
        pairs="<results>/reconstructions/{detector}.npz",
    log:
        "<results>/logs/reconstruct_crops/{detector}.log",
    conda:
        "../../envs/torch.yaml"
    params:
        examples=config["figures"]["examples"],
        seed=config["evaluation"]["seed"],
    script:
        "../scripts/reconstruct_crops.py"


rule plot_reconstructions:
    input:
        pairs="<results>/reconstructions/{detector}.npz",
        style=local("workflow/stowaway.mplstyle"),
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

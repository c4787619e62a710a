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

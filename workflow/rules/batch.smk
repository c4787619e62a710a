"""Features of new photos and another run's models -> their scores. Nothing is trained or split."""


rule score_crops:
    input:
        model=f"{TRAINED}/folds/listed/{config['split']['seed']}/models/{{detector}}.pt",
        pack=packed,
        labels="<results>/labels.csv",
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
    params:
        splits=[],
    script:
        "../scripts/score_crops.py"


rule score_batch:
    input:
        labels="<results>/labels.csv",
        features="<results>/features.npy",
        facts="<results>/features.json",
        models=f"{TRAINED}/models.json",
        arrays=f"{TRAINED}/models.npz",
        network_scores=f"<results>/scores/{LEAD}.csv" if LEAD in NETWORKS else [],
        modules=modules("score_batch"),
    output:
        scores="<results>/scores.csv",
    log:
        "<results>/logs/score_batch.log",
    benchmark:
        "<results>/benchmarks/score_batch.tsv"
    conda:
        "../../envs/data.yaml"
    script:
        "../scripts/score_batch.py"

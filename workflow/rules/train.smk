"""Packs and the roles of a fold -> trained networks, features, fitted detectors and their scores."""


rule train_detector:
    input:
        pack=packed,
        labels="<results>/labels.csv",
        splits="<results>/folds/{fold}/{seed}/splits.csv",
        modules=modules("train_detector"),
    output:
        model="<results>/folds/{fold}/{seed}/models/{detector}.pt",
        history="<results>/folds/{fold}/{seed}/models/{detector}.history.csv",
    log:
        "<results>/logs/train_detector/{fold}/{seed}/{detector}.log",
    benchmark:
        "<results>/benchmarks/train_detector/{fold}/{seed}/{detector}.tsv"
    wildcard_constraints:
        detector="|".join(NETWORKS) or "none",
    conda:
        "../../envs/torch.yaml"
    threads: worth
    params:
        settings=settings,
        checkpoint=lambda w: f"{RESULTS}/checkpoints/{w.fold}_{w.seed}_{w.detector}.pt",
    script:
        "../scripts/train_detector.py"


rule score_crops:
    input:
        model="<results>/folds/{fold}/{seed}/models/{detector}.pt",
        pack=packed,
        labels="<results>/labels.csv",
        splits="<results>/folds/{fold}/{seed}/splits.csv",
        modules=modules("score_crops"),
    output:
        scores="<results>/folds/{fold}/{seed}/scores/{detector}.csv",
    log:
        "<results>/logs/score_crops/{fold}/{seed}/{detector}.log",
    benchmark:
        "<results>/benchmarks/score_crops/{fold}/{seed}/{detector}.tsv"
    wildcard_constraints:
        detector="|".join(NETWORKS) or "none",
    conda:
        "../../envs/torch.yaml"
    threads: worth
    script:
        "../scripts/score_crops.py"


rule fit_detectors:
    input:
        features="<results>/features.npy",
        labels="<results>/labels.csv",
        splits="<results>/folds/{fold}/{seed}/splits.csv",
        modules=modules("fit_detectors"),
    output:
        detectors="<results>/folds/{fold}/{seed}/feature_detectors.npz",
    log:
        "<results>/logs/fit_detectors/{fold}/{seed}.log",
    benchmark:
        "<results>/benchmarks/fit_detectors/{fold}/{seed}.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        settings={name: DETECTORS[name] for name in FEATURE_BASED},
    script:
        "../scripts/fit_detectors.py"


rule export_models:
    input:
        feature_detectors=f"{DEFAULT}/feature_detectors.npz",
        scores=f"{DEFAULT}/scores.csv",
        features="<results>/features.npy",
        facts="<results>/features.json",
        pack=pack_of(config["backbone"]),
        labels="<results>/labels.csv",
        splits=f"{DEFAULT}/splits.csv",
        camera_days="<results>/camera_days.csv",
        decided_crops=DECIDED_CROPS,
        modules=modules("export_models"),
    output:
        models="<results>/models.json",
        arrays="<results>/models.npz",
    log:
        "<results>/logs/export_models.log",
    benchmark:
        "<results>/benchmarks/export_models.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: NETWORK_THREADS
    params:
        run=config["name"],
        lead=LEAD,
        settings={key: config[key] for key in TAKEN_OVER}
        | {"species": {side: config["species"][side] for side in ("native", "invasive")}}
        | {"alarm": {key: value for key, value in config["alarm"].items() if key != "explained"}},
        seed=config["evaluation"]["seed"],
    script:
        "../scripts/export_models.py"


rule reconstruct_crops:
    input:
        model=f"{DEFAULT}/models/{{detector}}.pt",
        pack=packed,
        labels="<results>/labels.csv",
        splits=f"{DEFAULT}/splits.csv",
        modules=modules("reconstruct_crops"),
    output:
        reconstructions="<results>/reconstructions/{detector}.npz",
    log:
        "<results>/logs/reconstruct_crops/{detector}.log",
    conda:
        "../../envs/torch.yaml"
    params:
        examples=config["figures"]["examples"],
        seed=config["evaluation"]["seed"],
    script:
        "../scripts/reconstruct_crops.py"

"""Features of a pretrained backbone -> detectors on features, and their scores."""


rule pack_features:
    input:
        pack=pack_of(config["backbone"]),
        modules=modules("pack_features"),
    output:
        features="<results>/features.npy",
    log:
        "<results>/logs/pack_features.log",
    benchmark:
        "<results>/benchmarks/pack_features.tsv"
    priority: 1  # the longest job of many islands: not to be the last one, alone
    conda:
        "../../envs/torch.yaml"
    threads: NETWORK_THREADS
    params:
        backbone=config["backbone"],
    script:
        "../scripts/pack_features.py"


rule fit_detector:
    input:
        features="<results>/features.npy",
        index="<results>/packed/index.csv",
        splits="<results>/splits.csv",
        modules=modules("fit_detector"),
    output:
        model="<results>/models/{detector}.skops",
    log:
        "<results>/logs/fit_detector/{detector}.log",
    wildcard_constraints:
        detector="|".join(FEATURE_BASED) or "none",
    conda:
        "../../envs/data.yaml"
    params:
        settings=settings,
    script:
        "../scripts/fit_detector.py"


rule score_features:
    input:
        model="<results>/models/{detector}.skops",
        features="<results>/features.npy",
        index="<results>/packed/index.csv",
        splits="<results>/splits.csv",
        modules=modules("score_features"),
    output:
        scores="<results>/scores/{detector}.csv",
    log:
        "<results>/logs/score_features/{detector}.log",
    wildcard_constraints:
        detector="|".join(FEATURE_BASED) or "none",
    conda:
        "../../envs/data.yaml"
    script:
        "../scripts/score_features.py"

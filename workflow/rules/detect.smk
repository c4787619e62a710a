"""Features of a pretrained backbone -> detectors on them, in every arm and seed.

The arm `listed` takes the invasive species as novel, `rotate_<native>` that native, which no
detector is then fitted on: many test crops, and the arms to choose settings by.
"""

NATIVE = config["species"]["native"]
ARMS = {
    f"rotate_{slug(name)}": {"native": [n for n in NATIVE if n != name], "invasive": [name]}
    for name in NATIVE
    if len(NATIVE) > 1
}
if INVASIVE:
    ARMS["listed"] = {"native": NATIVE, "invasive": config["species"]["invasive"]}
REHEARSED = [name for name in config["evaluation"]["networks"] if name in NETWORKS]
RUN = {"arm": "|".join(ARMS) or "none", "seed": r"\d+"}


rule pack_features:
    input:
        pack=pack_of(config["backbone"], "npy"),
        modules=modules("pack_features"),
    output:
        features="<results>/features.npy",
    log:
        "<results>/logs/pack_features.log",
    benchmark:
        "<results>/benchmarks/pack_features.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 8
    params:
        backbone=config["backbone"],
    script:
        "../scripts/pack_features.py"


rule measure_nuisance:
    input:
        labels="<results>/labels.csv",
        modules=modules("measure_nuisance"),
    output:
        nuisance="<results>/nuisance.csv",
        copies="<results>/copies.csv",
    log:
        "<results>/logs/measure_nuisance.log",
    benchmark:
        "<results>/benchmarks/measure_nuisance.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 2
    script:
        "../scripts/measure_nuisance.py"


rule fit_detector:
    input:
        features="<results>/features.npy",
        index=pack_of(config["backbone"], "csv"),
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
        index=pack_of(config["backbone"], "csv"),
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


use rule split_crops as split_arm with:
    input:
        labels="<results>/labels.csv",
        copies="<results>/copies.csv",
        modules=modules("split_crops"),
    output:
        splits="<results>/evaluation/{arm}/{seed}/splits.csv",
    log:
        "<results>/logs/split_arm/{arm}/{seed}.log",
    wildcard_constraints:
        **RUN,
    params:
        native=lambda w: ARMS[w.arm]["native"],
        invasive=lambda w: ARMS[w.arm]["invasive"],
        split=lambda w: config["split"] | {"seed": int(w.seed)},
        played=lambda w: w.arm != "listed",


use rule train_detector as train_arm with:
    input:
        pack=packed("npy"),
        index=packed("csv"),
        splits="<results>/evaluation/{arm}/{seed}/splits.csv",
        modules=modules("train_detector"),
    output:
        model="<results>/evaluation/{arm}/{seed}/{detector}.pt",
        history="<results>/evaluation/{arm}/{seed}/{detector}.history.csv",
    log:
        "<results>/logs/train_arm/{arm}/{seed}/{detector}.log",
    benchmark:
        "<results>/benchmarks/train_arm/{arm}/{seed}/{detector}.tsv"
    wildcard_constraints:
        **RUN,
        detector="|".join(REHEARSED) or "none",
    params:
        settings=settings,
        checkpoint=lambda w: f"{RESULTS}/checkpoints/{w.arm}_{w.seed}_{w.detector}.pt",


use rule score_crops as score_arm_crops with:
    input:
        model="<results>/evaluation/{arm}/{seed}/{detector}.pt",
        pack=packed("npy"),
        index=packed("csv"),
        splits="<results>/evaluation/{arm}/{seed}/splits.csv",
        modules=modules("score_crops"),
    output:
        scores="<results>/evaluation/{arm}/{seed}/{detector}.csv",
    log:
        "<results>/logs/score_arm_crops/{arm}/{seed}/{detector}.log",
    benchmark:
        "<results>/benchmarks/score_arm_crops/{arm}/{seed}/{detector}.tsv"
    wildcard_constraints:
        **RUN,
        detector="|".join(REHEARSED) or "none",


rule score_arm:
    input:
        splits="<results>/evaluation/{arm}/{seed}/splits.csv",
        features="<results>/features.npy" if FEATURE_BASED else [],
        index=pack_of(config["backbone"], "csv") if FEATURE_BASED else [],
        nuisance="<results>/nuisance.csv",
        networks=expand("<results>/evaluation/{{arm}}/{{seed}}/{detector}.csv", detector=REHEARSED),
        modules=modules("score_arm"),
    output:
        scores="<results>/evaluation/scores/{arm}/{seed}.csv",
    log:
        "<results>/logs/score_arm/{arm}/{seed}.log",
    wildcard_constraints:
        **RUN,
    conda:
        "../../envs/data.yaml"
    params:
        detectors={name: DETECTORS[name] for name in FEATURE_BASED},
    script:
        "../scripts/score_arm.py"

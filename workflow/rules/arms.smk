"""Every arm and seed: its split, networks trained anew, detectors fitted -> one table of scores.

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
        pack=packed,
        index="<results>/packed/index.csv",
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
        pack=packed,
        index="<results>/packed/index.csv",
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
        index="<results>/packed/index.csv" if FEATURE_BASED else [],
        shortcut="<results>/shortcuts.csv",
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

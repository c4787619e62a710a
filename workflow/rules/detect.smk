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


rule pack_features:
    input:
        pack=f"<results>/packed/{config['backbone']['image_size']}.npy",
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
    log:
        "<results>/logs/measure_nuisance.log",
    conda:
        "../../envs/data.yaml"
    threads: 2
    script:
        "../scripts/measure_nuisance.py"


rule score_arm:
    input:
        labels="<results>/labels.csv",
        features="<results>/features.npy",
        index=f"<results>/packed/{config['backbone']['image_size']}.csv",
        nuisance="<results>/nuisance.csv",
        modules=modules("score_arm"),
    output:
        scores="<results>/evaluation/scores/{arm}/{seed}.csv",
    log:
        "<results>/logs/score_arm/{arm}/{seed}.log",
    wildcard_constraints:
        arm="|".join(ARMS) or "none",
        seed=r"\d+",
    conda:
        "../../envs/data.yaml"
    params:
        species=lambda w: ARMS[w.arm],
        split=config["split"],
    script:
        "../scripts/score_arm.py"

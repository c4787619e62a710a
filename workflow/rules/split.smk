"""labels.csv -> the role of every crop; a leak ends the run."""


rule split_crops:
    input:
        labels="<results>/labels.csv",
        modules=modules("splits"),
    output:
        splits="<results>/splits.csv",
    log:
        "<results>/logs/split_crops.log",
    conda:
        "../../envs/data.yaml"
    params:
        species=config["species"],
        split=config["split"],
    script:
        "../scripts/split_crops.py"

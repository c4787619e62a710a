"""labels.csv -> the role of every crop; a leak ends the run."""


rule split_crops:
    input:
        labels="<results>/labels.csv",
        modules=modules("split_crops"),
    output:
        splits="<results>/splits.csv",
    log:
        "<results>/logs/split_crops.log",
    conda:
        "../../envs/data.yaml"
    params:
        native=config["species"]["native"],
        invasive=config["species"]["invasive"],
        split=config["split"],
    script:
        "../scripts/split_crops.py"

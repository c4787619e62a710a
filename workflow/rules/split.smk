"""Boxes -> counts of each species, with priority over downloads; crops -> the role of each.

A leak ends the run.
"""


rule count_species:
    input:
        annotations=ANNOTATIONS,
        modules=modules("count_species"),
    output:
        species="<results>/species.csv",
    log:
        "<results>/logs/count_species.log",
    priority: 100  # before the downloads: a misspelt species is said at once
    conda:
        "../../envs/data.yaml"
    params:
        native=config["species"]["native"],
        invasive=config["species"]["invasive"],
        split=config["split"],
    script:
        "../scripts/count_species.py"


rule split_crops:
    input:
        labels="<results>/labels.csv",
        copies="<results>/copies.csv",
        species="<results>/species.csv",
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
        played=False,
    script:
        "../scripts/split_crops.py"

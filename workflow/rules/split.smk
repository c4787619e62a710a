"""Boxes -> the role of each event and species, in every fold and for every seed.

No photo is needed: a misspelt species is refused before anything is downloaded.
"""


rule split_annotations:
    input:
        annotations=ANNOTATIONS,
        facts="<results>/index_facts.json",
        decisions=DECISIONS,
        reviewed=REVIEWED,
        modules=modules("split_annotations"),
    output:
        splits="<results>/folds/{fold}/{seed}/splits.csv",
    log:
        "<results>/logs/split_annotations/{fold}/{seed}.log",
    priority: 100  # before the downloads
    conda:
        "../../envs/data.yaml"
    params:
        native=lambda w: FOLDS[w.fold]["native"],
        novel=lambda w: FOLDS[w.fold]["novel"],
        split=lambda w: config["split"] | {"seed": int(w.seed)},
        left_out=lambda w: w.fold.startswith("leave_out_"),
        events=config["events"],
        per_species=config["subset"]["per_species"],
    script:
        "../scripts/split_annotations.py"

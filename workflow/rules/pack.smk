"""labels.csv -> packs of pixels, features and shortcuts: each has a row for each row of the labels."""


# Its pack is its output alone, no parameters: a size that nobody wants any more reruns nothing.
rule pack_crops:
    input:
        labels="<results>/labels.csv",
        modules=modules("pack_crops"),
    output:
        pack="<results>/packed/{form}.npy",
    log:
        "<results>/logs/pack_crops/{form}.log",
    benchmark:
        "<results>/benchmarks/pack_crops/{form}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 8
    script:
        "../scripts/pack_crops.py"


rule measure_shortcuts:
    input:
        labels="<results>/labels.csv",
        modules=modules("measure_shortcuts"),
    output:
        shortcuts="<results>/shortcuts.csv",
    log:
        "<results>/logs/measure_shortcuts.log",
    benchmark:
        "<results>/benchmarks/measure_shortcuts.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 8
    script:
        "../scripts/measure_shortcuts.py"


rule extract_features:
    input:
        pack=pack_of(config["backbone"]),
        modules=modules("extract_features"),
    output:
        features="<results>/features.npy",
        facts="<results>/features.json",
    log:
        "<results>/logs/extract_features.log",
    benchmark:
        "<results>/benchmarks/extract_features.tsv"
    priority: 1  # the longest job of many islands: not to be the last one, alone
    conda:
        "../../envs/torch.yaml"
    threads: NETWORK_THREADS
    params:
        backbone=config["backbone"],
        # not models.json: a run that was trained again with the same backbone replans the scores alone
        trained={key: MODELS[key] for key in ("run", "backbone")} if BATCH else None,
    script:
        "../scripts/extract_features.py"

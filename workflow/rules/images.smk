"""Shards of annotations -> images in the store -> crops -> labels.csv -> packed crops.

Images and crops are no declared outputs: a failed job would delete them. Manifests are.
"""


rule download_images:
    input:
        shard="<results>/shards/{scatteritem}.csv",
        modules=modules("download_images"),
    output:
        manifest="<results>/manifests/{scatteritem}.csv",
    log:
        "<results>/logs/download_images/{scatteritem}.log",
    benchmark:
        "<results>/benchmarks/download_images/{scatteritem}.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        connections=16,
    params:
        folder=f"{RESULTS}/images",
        journal=lambda w: f"{RESULTS}/images/.journal/{w.scatteritem}.csv",
        source=config["images"]["source"],
    script:
        "../scripts/download_images.py"


rule crop_images:
    input:
        shard="<results>/shards/{scatteritem}.csv",
        manifest="<results>/manifests/{scatteritem}.csv",
        modules=modules("crop_images"),
    output:
        crops="<results>/crop_tables/{scatteritem}.csv",
        rejected="<results>/crop_tables/{scatteritem}.rejected.csv",
    log:
        "<results>/logs/crop_images/{scatteritem}.log",
    benchmark:
        "<results>/benchmarks/crop_images/{scatteritem}.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        folder=f"{RESULTS}/crops",
        max_pixels=config["crops"]["max_pixels"],
    script:
        "../scripts/crop_images.py"


rule label_crops:
    input:
        crops=gather.shards("<results>/crop_tables/{scatteritem}.csv"),
        rejected=gather.shards("<results>/crop_tables/{scatteritem}.rejected.csv"),
        manifests=gather.shards("<results>/manifests/{scatteritem}.csv"),
        index_rejected="<results>/rejected.csv",
        modules=modules("label_crops"),
    output:
        labels="<results>/labels.csv",
        rejected="<results>/rejected_crops.csv",
        summary="<results>/summary.txt",
    log:
        "<results>/logs/label_crops.log",
    conda:
        "../../envs/data.yaml"
    script:
        "../scripts/label_crops.py"


rule pack_crops:
    input:
        labels="<results>/labels.csv",
        modules=modules("pack_crops"),
    output:
        pack="<results>/packed/{size}.npy",
        index="<results>/packed/{size}.csv",
    log:
        "<results>/logs/pack_crops/{size}.log",
    benchmark:
        "<results>/benchmarks/pack_crops/{size}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 2
    script:
        "../scripts/pack_crops.py"

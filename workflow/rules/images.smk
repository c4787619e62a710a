"""Shards of annotations -> images in the store -> crops -> labels.csv, without exact copies.

Images and crops are no declared outputs: a failed job would delete them. Manifests are.
Later steps go first, so that with `keep_images: false` few shards lie on the disk at one time.
"""

KEEP = config["keep_images"]
IMAGES = listed(config["images"]["source"])
SOURCE = [public(url) for url in IMAGES]  # without what may be secret in them
if not KEEP and any(overlap(url, f"{RESULTS}/images") for url in IMAGES):
    raise WorkflowError(
        "keep_images: false would delete the photos of images.source itself, since they lie in "
        f"{RESULTS}/images; keep them, or move them elsewhere"
    )
CROPPING = {
    "max_pixels": config["limits"]["image_pixels"],
    "max_side": config["crops"]["max_side"],
}
CROP_CODE = [*modules("crop_images"), local(str(PROJECT / "workflow/scripts/crop_images.py"))]


# Its input to the downloads is ancient, and it has no other trigger than new shards: to Snakemake,
# a rerun of it would hide that a download is to be rerun for its own parameters.
rule plan_download:
    input:
        shards=gather.shards("<results>/shards/{scatteritem}.csv"),
    output:
        plan="<results>/download_plan.txt",
    log:
        "<results>/logs/plan_download.log",
    priority: 100
    conda:
        "../../envs/data.yaml"
    resources:
        connections=16,
    params:
        folder=f"{RESULTS}/images",
    script:
        "../scripts/plan_download.py"


rule download_images:
    input:
        shard="<results>/shards/{scatteritem}.csv",
        plan=ancient("<results>/download_plan.txt"),
        modules=modules("download_images"),
        cropping=[] if KEEP else CROP_CODE,  # what is cropped anew is needed again
    output:
        manifest="<results>/manifests/{scatteritem}.csv",
    log:
        "<results>/logs/download_images/{scatteritem}.log",
    benchmark:
        "<results>/benchmarks/download_images/{scatteritem}.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        connections=64,
    params:
        folder=f"{RESULTS}/images",
        journal=lambda w: f"{RESULTS}/images/.journal/{w.scatteritem}.csv",
        failures=lambda w: f"{RESULTS}/manifests/{w.scatteritem}.failed.csv",
        source=SOURCE,
        cropping={} if KEEP else CROPPING,
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
    priority: 1
    conda:
        "../../envs/data.yaml"
    params:
        **CROPPING,
        folder=lambda w: RESULTS,
        journal=lambda w: f"{RESULTS}/images/.journal/{w.scatteritem}.csv",
        unreadable=lambda w: f"{RESULTS}/manifests/{w.scatteritem}.unreadable.csv",
    script:
        "../scripts/crop_images.py"


rule drop_images:
    input:
        manifest="<results>/manifests/{scatteritem}.csv",
        crops="<results>/crop_tables/{scatteritem}.csv",
        modules=modules("drop_images"),
    output:
        done="<results>/crop_tables/{scatteritem}.dropped.txt",
    log:
        "<results>/logs/drop_images/{scatteritem}.log",
    priority: 2
    conda:
        "../../envs/data.yaml"
    script:
        "../scripts/drop_images.py"


rule gather_labels:
    input:
        crop_tables=gather.shards("<results>/crop_tables/{scatteritem}.csv"),
        rejected_tables=gather.shards("<results>/crop_tables/{scatteritem}.rejected.csv"),
        manifests=gather.shards("<results>/manifests/{scatteritem}.csv"),
        index_facts="<results>/index_facts.json",
        index_rejected="<results>/rejected.csv",
        decisions=[] if BATCH else DECISIONS,
        reviewed=[] if BATCH else REVIEWED,
        dropped=[] if KEEP else gather.shards("<results>/crop_tables/{scatteritem}.dropped.txt"),
        modules=modules("gather_labels"),
    output:
        labels="<results>/labels.csv",
        rejected_crops="<results>/rejected_crops.csv",
    log:
        "<results>/logs/gather_labels.log",
    conda:
        "../../envs/data.yaml"
    params:
        failures=f"{RESULTS}/rejected_crops.failed.csv",
        images=f"{RESULTS}/images",
        subset=SUBSET,
    script:
        "../scripts/gather_labels.py"


rule write_summary:
    input:
        labels="<results>/labels.csv",
        rejected_crops="<results>/rejected_crops.csv",
        manifests=gather.shards("<results>/manifests/{scatteritem}.csv"),
        index_facts="<results>/index_facts.json",
        splits=SPLITS if NATIVE else [],
        decisions=DECISIONS,
        conflicts=CONFLICTS,
        reviewed=[] if BATCH else REVIEWED,
        modules=modules("write_summary"),
    output:
        summary="<results>/summary.txt",
    log:
        "<results>/logs/write_summary.log",
    conda:
        "../../envs/data.yaml"
    params:
        fractions=config["split"]["fractions"],
        novel=list(INVASIVE.values()),
    script:
        "../scripts/write_summary.py"

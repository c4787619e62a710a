"""A COCO JSON -> one row per usable box, by shard; what was refused is a table with reasons."""

from urllib.parse import urlsplit

SOURCES = listed(config["coco"] or config["detections"])
REMOTE = len(SOURCES) > 1 or SOURCES[0].startswith(ADDRESSES)
COCO = SOURCES[0] if SYNTHETIC else local(SOURCES[0])
if REMOTE:
    COCO = f"{RESULTS}/coco/{Path(urlsplit(SOURCES[0]).path).name}"
SUBSET = config["subset"]["per_species"] is not None
ANNOTATIONS = f"{RESULTS}/{'subset' if SUBSET else 'annotations'}.csv"

# A local file that is not there yet can still be planned for; to run says what to do. Where it is
# there, no rule may make it: Snakemake deletes a rule's output before it makes it again.
if REMOTE or not SYNTHETIC and not Path(COCO).exists():

    rule fetch_coco:
        input:
            modules=modules("fetch_coco"),
        output:
            coco=COCO,
        log:
            "<results>/logs/fetch_coco.log",
        conda:
            "../../envs/data.yaml"
        params:
            urls=[public(url) for url in SOURCES],  # without what may be secret in them
        script:
            "../scripts/fetch_coco.py"


rule index_annotations:
    input:
        coco=COCO,
        modules=modules("index_annotations"),
    output:
        annotations="<results>/annotations.csv",
        rejected="<results>/rejected.csv",
        camera_days="<results>/camera_days.csv",
        index_facts="<results>/index_facts.json",
        people="<results>/people.csv",
    log:
        "<results>/logs/index_annotations.log",
    benchmark:
        "<results>/benchmarks/index_annotations.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        failures=f"{RESULTS}/rejected.failed.csv",
        key=config["images"]["key"],
        box=config["images"]["box"],
        rename=config["labels"]["rename"],
        drop=config["labels"]["drop"],
        unnamed=config["labels"]["unnamed"],
        events=config["events"],
        limits={name: config["limits"][name] for name in ("json_bytes", "zip_ratio")},
    script:
        "../scripts/index_annotations.py"


rule subset_annotations:
    input:
        annotations="<results>/annotations.csv",
        modules=modules("subset_annotations"),
    output:
        subset="<results>/subset.csv",
    log:
        "<results>/logs/subset_annotations.log",
    conda:
        "../../envs/data.yaml"
    params:
        per_species=config["subset"]["per_species"],
        seed=config["subset"]["seed"],
    script:
        "../scripts/subset_annotations.py"


rule shard_annotations:
    input:
        annotations=ANNOTATIONS,
        modules=modules("shard_annotations"),
    output:
        shards=scatter.shards("<results>/shards/{scatteritem}.csv"),
    log:
        "<results>/logs/shard_annotations.log",
    conda:
        "../../envs/data.yaml"
    script:
        "../scripts/shard_annotations.py"


rule propose_species:
    input:
        annotations="<results>/annotations.csv",
        modules=modules("propose_species"),
    output:
        proposal="<results>/species_proposal.yaml",
    log:
        "<results>/logs/propose_species.log",
    conda:
        "../../envs/data.yaml"
    params:
        threshold=config["species"]["propose_threshold"],
        too_general=config["labels"]["too_general"],
    script:
        "../scripts/propose_species.py"

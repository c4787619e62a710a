"""A COCO JSON -> one row per usable box, by shard; what was refused is a table with reasons."""

from hashlib import sha256
from urllib.parse import urlsplit

REMOTE = config["coco"].startswith(("s3://", "http://", "https://"))
COCO = f"{RESULTS}/coco/{Path(urlsplit(config['coco']).path).name}" if REMOTE else config["coco"]

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
            url=sha256(config["coco"].encode()).hexdigest(),
        script:
            "../scripts/fetch_coco.py"


rule index_annotations:
    input:
        coco=COCO,
        modules=modules("index_annotations"),
    output:
        annotations="<results>/annotations.csv",
        rejected="<results>/rejected.csv",
    log:
        "<results>/logs/index_annotations.log",
    benchmark:
        "<results>/benchmarks/index_annotations.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        key=config["images"]["key"],
        rename=config["labels"]["rename"],
        drop=config["labels"]["drop"],
        events=config["events"],
    script:
        "../scripts/index_annotations.py"


rule shard_annotations:
    input:
        annotations="<results>/annotations.csv",
        modules=modules("shard_annotations"),
    output:
        scatter.shards("<results>/shards/{scatteritem}.csv"),
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

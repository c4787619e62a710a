"""A COCO JSON or MegaDetector results -> a row per usable box, by shard; what was refused, with reasons."""

from urllib.parse import urlsplit

# The addresses of the two files that may be given, those that are elsewhere, and their paths here.
GIVEN = {key: listed(config[key]) for key in ("coco", "detections") if config[key]}
REMOTE = [k for k, urls in GIVEN.items() if len(urls) > 1 or urls[0].startswith(ADDRESSES)]
HERE = {key: f"{RESULTS}/{key}/{Path(urlsplit(GIVEN[key][0]).path).name}" for key in REMOTE}
HERE |= {key: local(urls[0]) for key, urls in GIVEN.items() if key not in REMOTE}
if SYNTHETIC:
    HERE["coco"] = config["coco"]
COCO, DETECTIONS = HERE.get("coco", []), HERE.get("detections", [])
PHOTO_TIMES = [] if COCO else f"{RESULTS}/photo_times.csv"
SUBSET = config["subset"]["per_species"] is not None
ANNOTATIONS = f"{RESULTS}/{'subset' if SUBSET else 'annotations'}.csv"
# What else of the photos the index depends on.
INDEXED = ["key", "box"] + ["location", "confidence"] * bool(DETECTIONS)
JSON_LIMITS = {name: config["limits"][name] for name in ("json_bytes", "zip_ratio")}

# A local file that is not there yet can still be planned for; to run says what to do. Where it is
# there, no rule may make it: Snakemake deletes a rule's output before it makes it again.
for key in HERE:
    if key in REMOTE or not Path(HERE[key]).exists() and not (key == "coco" and SYNTHETIC):

        rule:
            name:
                f"fetch_{key}"
            input:
                modules=modules("fetch_annotations"),
            output:
                file=HERE[key],
            log:
                f"<results>/logs/fetch_{key}.log",
            conda:
                "../../envs/data.yaml"
            params:
                key=key,
                urls=[public(url) for url in GIVEN[key]],  # without what may be secret
            script:
                "../scripts/fetch_annotations.py"


if not COCO:

    rule read_photo_times:
        input:
            detections=DETECTIONS,
            modules=modules("read_photo_times"),
        output:
            photo_times="<results>/photo_times.csv",
        log:
            "<results>/logs/read_photo_times.log",
        benchmark:
            "<results>/benchmarks/read_photo_times.tsv"
        conda:
            "../../envs/data.yaml"
        resources:
            connections=64,
        params:
            failures=f"{RESULTS}/photo_times.failed.csv",
            source=[public(url) for url in listed(config["images"]["source"])],
            limits=JSON_LIMITS,
        script:
            "../scripts/read_photo_times.py"


rule index_annotations:
    input:
        coco=COCO,
        detections=DETECTIONS,
        photo_times=PHOTO_TIMES,
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
        images={name: config["images"][name] for name in INDEXED},
        labels={name: config["labels"][name] for name in ("rename", "drop", "unnamed")},
        events=config["events"],
        limits=JSON_LIMITS,
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

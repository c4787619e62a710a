"""Examples of watched species -> their features and pictures, and the head that knows the species."""

# A batch has the examples of the run whose models score it too.
EXAMPLES = [f"{run}/examples.npz" for run in dict.fromkeys([RESULTS, TRAINED])]
if BATCH and not Path(EXAMPLES[1]).exists():
    raise WorkflowError(f"models: there is no {EXAMPLES[1]}; run {config['models']} again first")


# The crops of other runs that were decided on are no inputs: only the decisions name them.
rule gather_examples:
    input:
        labels="<results>/labels.csv",
        features="<results>/features.npy",
        facts="<results>/features.json",
        splits=SPLITS,
        decided_crops=DECIDED_CROPS,
        models=f"{TRAINED}/models.json" if BATCH else [],
        arrays=f"{TRAINED}/models.npz" if BATCH else [],
        sources=watched_files,
        modules=modules("gather_examples"),
    output:
        examples="<results>/examples.npz",
    log:
        "<results>/logs/gather_examples.log",
    conda:
        "../../envs/torch.yaml"
    threads: NETWORK_THREADS
    params:
        run=config["name"],
        watch=config["watch"],
        native=config["species"]["native"],
        backbone={key: config["backbone"][key] for key in ("name", "weights", "layer")},
        form=Path(pack_of(config["backbone"])).stem,
        settings={
            "labels": {name: config["labels"][name] for name in ("rename", "drop", "unnamed")},
            "events": config["events"],
            "confidence": config["images"]["confidence"],
            "max_side": config["crops"]["max_side"],
        },
    script:
        "../scripts/gather_examples.py"


rule fit_watch_list:
    input:
        models=f"{TRAINED}/models.json",
        arrays=f"{TRAINED}/models.npz",
        examples=EXAMPLES,
        modules=modules("fit_watch_list"),
    output:
        watch="<results>/watch.npz",
    log:
        "<results>/logs/fit_watch_list.log",
    benchmark:
        "<results>/benchmarks/fit_watch_list.tsv"
    conda:
        "../../envs/data.yaml"
    params:
        natives=list(NATIVE.values()),
    script:
        "../scripts/fit_watch_list.py"

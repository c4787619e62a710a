"""Scores of the detector that leads -> the queue of events to review, and why its head is there."""

CROSS_FITTED = config["review"]["natives"] == "all" and not BATCH
QUEUED = ["budget", "sample", "repeats", "mute", "natives", "reviewed"]


rule export_queue:
    input:
        scores=SCORES,
        labels="<results>/labels.csv",
        splits=SPLITS,
        models=f"{TRAINED}/models.json",
        arrays=f"{TRAINED}/models.npz",
        camera_days="<results>/camera_days.csv",
        people=getattr(rules.index_annotations.output, "people", []),
        index_facts="<results>/index_facts.json",
        cross_scores="<results>/cross_scores.csv" if CROSS_FITTED else [],
        decisions="<results>/decisions.csv" if config["decisions"] else [],
        modules=modules("export_queue"),
    output:
        queue="<results>/queue.csv",
        suppressed="<results>/suppressed.csv",
    log:
        "<results>/logs/export_queue.log",
    conda:
        "../../envs/data.yaml"
    params:
        alarm=ALARM,
        review={key: config["review"][key] for key in QUEUED},
        run=config["name"],
        seed=config["evaluation"]["seed"],
    script:
        "../scripts/export_queue.py"


rule explain_queue:
    input:
        queue="<results>/queue.csv",
        labels="<results>/labels.csv",
        splits=SPLITS,
        features="<results>/features.npy",
        pack=pack_of(config["backbone"]),
        models=f"{TRAINED}/models.json",
        arrays=f"{TRAINED}/models.npz",
        modules=modules("explain_queue"),
    output:
        explanations="<results>/explanations.npz",
    log:
        "<results>/logs/explain_queue.log",
    benchmark:
        "<results>/benchmarks/explain_queue.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: NETWORK_THREADS
    params:
        backbone={key: config["backbone"][key] for key in ("name", "weights", "layer")},
    script:
        "../scripts/explain_queue.py"

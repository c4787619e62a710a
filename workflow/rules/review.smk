"""Scores of the detector that leads -> the queue of events to review, and why its head is there."""

CROSS_FITTED = config["review"]["natives"] == "all" and not BATCH
QUEUED = ["budget", "sample", "repeats", "mute", "reviewed"]


rule export_queue:
    input:
        scores=SCORES,
        labels="<results>/labels.csv",
        splits=SPLITS,
        models=f"{TRAINED}/models.json",
        arrays=f"{TRAINED}/models.npz",
        camera_days="<results>/camera_days.csv",
        people="<results>/people.csv",
        index_facts="<results>/index_facts.json",
        cross_scores="<results>/cross_scores.csv" if CROSS_FITTED else [],
        decisions=DECISIONS,
        decided_crops=DECIDED_CROPS,
        features="<results>/features.npy",
        watch="<results>/watch.npz",
        examples=EXAMPLES,
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
        examples=EXAMPLES,
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


rule write_overview:
    input:
        labels="<results>/labels.csv",
        camera_days="<results>/camera_days.csv",
        queue="<results>/queue.csv",
        explanations="<results>/explanations.npz",
        alarms=[] if BATCH else "<results>/evaluation/one_split/alarms.csv",
        metrics=[] if BATCH else "<results>/evaluation/one_split/metrics.csv",
        comparison=[] if BATCH else "<results>/evaluation/one_split/comparison.csv",
        worth=[] if BATCH or not FEATURE_BASED else "<results>/evaluation/one_split/examples.csv",
        models=f"{TRAINED}/models.json",
        performance="<results>/performance.csv" if config["decisions"] else [],
        guide=local(str(PROJECT / "workflow/report/guide.rst")),
        modules=modules("write_overview"),
    output:
        overview="<results>/overview.rst",
    log:
        "<results>/logs/write_overview.log",
    conda:
        "../../envs/data.yaml"
    params:
        site=config["name"],
        synthetic=SYNTHETIC,
        species={"Natives": list(NATIVE.values()), "Invasive species": list(INVASIVE.values())},
        backbone={key: config["backbone"][key] for key in ("name", "weights")},
        card={
            "Purpose": "ranks events for people to review; decides nothing by itself",
            "Licences": "code: MIT; photos: as their owner says, the workflow does not know",
            "Detector": f"{LEAD}, fitted on natives alone",
            "Seeds": f"split {config['split']['seed']}, bootstrap {config['evaluation']['seed']}",
        },
    script:
        "../scripts/write_overview.py"


# More events than one page holds go to queue_2.html and so on, which are no declared outputs.
rule write_review_page:
    input:
        queue="<results>/queue.csv",
        suppressed="<results>/suppressed.csv",
        labels="<results>/labels.csv",
        people="<results>/people.csv",
        index_facts="<results>/index_facts.json",
        explanations="<results>/explanations.npz",
        models=f"{TRAINED}/models.json",
        examples=EXAMPLES,
        deployments=local(config["deployments"]["table"] or []),
        template=local(str(PROJECT / "workflow/templates/queue.html")),
        modules=modules("write_review_page"),
    output:
        page="<results>/queue.html",
    log:
        "<results>/logs/write_review_page.log",
    benchmark:
        "<results>/benchmarks/write_review_page.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 4
    params:
        batch=config["name"],
        alarm={key: ALARM[key] for key in ("target", "limit")},
        watched=config["species"]["invasive"],
        people_shown=config["review"]["people"] == "shown",
        decimals=config["deployments"]["decimals"],
        max_pixels=config["limits"]["image_pixels"],
    script:
        "../scripts/write_review_page.py"

"""Scores of the detector that leads -> the queue of events to review, and why its head is there.

What reviewers decided on it comes back as files, and says how well the queue works.
"""

IN_USE = [f"<results>/{table}.csv" for table in ("performance", "effort")]
IN_USE = [*IN_USE, *figures("performance")] if config["decisions"] else []


rule export_queue:
    input:
        scores=SCORES,
        labels="<results>/labels.csv",
        splits=SPLITS,
        models=f"{TRAINED}/models.json",
        arrays=f"{TRAINED}/models.npz",
        camera_days="<results>/camera_days.csv",
        modules=modules("export_queue"),
    output:
        queue="<results>/queue.csv",
    log:
        "<results>/logs/export_queue.log",
    conda:
        "../../envs/data.yaml"
    params:
        alarm=ALARM,
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


rule write_overview:
    input:
        labels="<results>/labels.csv",
        camera_days="<results>/camera_days.csv",
        queue="<results>/queue.csv",
        explanations="<results>/explanations.npz",
        alarms=[] if BATCH else "<results>/evaluation/one_split/alarms.csv",
        metrics=[] if BATCH else "<results>/evaluation/one_split/metrics.csv",
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


# The queues and tables of the runs that were decided on are no inputs: only the files name them.
rule read_decisions:
    input:
        files=[local(file) for file in DECIDED_IN],
        annotations="<results>/annotations.csv",
        modules=modules("read_decisions"),
    output:
        decisions="<results>/decisions.csv",
        conflicts="<results>/conflicts.csv",
        reviewed="<results>/reviewed.csv",
        decided_crops="<results>/decided_crops.csv",
    log:
        "<results>/logs/read_decisions.log",
    priority: 100  # before the downloads
    conda:
        "../../envs/data.yaml"
    params:
        native=config["species"]["native"],
        rename=config["labels"]["rename"],
        verdict_column=config["review"]["verdict_column"],
    script:
        "../scripts/read_decisions.py"


rule measure_performance:
    input:
        decisions="<results>/decisions.csv",
        camera_days="<results>/camera_days.csv",
        modules=modules("measure_performance"),
    output:
        performance="<results>/performance.csv",
        effort="<results>/effort.csv",
    log:
        "<results>/logs/measure_performance.log",
    conda:
        "../../envs/data.yaml"
    params:
        alarm={key: ALARM[key] for key in ("target", "limit")},
    script:
        "../scripts/measure_performance.py"


rule plot_performance:
    input:
        performance="<results>/performance.csv",
        style=STYLE,
        modules=modules("plot_performance"),
    output:
        svg=report(
            "<results>/figures/performance.svg",
            caption="../report/performance.rst",
            category="0. Review first",
            labels={"detector": LEAD, "figure": "what reviewers found, by week"},
        ),
        png="<results>/figures/performance.png",
    log:
        "<results>/logs/plot_performance.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
    script:
        "../scripts/plot_performance.py"

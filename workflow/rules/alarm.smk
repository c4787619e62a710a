"""Scores of the detector that leads -> a threshold that keeps its promise, a queue, and why."""

ALARM = config["alarm"]


rule raise_alarms:
    input:
        scores=f"<results>/scores/{ALARM['detector']}.csv",
        labels="<results>/labels.csv",
        modules=modules("raise_alarms"),
    output:
        queue="<results>/queue.csv",
        alarms="<results>/alarms.csv",
    log:
        "<results>/logs/raise_alarms.log",
    conda:
        "../../envs/data.yaml"
    params:
        alarm=ALARM,
    script:
        "../scripts/raise_alarms.py"


rule explain_alarms:
    input:
        queue="<results>/queue.csv",
        splits="<results>/splits.csv",
        features="<results>/features.npy",
        pack=pack_of(config["backbone"]),
        index="<results>/packed/index.csv",
        modules=modules("explain_alarms"),
    output:
        explained="<results>/explanations.npz",
    log:
        "<results>/logs/explain_alarms.log",
    benchmark:
        "<results>/benchmarks/explain_alarms.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: NETWORK_THREADS
    params:
        backbone=config["backbone"],
        explained=ALARM["explained"],
        seed=config["evaluation"]["seed"],
    script:
        "../scripts/explain_alarms.py"

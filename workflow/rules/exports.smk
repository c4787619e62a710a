"""Boxes, scores and decisions -> files that other tools open: Timelapse, Camtrap DP, COCO."""

EXPORT_PARAMS = {"run": config["name"], "detector": config["alarm"]["detector"]}
EXPORT_PARAMS |= {"rename": config["labels"]["rename"]}
EXPORT_INPUTS = {
    "labels": "<results>/labels.csv",
    "queue": "<results>/queue.csv",
    "decisions": DECISIONS,
    "annotations": "<results>/annotations.csv",
    "rejected": "<results>/rejected.csv",
    "people": "<results>/people.csv",
    "index_facts": "<results>/index_facts.json",
}


rule exports:
    input:
        "<results>/exports/megadetector.json",
        "<results>/exports/coco.json",
        "<results>/exports/camtrap_dp/datapackage.json" if DEPLOYMENTS else [],


rule export_megadetector:
    input:
        **EXPORT_INPUTS,
        modules=modules("export_megadetector"),
    output:
        exported="<results>/exports/megadetector.json",
    log:
        "<results>/logs/export_megadetector.log",
    conda:
        "../../envs/data.yaml"
    params:
        **EXPORT_PARAMS,
    script:
        "../scripts/export_megadetector.py"


rule export_camtrap_dp:
    input:
        **EXPORT_INPUTS,
        table=deployments_table,
        modules=modules("export_camtrap_dp"),
    output:
        package="<results>/exports/camtrap_dp/datapackage.json",
        deployments="<results>/exports/camtrap_dp/deployments.csv",
        media="<results>/exports/camtrap_dp/media.csv",
        observations="<results>/exports/camtrap_dp/observations.csv",
        novelty="<results>/exports/camtrap_dp/novelty.csv",
    log:
        "<results>/logs/export_camtrap_dp.log",
    conda:
        "../../envs/data.yaml"
    params:
        **EXPORT_PARAMS,
        decimals=config["deployments"]["decimals"],
        shown_people=config["review"]["people"] == "shown",
    script:
        "../scripts/export_camtrap_dp.py"


rule export_coco:
    input:
        **EXPORT_INPUTS,
        modules=modules("export_coco"),
    output:
        exported="<results>/exports/coco.json",
    log:
        "<results>/logs/export_coco.log",
    conda:
        "../../envs/data.yaml"
    params:
        **EXPORT_PARAMS,
    script:
        "../scripts/export_coco.py"

"""Nothing -> a small synthetic island: photos and a COCO JSON in Animl's form."""


rule make_demo:
    output:
        coco="<results>/island/coco.json",
    input:
        modules=modules(
            "demo/animals", "demo/landscape", "demo/plan", "demo/scenes", "demo/shapes"
        ),
    params:
        images=f"{RESULTS}/island/images",
        size=config["demo"]["size"],
        seed=config["demo"]["seed"],
    log:
        "<results>/logs/make_demo.log",
    benchmark:
        "<results>/benchmarks/make_demo.tsv"
    threads: 8
    conda:
        "../../envs/data.yaml"
    script:
        "../scripts/make_demo.py"

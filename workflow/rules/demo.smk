"""Nothing -> a small synthetic island: photos and a COCO JSON in Animl's form; a drawn reviewer."""


rule make_demo:
    input:
        modules=modules("make_demo"),
    output:
        coco="<results>/island/coco.json",
        truth="<results>/island/truth.csv",
    log:
        "<results>/logs/make_demo.log",
    benchmark:
        "<results>/benchmarks/make_demo.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 8
    params:
        images=f"{RESULTS}/island/images",
        size=config["demo"]["size"],
        seed=config["demo"]["seed"],
        period=config["demo"]["period"],
    script:
        "../scripts/make_demo.py"


if BATCH and SYNTHETIC:

    # Decides as a person with the page would, who knows what was drawn.
    rule review_demo:
        input:
            queue="<results>/queue.csv",
            labels="<results>/labels.csv",
            truth="<results>/island/truth.csv",
            modules=modules("review_demo"),
        output:
            decisions="<results>/island/decisions.csv",
            newcomer="<results>/island/first_find.csv",
        log:
            "<results>/logs/review_demo.log",
        conda:
            "../../envs/data.yaml"
        params:
            batch=config["name"],
            natives=list(NATIVE.values()),
        script:
            "../scripts/review_demo.py"

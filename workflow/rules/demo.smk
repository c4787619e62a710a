"""Nothing -> a small synthetic island: photos and a COCO JSON in Animl's form."""


rule make_demo:
    input:
        modules=modules("make_demo"),
    output:
        coco="<results>/island/coco.json",
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
    script:
        "../scripts/make_demo.py"

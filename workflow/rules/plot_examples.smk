"""Tables of examples and of natives fitted on -> figures of what more of either is worth."""


rule plot_examples:
    input:
        metrics="<results>/evaluation/examples/metrics.csv",
        style=STYLE,
        modules=modules("plot_examples"),
    output:
        svg=report(
            "<results>/figures/evaluation/examples.svg",
            caption="../report/examples.rst",
            category="0. Review first",
            labels={"detector": "watch list", "figure": "what a few examples are worth"},
        ),
        png="<results>/figures/evaluation/examples.png",
    log:
        "<results>/logs/plot_examples.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
    script:
        "../scripts/plot_examples.py"


rule plot_learning_curve:
    input:
        learning_curve="<results>/evaluation/learning_curve.csv",
        style=STYLE,
        modules=modules("plot_learning_curve"),
    output:
        svg=report(
            "<results>/figures/evaluation/learning_curve.svg",
            caption="../report/learning_curve.rst",
            category="2. Detection",
            labels={"scope": "all_folds", "figure": "AUROC over the natives fitted on"},
        ),
        png="<results>/figures/evaluation/learning_curve.png",
    log:
        "<results>/logs/plot_learning_curve.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        detectors=TRAINED_ON,
    script:
        "../scripts/plot_learning_curve.py"

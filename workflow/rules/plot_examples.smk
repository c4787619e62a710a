"""Tables of examples and of natives fitted on -> figures of what more of either is worth."""


rule plot_examples:
    input:
        metrics="<results>/evaluation/{scope}/examples.csv",
        style=STYLE,
        modules=modules("plot_examples"),
    output:
        svg=report(
            "<results>/figures/evaluation/{scope}/examples.svg",
            caption="../report/examples.rst",
            category="0. Review first",
            labels={"detector": "watch list", "figure": "what examples are worth ({scope})"},
        ),
        png="<results>/figures/evaluation/{scope}/examples.png",
    log:
        "<results>/logs/plot_examples/{scope}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
    script:
        "../scripts/plot_examples.py"


rule plot_learning_curve:
    input:
        learning_curve="<results>/evaluation/{scope}/learning_curve.csv",
        style=STYLE,
        modules=modules("plot_learning_curve"),
    output:
        svg=report(
            "<results>/figures/evaluation/{scope}/learning_curve.svg",
            caption="../report/learning_curve.rst",
            category="2. Detection",
            labels={"scope": "{scope}", "figure": "AUROC over the natives fitted on"},
        ),
        png="<results>/figures/evaluation/{scope}/learning_curve.png",
    log:
        "<results>/logs/plot_learning_curve/{scope}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        detectors=TRAINED_ON,
    script:
        "../scripts/plot_learning_curve.py"

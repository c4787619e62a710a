"""Annotations and crops -> figures of what the data set holds."""

EDA = ["species_before", "species_after", "high_level", "locations", "time", "sizes"]


rule plot_eda:
    input:
        exported=["<results>/annotations.csv", "<results>/rejected.csv"],
        labels="<results>/labels.csv",
        style=STYLE,
        modules=modules("plot_eda"),
    output:
        svg=[
            report(
                f"<results>/figures/eda/{figure}.svg",
                caption="../report/eda.rst",
                category="1. Data",
                labels={"figure": figure.replace("_", " ")},
            )
            for figure in EDA
        ],
        png=expand("<results>/figures/eda/{figure}.png", figure=EDA),
    log:
        "<results>/logs/plot_eda.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        names=EDA,
        species={side: config["species"][side] for side in ("native", "invasive")},
        high_level=config["labels"]["high_level"],
    script:
        "../scripts/plot_eda.py"

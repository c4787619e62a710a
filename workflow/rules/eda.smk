"""Annotations and crops -> figures of what the data set holds."""

EDA = ["species_before", "species_after", "high_level", "locations", "time", "sizes"]


rule plot_eda:
    input:
        annotations="<results>/annotations.csv",
        rejected="<results>/rejected.csv",
        labels="<results>/labels.csv",
        style=local("workflow/stowaway.mplstyle"),
        modules=modules("plot_eda"),
    output:
        svg=report(
            "<results>/figures/eda/{figure}.svg",
            caption="../report/eda.rst",
            category="1. Data",
            labels={"figure": "{figure}"},
        ),
        png="<results>/figures/eda/{figure}.png",
    log:
        "<results>/logs/plot_eda/{figure}.log",
    wildcard_constraints:
        figure="|".join(EDA),
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        native=config["species"]["native"],
        invasive=config["species"]["invasive"],
        high_level=config["labels"]["high_level"],
    script:
        "../scripts/plot_eda.py"

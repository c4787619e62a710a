"""Tables of the evaluation and of the queue -> figures that compare detectors, and the queue's.

The scope `one_split` is the default run, `all_folds` all folds and seeds.
"""

# In the config's order, by which a detector has its colour and line style on every figure.
TRAINED_ON = {name: detector["train_on"] for name, detector in DETECTORS.items()}


rule plot_queue:
    input:
        explained="<results>/explanations.npz",
        alarms="<results>/evaluation/one_split/alarms.csv",
        style=STYLE,
        modules=modules("plot_queue"),
    output:
        svg=report(
            "<results>/figures/queue.svg",
            caption="../report/queue.rst",
            category="0. Review first",
            labels={"detector": LEAD, "figure": "the most suspicious events"},
        ),
        png="<results>/figures/queue.png",
    log:
        "<results>/logs/plot_queue.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        detector=LEAD,
        drawn=config["alarm"]["explained"],
    script:
        "../scripts/plot_queue.py"


rule plot_roc:
    input:
        curves="<results>/evaluation/{scope}/curves.csv",
        metrics="<results>/evaluation/{scope}/metrics.csv",
        style=STYLE,
        modules=modules("plot_roc"),
    output:
        svg=report(
            "<results>/figures/evaluation/{scope}/roc_{level}.svg",
            caption="../report/roc.rst",
            category="2. Detection",
            labels={"scope": "{scope}", "figure": "ROC per {level}"},
        ),
        png="<results>/figures/evaluation/{scope}/roc_{level}.png",
    log:
        "<results>/logs/plot_roc/{scope}/{level}.log",
    wildcard_constraints:
        level="crop|event",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        detectors=TRAINED_ON,
    script:
        "../scripts/plot_roc.py"


rule plot_comparison:
    input:
        metrics="<results>/evaluation/{scope}/metrics.csv",
        style=STYLE,
        modules=modules("plot_comparison"),
    output:
        svg=report(
            "<results>/figures/evaluation/{scope}/comparison.svg",
            caption="../report/comparison.rst",
            category="2. Detection",
            labels={"scope": "{scope}", "figure": "AUROC of all detectors"},
        ),
        png="<results>/figures/evaluation/{scope}/comparison.png",
    log:
        "<results>/logs/plot_comparison/{scope}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        detectors=TRAINED_ON,
    script:
        "../scripts/plot_comparison.py"


rule plot_alarm_cost:
    input:
        curves="<results>/evaluation/{scope}/curves.csv",
        metrics="<results>/evaluation/{scope}/metrics.csv",
        style=STYLE,
        modules=modules("plot_alarm_cost"),
    output:
        svg=report(
            "<results>/figures/evaluation/{scope}/alarm_cost.svg",
            caption="../report/alarm_cost.rst",
            category="2. Detection",
            labels={"scope": "{scope}", "figure": "recall over false alarms a day"},
        ),
        png="<results>/figures/evaluation/{scope}/alarm_cost.png",
    log:
        "<results>/logs/plot_alarm_cost/{scope}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        detectors=TRAINED_ON,
    script:
        "../scripts/plot_alarm_cost.py"


rule plot_species_recall:
    input:
        metrics="<results>/evaluation/{scope}/metrics.csv",
        style=STYLE,
        modules=modules("plot_species_recall"),
    output:
        svg=report(
            "<results>/figures/evaluation/{scope}/species_recall.svg",
            caption="../report/species_recall.rst",
            category="2. Detection",
            labels={"scope": "{scope}", "figure": "recall of each species"},
        ),
        png="<results>/figures/evaluation/{scope}/species_recall.png",
    log:
        "<results>/logs/plot_species_recall/{scope}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        lead=LEAD,
    script:
        "../scripts/plot_species_recall.py"


rule plot_alarm_rates:
    input:
        alarms="<results>/evaluation/{scope}/alarms.csv",
        metrics="<results>/evaluation/{scope}/metrics.csv",
        style=STYLE,
        modules=modules("plot_alarm_rates"),
    output:
        svg=report(
            "<results>/figures/evaluation/{scope}/alarm_rates.svg",
            caption="../report/alarm_rates.rst",
            category="2. Detection",
            labels={"scope": "{scope}", "figure": "false-alarm rates, asked and realised"},
        ),
        png="<results>/figures/evaluation/{scope}/alarm_rates.png",
    log:
        "<results>/logs/plot_alarm_rates/{scope}.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
        lead=LEAD,
    script:
        "../scripts/plot_alarm_rates.py"

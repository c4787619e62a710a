"""Files of reviewers -> what they agree on, what joins the next run, and how well the queue works."""

IN_USE = [f"<results>/{table}.csv" for table in ("performance", "effort")]
IN_USE = [*IN_USE, *figures("performance")] if config["decisions"] else []


# The queues and tables of the runs that were decided on are no inputs: only the files name them.
rule read_decisions:
    input:
        files=[local(file) for file in DECIDED_IN],
        annotations="<results>/annotations.csv",
        modules=modules("read_decisions"),
    output:
        decisions="<results>/decisions.csv",
        conflicts="<results>/conflicts.csv",
        reviewed="<results>/reviewed.csv",
        decided_crops="<results>/decided_crops.csv",
    log:
        "<results>/logs/read_decisions.log",
    priority: 100  # before the downloads
    conda:
        "../../envs/data.yaml"
    params:
        native=config["species"]["native"],
        rename=config["labels"]["rename"],
        verdict_column=config["review"]["verdict_column"],
    script:
        "../scripts/read_decisions.py"


rule measure_performance:
    input:
        decisions="<results>/decisions.csv",
        camera_days="<results>/camera_days.csv",
        modules=modules("measure_performance"),
    output:
        performance="<results>/performance.csv",
        effort="<results>/effort.csv",
    log:
        "<results>/logs/measure_performance.log",
    conda:
        "../../envs/data.yaml"
    params:
        alarm={key: ALARM[key] for key in ("target", "limit")},
    script:
        "../scripts/measure_performance.py"


rule plot_performance:
    input:
        performance="<results>/performance.csv",
        style=STYLE,
        modules=modules("plot_performance"),
    output:
        svg=report(
            "<results>/figures/performance.svg",
            caption="../report/performance.rst",
            category="0. Review first",
            labels={"detector": LEAD, "figure": "what reviewers found, by week"},
        ),
        png="<results>/figures/performance.png",
    log:
        "<results>/logs/plot_performance.log",
    conda:
        "../../envs/plot.yaml"
    params:
        site=SITE,
    script:
        "../scripts/plot_performance.py"

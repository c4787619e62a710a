"""stowaway: find the animals that do not belong. Entry of the workflow; see README.md."""

from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"


pathvars:
    results=f"results/{config['name']}",


scattergather:
    shards=config["shards"],


report: "workflow/report/workflow.rst"


include: "workflow/rules/demo.smk"
include: "workflow/rules/index.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/eda.smk"
include: "workflow/rules/split.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/accuracy.smk"
include: "workflow/rules/embed.smk"
include: "workflow/rules/review.smk"
include: "workflow/rules/targets.smk"


rule all:
    default_target: True
    input:
        rules.models.input,
        rules.figures.input,
        "<results>/queue.csv",
        "<results>/alarms.csv",
        "<results>/metrics.csv",
        "<results>/species_proposal.yaml",


onsuccess:
    show_summary()

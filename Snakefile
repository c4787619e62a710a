"""stowaway: find the animals that do not belong. Entry of the workflow; see README.md."""

from snakemake.utils import min_version

min_version("9.27")

if "name" not in config:  # a config that names no data set is laid over the demo island

    configfile: f"{workflow.basedir}/config/config.yaml"


include: "workflow/rules/common.smk"


scattergather:
    shards=config["shards"],


OVERVIEW = Path(RESULTS, "overview.rst").absolute()
if {"--report"} & {word.partition("=")[0] for word in sys.argv} and not OVERVIEW.exists():
    raise WorkflowError(
        f"{RESULTS}/overview.rst: not there yet; run the workflow before its report"
    )


report: str(OVERVIEW)


include: "workflow/rules/demo.smk"
include: "workflow/rules/index.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/pack.smk"
include: "workflow/rules/embed.smk"
include: "workflow/rules/watch.smk"
include: "workflow/rules/review.smk"
include: "workflow/rules/decisions.smk"
include: "workflow/rules/exports.smk"
include: "workflow/rules/digest.smk"


if BATCH:  # new photos, scored with the models of another run

    include: "workflow/rules/batch.smk"

else:

    include: "workflow/rules/split.smk"
    include: "workflow/rules/train.smk"
    include: "workflow/rules/evaluate.smk"
    include: "workflow/rules/examples.smk"
    include: "workflow/rules/plot_data.smk"
    include: "workflow/rules/plot_detectors.smk"
    include: "workflow/rules/plot_evaluation.smk"
    include: "workflow/rules/plot_examples.smk"
    include: "workflow/rules/targets.smk"


rule all:
    default_target: True
    input:
        "<results>/queue.csv",
        "<results>/queue.html",
        "<results>/summary.txt",
        "<results>/overview.rst",
        [] if BATCH else rules.everything.input,
        IN_USE,


onsuccess:
    if (summary := Path(RESULTS, "summary.txt")).exists():  # what was processed, what was lost
        print(f"\n{SITE}\n{summary.read_text()}figures: {RESULTS}/figures/")

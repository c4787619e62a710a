"""The checked config, what wildcards may be, and the few helpers that rules share."""

import os
import sys
from pathlib import Path

sys.path.append(f"{workflow.basedir}/workflow/scripts")

from stowaway.core.config import (
    WATCHED,
    ConfigError,
    check_config,
    refuse_duplicate_keys,
    taken_over,
)
from stowaway.core.dependencies import result_modules
from stowaway.core.files import files_in, overlap
from stowaway.core.names import ADDRESSES, is_run_name, listed, public, slug
from stowaway.core.script import BadInput
from stowaway.exports.deployments import WANTED
from stowaway.models.facts import read_facts

# The project as seen from the working folder: the project may be moved, or serve other folders.
PROJECT = Path(os.path.relpath(workflow.basedir))
STYLE = local(str(PROJECT / "workflow/stowaway.mplstyle"))

try:
    if workflow.is_main_process:  # its jobs read the same files
        refuse_duplicate_keys(workflow.configfiles)
    if is_run_name(config.get("models")):  # a batch: new photos for another run's models
        MODELS = read_facts(f"results/{config['models']}/models.json")
        config = taken_over(config, MODELS)
    config = check_config(config, PROJECT / "workflow/schemas/config.schema.yaml")
    DECIDED_IN = files_in(config["decisions"], (".csv", ".json"), "decisions")
except ConfigError as error:
    raise WorkflowError(f"The config has mistakes.\n{error}")
except BadInput as error:
    raise WorkflowError(str(error))

RESULTS = f"results/{config['name']}"
BATCH = config["models"] is not None
TRAINED = f"results/{config['models'] or config['name']}"  # the run whose models score
SYNTHETIC = config["coco"] == f"{RESULTS}/island/coco.json"
SITE = f"{config['name']}: synthetic photos, drawn by a program" if SYNTHETIC else config["name"]

NATIVE = {slug(name): name for name in config["species"]["native"]}
INVASIVE = {slug(name): name for name in config["species"]["invasive"]}
SPECIES = NATIVE | INVASIVE

DETECTORS = config["detectors"]
NOVELTY = [name for name, d in DETECTORS.items() if d["train_on"] == "natives"]
VISUALIZATION = [name for name in DETECTORS if name not in NOVELTY]
FEATURE_BASED = [name for name, d in DETECTORS.items() if d["kind"] == "features"]
NETWORKS = [name for name in DETECTORS if name not in FEATURE_BASED]
TRAINED_ANEW = [name for name in config["evaluation"]["networks"] if name in NETWORKS]
RECONSTRUCTING = [name for name in NOVELTY if name in NETWORKS]
# On an island of few photos, most of a job starts up: a job on each core beats cores for each job.
NETWORK_THREADS = 1 if SYNTHETIC and config["demo"]["size"] <= 2_000 else 8

# A fold: its natives, and the species that are novel in it, which nothing is fitted on.
FOLDS = {"listed": {"native": list(NATIVE.values()), "novel": list(INVASIVE.values())}} | {
    f"leave_out_{short}": {"native": [n for n in NATIVE.values() if n != name], "novel": [name]}
    for short, name in NATIVE.items()
    if len(NATIVE) > 1
}
DEFAULT = f"<results>/folds/listed/{config['split']['seed']}"
SPLITS = [] if BATCH else f"{DEFAULT}/splits.csv"
SCORES = "<results>/scores.csv" if BATCH else f"{DEFAULT}/scores.csv"
# What reviewers decided, for the rules that depend on it; where no file is listed, nothing does.
DECISIONS, CONFLICTS, REVIEWED, DECIDED_CROPS = (
    f"<results>/{table}.csv" if config["decisions"] else []
    for table in ("decisions", "conflicts", "reviewed", "decided_crops")
)
DEPLOYMENTS = config["deployments"]["table"]
SEEDS = config["evaluation"]["seeds"]
# What a batch takes over from the run whose models score it.
TAKEN_OVER = "labels species events backbone detectors alarm split crops".split()
LEAD = config["alarm"]["detector"]
ALARM = {key: value for key, value in config["alarm"].items() if key != "explained"}
ALARM |= {"kind": DETECTORS[ALARM["detector"]]["kind"], "group": config["split"]["group"]}
SCOPES = {
    "one_split": [("listed", config["split"]["seed"])],
    "all_folds": [(fold, seed) for fold in FOLDS for seed in SEEDS if FOLDS[fold]["novel"]],
}


pathvars:
    results=RESULTS,


wildcard_constraints:
    detector="|".join(DETECTORS),
    species="|".join(SPECIES) or "none",
    fold="|".join(FOLDS),
    seed=r"\d+",
    scope="|".join(SCOPES),
    form=r"\d+(pad|window)?",
    perplexity=r"\d+",


def modules(script):
    """Modules the script's result depends on: inputs, so that an edit reruns it; never in S3."""
    script = PROJECT / f"workflow/scripts/{script}.py"
    return [local(path) for path in result_modules(str(script))]


def settings(wildcards):
    """The settings of the detector that is asked for."""
    return DETECTORS[wildcards.detector]


def pack_of(settings):
    """The packed crops that a detector or the backbone takes."""
    aspect = settings["aspect"].removeprefix("squeeze")
    return f"{RESULTS}/packed/{settings['image_size']}{aspect}.npy"


def packed(wildcards):
    """The packed crops of the detector that is asked for."""
    return pack_of(settings(wildcards))


def title(wildcards):
    """The detector's name, with a warning for one that saw the invasive species."""
    seen = " (saw these species in training)" * (wildcards.detector in VISUALIZATION)
    return wildcards.detector + seen


def threshold_of(wildcards):
    """Which of the original's rules the detector's score goes by: only the correlation has its own."""
    return "correlation" if settings(wildcards)["score"] == "correlation" else "error"


def worth(wildcards):
    """Threads that a detector's network can use: a dense one is bound by memory, not by cores."""
    return 1 if settings(wildcards)["kind"] == "dense" else NETWORK_THREADS


def network_scores(wildcards):
    """Score tables of the fold's networks: the default run has all, the others the chosen ones."""
    default = ("listed", config["split"]["seed"]) == (wildcards.fold, int(wildcards.seed))
    folder = f"{RESULTS}/folds/{wildcards.fold}/{wildcards.seed}/scores"
    return [f"{folder}/{name}.csv" for name in (NETWORKS if default else TRAINED_ANEW)]


def figures(pattern, **wildcards):
    """Both image types of every figure that the pattern under figures/ stands for."""
    return expand(f"<results>/figures/{pattern}.{{type}}", type=["svg", "png"], **wildcards)


def watched_files(wildcards):
    """Files of the watch list, and its folders of photos, whose dates change with what is in them."""
    files = [sources[key] for sources in config["watch"].values() for key in WATCHED]
    files = [file for file in files if file and os.path.exists(file)]
    inside = [folder for file in files for folder, *_ in os.walk(file)]
    named = (file for file in dict.fromkeys([*files, *inside]) if file.isprintable())
    return [local(file) for file in named if not {*"{}"} & {*file}]


def deployments_table(wildcards):
    """The config's table of deployments; without one, what to give is said before anything runs."""
    if not DEPLOYMENTS:
        raise WorkflowError(f"camtrap_dp: set deployments.table to {WANTED}")
    return local(DEPLOYMENTS)

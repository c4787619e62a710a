"""The checked config, what wildcards may be, and the few helpers that rules share."""

import sys
from pathlib import Path

sys.path.append(str(Path(workflow.basedir) / "workflow" / "scripts"))

from stowaway.core.config import ConfigError, check_config
from stowaway.core.dependencies import result_modules
from stowaway.core.names import listed, public, slug

try:
    config = check_config(config, Path(workflow.basedir) / "workflow/schemas/config.schema.yaml")
except ConfigError as error:
    raise WorkflowError(f"The config has mistakes.\n{error}")

RESULTS = f"results/{config['name']}"
DEFAULT = f"<results>/folds/listed/{config['split']['seed']}"  # the default run
SYNTHETIC = config["coco"] == f"{RESULTS}/island/coco.json"
SITE = f"{config['name']}: synthetic photos, drawn by a program" if SYNTHETIC else config["name"]
DETECTORS = config["detectors"]
INVASIVE = {slug(name): name for name in config["species"]["invasive"]}
SPECIES = {slug(name): name for name in config["species"]["native"]} | INVASIVE
NOVELTY = [name for name, d in DETECTORS.items() if d["train_on"] == "natives"]
VISUALIZATION = [name for name in DETECTORS if name not in NOVELTY]
FEATURE_BASED = [name for name, d in DETECTORS.items() if d["kind"] == "features"]
NETWORKS = [name for name in DETECTORS if name not in FEATURE_BASED]
# On an island of few photos, most of a job starts up: a job on each core beats cores for each job.
NETWORK_THREADS = 1 if SYNTHETIC and config["demo"]["size"] <= 2_000 else 8
RECONSTRUCTING = [n for n in NOVELTY if DETECTORS[n]["kind"] in ("dense", "convolutional")]

NATIVE = config["species"]["native"]
FOLDS = {"listed": {"native": NATIVE, "novel": config["species"]["invasive"]}} | {
    f"leave_out_{slug(name)}": {"native": [n for n in NATIVE if n != name], "novel": [name]}
    for name in NATIVE
    if len(NATIVE) > 1
}


wildcard_constraints:
    fold="|".join(FOLDS),
    seed=r"\d+",
    detector="|".join(DETECTORS),
    species="|".join(SPECIES) or "none",
    perplexity=r"\d+",


def overlap(source, store):
    """Whether a folder is, holds or lies in the store, so that its photos are the store's."""
    source, store = Path(source).resolve(), Path(store).resolve()
    return source.is_dir() and (source in (store, *store.parents) or store in source.parents)


def modules(script):
    """Modules the script's result depends on: inputs, so that an edit reruns it; never in S3."""
    return [local(path) for path in result_modules(f"workflow/scripts/{script}.py")]


def settings(wildcards):
    """The settings of the detector that is asked for, and the backbone where it starts from one."""
    settings = DETECTORS[wildcards.detector]
    if settings["start"] == "scratch":
        return settings
    return settings | {"backbone": {k: config["backbone"][k] for k in ("name", "weights", "layer")}}


def threshold_of(wildcards):
    """Which of the original's rules the detector's score goes by: only the correlation has its own."""
    return "correlation" if settings(wildcards)["score"] == "correlation" else "error"


def title(wildcards):
    """The detector's name, with a warning for one that saw the invasive species."""
    seen = " (saw these species in training)" * (wildcards.detector in VISUALIZATION)
    return wildcards.detector + seen


def worth(wildcards):
    """Threads that a detector's network can use: a dense one is bound by memory, not by cores."""
    return 1 if settings(wildcards)["kind"] == "dense" else NETWORK_THREADS


def pack_of(settings):
    """The packed crops that a detector or the backbone takes."""
    pad = "pad" * (settings["aspect"] == "pad")
    return f"{RESULTS}/packed/{settings['image_size']}{pad}.npy"


def packed(wildcards):
    """The packed crops of the detector that is asked for."""
    return pack_of(settings(wildcards))


PACKED_FOR = [
    *(DETECTORS[name] for name in NETWORKS),
    *([config["backbone"]] * bool(FEATURE_BASED)),
]
PACKS = sorted({pack_of(settings) for settings in PACKED_FOR})


def show_summary():
    """Say at the end what was had, what was lost, and where to look."""
    summary = Path(RESULTS, "summary.txt")
    if summary.exists():
        print(f"\n{config['name']}\n{summary.read_text()}figures: {RESULTS}/figures/")

"""Backbones on a site's own crops: dimensions, time, and how well their features tell newcomers.

python benchmarks/backbones.py results/<name>/packed/224window.npy NAME timm/<model>=FILE ...

After `snakemake evaluation`, whose folds it takes. A backbone is named as in the config, with its
weights after a =, where they are not the published ones. The features are computed on the packed
crops. The default feature detectors are fitted and scored on them, with each native species left
out in turn, for every seed; so is a watch list with one and three example events, for each novel
species of all folds. Values are event AUROC with its 95 % interval. On a processor one core
computes, and its time counts; on a GPU the clock does. Writes backbones.csv.
"""

import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from bench import HERE, SCRIPTS, report

sys.path.append(str(SCRIPTS))
from stowaway.core.config import fill_defaults, load_schema
from stowaway.core.tables import read_table
from stowaway.data.packs import Pack
from stowaway.data.splits import load_crops
from stowaway.detectors.registry import fit_all, score_all
from stowaway.evaluation.aggregate import compare_detectors
from stowaway.evaluation.examples import (
    Fold,
    Shortcuts,
    fitted_natives,
    pool_events,
    score_with_examples,
)
from stowaway.evaluation.folds import LEFT_OUT, WATCH_LIST, crop_facts, load_runs
from stowaway.models.backbones import BATCH, open_backbone
from stowaway.models.device import Device
from stowaway.review.trained import held_out_scores

KEPT = "crop_id event species group role location".split()
METHODS = "mahalanobis", "knn", "fusion"
EXAMPLES = [1, 3]  # events of the novel species
RESAMPLES, SEED = 2000, 0


def features_of(pixels: Pack, name: str, weights: str | None) -> tuple[np.ndarray, float]:
    """(crops, dimensions), and the milliseconds that a crop and its mirror took."""
    network = open_backbone(name, weights, image_size=pixels.shape[1])
    device = Device.choose("auto", 1)
    network.features.to(device.device)
    clock = time.process_time if device.device.type == "cpu" else time.perf_counter
    values, started = [], clock()
    for images in device.read_rows(pixels, np.arange(len(pixels)), name, BATCH):
        with device.autocast():
            values.append(network(images).float().cpu().numpy())
    return np.concatenate(values), 1000 * (clock() - started) / len(pixels)


def scored(
    folder: Path, features: dict[str, np.ndarray], settings: dict[str, dict]
) -> dict[tuple[str, str], pd.DataFrame]:
    """The table of scores of each fold and seed, a column for each backbone and method."""
    tables = {}
    for splits in sorted(folder.glob("folds/leave_out_*/*/splits.csv")):
        crops = load_crops(folder / "labels.csv", splits)
        table = crops[KEPT].copy()
        for name, values in features.items():
            detectors = fit_all(settings, values, crops)
            scores = score_all(detectors, values, *where(crops))
            table[[f"{name} {method}" for method in scores]] = np.column_stack([*scores.values()])
        tables[splits.parts[-3:-1]] = table
    return tables


def where(crops: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The rows of features and the events of crops."""
    return crops["row"].to_numpy(), crops["event"].to_numpy(str)


def with_examples(folder: Path, values: np.ndarray, settings: dict[str, dict]) -> pd.Series:
    """The event AUROC of a watch list, with its interval, by the number of example events."""
    lead, tables = next(iter(settings)), []
    measures = read_table(folder / "shortcuts.csv").drop(columns="crop_id")
    for splits in sorted(folder.glob("folds/*/*/splits.csv")):
        fold, seed = splits.parts[-3:-1]
        crops = load_crops(folder / "labels.csv", splits)
        crops["novelty"] = score_all(fit_all(settings, values, crops), values, *where(crops))[lead]
        natives = fitted_natives(crops)
        usual = held_out_scores(crops, values, splits, lead, settings, int(seed))
        material = Fold(crops, natives, values, Shortcuts(crops, measures, natives), usual)
        scores = score_with_examples(material, EXAMPLES, fold, int(seed))
        tables.append(scores[scores["detector"] == WATCH_LIST].assign(fold=fold, seed=seed))
    metrics, _ = pool_events(pd.concat(tables), "examples", RESAMPLES, SEED)
    return metrics[metrics["metric"] == "auroc"].set_index("examples").apply(interval, axis=1)


def interval(row: pd.Series) -> str:
    """The row's value and interval."""
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def main(pack: Path, named: list[str]) -> None:
    """Print and write a row per backbone."""
    folder, pixels = pack.parents[1], Pack(pack)
    pairs = [name.partition("=")[::2] for name in named]
    features, times = {}, {}
    for name, weights in pairs:
        features[name], times[name] = features_of(pixels, name, weights or None)
    entries = fill_defaults({}, load_schema(HERE.parent / "workflow/schemas/config.schema.yaml"))
    settings = {method: entries["detectors"][method] for method in METHODS}
    tables = scored(folder, features, settings)
    if not tables:
        sys.exit(f"{folder}: there are no folds/leave_out_*; run snakemake evaluation first")
    columns = {f"{name} {method}": "natives" for name in features for method in METHODS}
    facts = crop_facts(read_table(folder / "labels.csv"), read_table(folder / "shortcuts.csv"))
    runs, events = load_runs(tables, facts, read_table(folder / "camera_days.csv"), columns)
    metrics, _, _ = compare_detectors(runs, events, {}, RESAMPLES, SEED)
    wanted = {"fold": LEFT_OUT, "level": "event", "stratum": "all", "metric": "auroc"}
    for column, value in wanted.items():
        metrics = metrics[metrics[column] == value]
    metrics = metrics.set_index("detector")
    rows = []
    for name, values in features.items():
        row = {"backbone": name, "dimensions": values.shape[1], "ms a crop": f"{times[name]:.1f}"}
        row |= {method: interval(metrics.loc[f"{name} {method}"]) for method in METHODS}
        worth = with_examples(folder, values, {"fusion": settings["fusion"]})
        rows.append(row | {f"with examples of {n}": worth[n] for n in EXAMPLES})
    report("backbones", rows, torch=version("torch"), timm=version("timm"))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])

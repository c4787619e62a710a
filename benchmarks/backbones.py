"""Backbones on a site's own crops: dimensions, time, and how well their features tell newcomers.

python benchmarks/backbones.py results/<name>/packed/224pad.npy efficientnet_lite0 timm/<model>=FILE

After `snakemake evaluation`, whose folds it takes: each native species is left out in turn, for
every seed. A backbone is named as in the config, with its weights after a =, where they are not the
published ones. The features are computed on the packed crops, and the default feature detectors are
fitted and scored on them, with their event AUROC and its 95 % interval. On a processor one core
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
from stowaway.evaluation.folds import LEFT_OUT, crop_facts, load_runs
from stowaway.models.backbones import BATCH, open_backbone
from stowaway.models.device import Device

KEPT = "crop_id event species group role location".split()
METHODS = "mahalanobis", "knn", "fusion"
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


def scored(folder: Path, features: dict[str, np.ndarray]) -> dict[tuple[str, str], pd.DataFrame]:
    """The table of scores of each fold and seed, a column for each backbone and method."""
    entries = fill_defaults({}, load_schema(HERE.parent / "workflow/schemas/config.schema.yaml"))
    settings = {method: entries["detectors"][method] for method in METHODS}
    tables = {}
    for splits in sorted(folder.glob("folds/leave_out_*/*/splits.csv")):
        crops = load_crops(folder / "labels.csv", splits)
        table = crops[KEPT].copy()
        for name, values in features.items():
            detectors = fit_all(settings, values, crops)
            scores = score_all(detectors, values, crops["row"].to_numpy())
            table[[f"{name} {method}" for method in scores]] = np.column_stack([*scores.values()])
        tables[splits.parts[-3:-1]] = table
    return tables


def main(pack: Path, named: list[str]) -> None:
    """Print and write a row per backbone."""
    folder, pixels = pack.parents[1], Pack(pack)
    pairs = [name.partition("=")[::2] for name in named]
    features, times = {}, {}
    for name, weights in pairs:
        features[name], times[name] = features_of(pixels, name, weights or None)
    tables = scored(folder, features)
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
        for method in METHODS:
            value, low, high = metrics.loc[f"{name} {method}", ["value", "low", "high"]]
            row[method] = f"{value:.3f} [{low:.3f}, {high:.3f}]"
        rows.append(row)
    report("backbones", rows, torch=version("torch"), timm=version("timm"))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])

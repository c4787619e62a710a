"""A run's detectors, calibration and natives -> models.json and models.npz, which a batch needs."""

from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from stowaway.core import __version__
from stowaway.core.script import run_rule
from stowaway.core.tables import read_table
from stowaway.data.packs import Features, Form, Pack
from stowaway.data.roles import NATIVE_ROLES, Role
from stowaway.data.splits import load_crops
from stowaway.detectors.registry import load_all
from stowaway.evaluation.exposure import EVENTS_PER_DAY, native_density
from stowaway.models.backbones import NAMED, open_backbone
from stowaway.models.device import Device
from stowaway.models.facts import read_backbone
from stowaway.review.decisions import decided_checksums
from stowaway.review.explanations import boxes_in_pack, native_cells
from stowaway.review.pictures import PICTURE, jpeg
from stowaway.review.trained import Gallery, Trained, held_out_scores, save, whole_groups

LIBRARIES = "torch", "timm", "numpy", "pillow", "scikit-learn"
SHOWN = 5_000  # natives among which the nearest are sought: 20 MB of pictures


def export_models(
    feature_detectors: Path,
    scores: Path,
    features: Path,
    facts: Path,
    pack: Path,
    labels: Path,
    splits: Path,
    camera_days: Path,
    models: Path,
    arrays: Path,
    run: str,
    lead: str,
    settings: dict,
    seed: int,
    threads: int,
    decided_crops: Path | list = (),
) -> None:
    """Write both files. `settings` is the part of the config that a batch takes over.

    The crops that reviewers decided on go with them, so that a batch shows only what is new.
    """
    with threadpool_limits(threads):
        crops = load_crops(labels, splits)
        natives = crops[crops["role"].isin(NATIVE_ROLES)]
        known = read_table(scores, "crop_id predicted role".split() + [lead])
        known = known[known["role"] == Role.CALIBRATION].rename(columns={lead: "score"})
        known = whole_groups(crops.merge(known.drop(columns="role"), "inner", "crop_id"), seed)
        shown = natives[natives["role"] == Role.TRAIN].sample(frac=1, random_state=seed)
        # one crop of each event first
        shown = pd.concat([shown.drop_duplicates("event"), shown]).drop_duplicates("crop_id")
        shown, values = shown.head(SHOWN), Features(features, len(crops))
        pixels, rows = Pack(pack, len(crops)), shown["row"].to_numpy()
        backbone, form = settings["backbone"], Form.named(pack.stem)
        device = Device.choose("float32", threads)
        network = open_backbone(*(backbone[key] for key in NAMED))
        network.features.to(device.device)
        cells, usual = native_cells(network, device, pixels, form, shown)
        boxes = zip(rows, boxes_in_pack(shown, form), strict=True)
        pictures = [jpeg(pixels[row], box, PICTURE) for row, box in boxes]
        dated = natives.assign(date=natives["datetime"].str[:10])
        density = native_density(dated, read_table(camera_days))
        native_scores = held_out_scores(crops, values, scores, lead, settings["detectors"], seed)
        count = natives.groupby("species")
        about = {
            "stowaway": __version__,
            "run": run,
            "made": date.today().isoformat(),
            "backbone": read_backbone(facts),
            "natives": {
                name: {"crops": len(own), "events": own["event"].nunique()} for name, own in count
            },
            "calibration": {name: known[name[:-1]].nunique() for name in ("events", "groups")},
            "lead": lead,
            "native_events_per_camera_day": density[EVENTS_PER_DAY],
            "libraries": {name: version(name) for name in LIBRARIES},
            "config": settings,
        }
        gallery = Gallery(
            values[rows],
            shown["event"].to_numpy(str),
            shown["species"].to_numpy(str),
            np.array(pictures),
        )
        trained = Trained(
            about,
            load_all(feature_detectors),
            known,
            values[known["row"].to_numpy()],
            native_scores,
            gallery,
            cells,
            usual,
            np.array(decided_checksums(decided_crops), str),
        )
        save(trained, arrays, models)


if __name__ == "__main__":
    run_rule(export_models, snakemake)

"""What a schema cannot say of a config: settings that contradict each other."""

import re

from stowaway.core.names import clean_label, slug
from stowaway.core.tables import TEXT


def contradictions(config: dict) -> list[str]:
    """A line per contradiction in a config that its schema accepts: the key, and what is wrong."""
    lines = []
    island = f"results/{config['name']}/island/coco.json"
    if config["coco"] != island and re.fullmatch(
        "results/.+/island/coco.json", str(config["coco"])
    ):
        lines.append(f"coco: it is the demo island's; name your COCO JSON, or {island} to draw one")
    if config["name"] == "demo" and config["coco"] != island:
        lines.append("name: give your data set a name of its own; 'demo' is the synthetic island's")
    total = sum(config["split"]["fractions"].values())
    if abs(total - 1) > 1e-6:
        lines.append(f"split.fractions: they sum to {total:g}, not to 1")
    names = [
        clean_label(name) for side in ("native", "invasive") for name in config["species"][side]
    ]
    for label in names:
        if not slug(label):
            lines.append(f"species: '{label}' has no letter or digit to name a file with")
        elif [slug(other) for other in names].count(slug(label)) > 1:
            lines.append(f"species: '{label}' is listed twice, or another one has the same slug")
        for key in ("drop", "too_general"):
            if label in map(clean_label, config["labels"][key]):
                lines.append(f"labels.{key}: '{label}' is listed under species too")
        renamed = {clean_label(k): v for k, v in config["labels"]["rename"].items()}.get(label)
        if renamed:
            lines.append(
                f"species: '{label}' is renamed to '{renamed}' by labels.rename; list that"
            )
    leader, alarm = config["detectors"].get(config["alarm"]["detector"]), config["alarm"]
    if leader is None or leader["train_on"] != "natives":
        lines.append(f"alarm.detector: '{alarm['detector']}' is no detector fitted on natives")
    if alarm["per_species"] and alarm["target"] == "alarms_per_week":
        lines.append(
            "alarm.per_species: a weekly budget takes the highest scores, whatever species"
        )
    if alarm["target"] == "false_alarm_rate" and alarm["aim"] >= 1:
        lines.append(f"alarm.aim: {alarm['aim']:g} is no rate; it is below 1")
    for name in config["evaluation"]["networks"]:
        network = config["detectors"].get(name, {"kind": "features"})
        if network["kind"] == "features" or network["train_on"] != "natives":
            lines.append(f"evaluation.networks: '{name}' is no network trained on natives")
    for name, detector in config["detectors"].items():
        if name in (*TEXT, "score", "error", "correlation") or name.startswith("shortcut_"):
            lines.append(f"detectors.{name}: a column of the tables is named so; take another name")
        if detector["kind"] == "features":
            if "of" in detector and detector["method"] not in ("rank_average", "logistic"):
                lines.append(f"detectors.{name}.of: only rank_average and logistic fuse others")
            continue
        lines += _of_a_classifier(f"detectors.{name}", detector, config)
        size, fold = detector["image_size"], 2 ** len(detector.get("layers", ()))
        if detector["kind"] == "convolutional" and size % fold:
            lines.append(
                f"detectors.{name}.image_size: {size} is not a multiple of {fold}, which "
                f"{len(detector['layers'])} layers of stride 2 need"
            )
        elif detector["kind"] == "convolutional" and size < 2 * fold:
            lines.append(f"detectors.{name}.layers: too many for an image_size of {size}")
    return lines


def _of_a_classifier(key: str, detector: dict, config: dict) -> list[str]:
    if detector["kind"] != "classifier":
        return []
    lines = []
    if len(config["species"]["native"]) < 2:
        lines.append(f"{key}.kind: a classifier needs two native species to tell apart")
    if detector["start"] == "scratch" and "layers" not in detector:
        lines.append(f"{key}.layers: missing; a classifier from scratch needs them")
    return lines

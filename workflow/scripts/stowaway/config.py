"""The config: checked against its schema and for sense, with messages that name the key."""

import difflib
import re
from pathlib import Path

import jsonschema
import yaml

from .names import clean_label, slug


class ConfigError(ValueError):
    """A line per mistake, each with the key, what is wrong and what is allowed."""


def check_config(config: dict, schema: Path) -> dict:
    """Return a checked copy of `config` with clean labels, without entries set to null.

    Raises `ConfigError` for unknown keys, wrong types or ranges, and contradictions.
    """
    config = _without_nulls(config)
    rules = yaml.safe_load(schema.read_text())
    errors = sorted(jsonschema.Draft202012Validator(rules).iter_errors(config), key=str)
    lines = [line for error in errors for line in _explain(error)]
    if not lines:
        config["detectors"] = _with_defaults(config["detectors"], rules["$defs"]["detector"])
        lines = _contradictions(config)
    if lines:
        raise ConfigError("\n".join([*lines, "Every key is explained in config/README.md."]))
    config["detectors"] = dict(sorted(config["detectors"].items()))  # one order, one colour each
    for part in ("labels", "species"):
        config[part] = {key: _clean(value) for key, value in config[part].items()}
    return config


def _without_nulls(config: dict) -> dict:
    """The config without the detectors and label map entries that an overlay sets to null.

    Such a detector is not trained for the comparison either.
    """
    labels = config.get("labels")
    parts = {"detectors": config.get("detectors")}
    if isinstance(labels, dict):
        parts["labels"] = {k: _kept(v) for k, v in labels.items()}
    detectors, evaluation = config.get("detectors"), config.get("evaluation")
    if isinstance(detectors, dict) and isinstance(evaluation, dict) and "networks" in evaluation:
        networks = [n for n in evaluation["networks"] if detectors.get(n, n) is not None]
        config = config | {"evaluation": evaluation | {"networks": networks}}
    return config | {key: _kept(value) for key, value in parts.items()}


def _with_defaults(detectors: dict, rules: dict) -> dict:
    """The detectors with the schema's defaults of the settings that they do not name.

    One on features is scored by its method, and never sees but the natives.
    """
    keys = rules["properties"].items()
    defaults = {key: rule["default"] for key, rule in keys if "default" in rule}
    return {
        name: {"train_on": "natives", "start": "scratch", "score": detector["method"]} | detector
        if detector["kind"] == "features"
        else defaults | detector
        for name, detector in detectors.items()
    }


def _kept(value):
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def _clean(value):
    """Labels in lists and maps as they are compared; numbers as they are."""
    if isinstance(value, dict):
        return {clean_label(k): clean_label(v) for k, v in value.items()}
    return list(map(clean_label, value)) if isinstance(value, list) else value


def _explain(error: jsonschema.ValidationError) -> list[str]:
    """One line per mistake, with the dotted key and, for an unknown key, the nearest known one."""
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {})
        unknown = [key for key in error.instance if key not in known]
        return [
            f"{f'{where}.{k}' if where else k}: unknown key{_nearest(k, known)}" for k in unknown
        ]
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return [f"{f'{where}.{k}' if where else k}: missing" for k in missing]
    return [f"{where or 'config'}: {error.message}"]


def _nearest(word: str, known) -> str:
    near = difflib.get_close_matches(str(word), known, 1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _contradictions(config: dict) -> list[str]:
    """What a schema cannot say."""
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
    if alarm["target"] == "false_alarm_rate" and alarm["aim"] >= 1:
        lines.append(f"alarm.aim: {alarm['aim']:g} is no rate; it is below 1")
    for name in config["evaluation"]["networks"]:
        if config["detectors"].get(name, {"kind": "features"})["kind"] == "features":
            lines.append(f"evaluation.networks: '{name}' is no network under detectors")
    for name, detector in config["detectors"].items():
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

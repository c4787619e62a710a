"""The config: checked against its schema and for sense, with messages that name the key."""

import difflib
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
    config = dict(config)
    for key in ("detectors", "labels"):
        if isinstance(config.get(key), dict):
            config[key] = {k: v for k, v in config[key].items() if v is not None}
    rules = yaml.safe_load(schema.read_text())
    errors = sorted(jsonschema.Draft202012Validator(rules).iter_errors(config), key=str)
    lines = [line for error in errors for line in _explain(error)] or _contradictions(config)
    if lines:
        raise ConfigError("\n".join([*lines, "Every key is explained in config/README.md."]))
    config["detectors"] = dict(sorted(config["detectors"].items()))  # one order, one colour each
    config["species"] = config["species"] | {
        side: [clean_label(name) for name in config["species"][side]]
        for side in ("native", "invasive")
    }
    return config


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
    for name, detector in config["detectors"].items():
        size, fold = detector["image_size"], 2 ** len(detector["layers"])
        if detector["kind"] == "convolutional" and size % fold:
            lines.append(
                f"detectors.{name}.image_size: {size} is not a multiple of {fold}, which "
                f"{len(detector['layers'])} layers of stride 2 need"
            )
    return lines

"""The config: checked against its schema and for sense, with messages that name the key."""

import difflib
from pathlib import Path

import jsonschema
import yaml

from stowaway.core.contradictions import contradictions
from stowaway.core.names import clean_label


class ConfigError(ValueError):
    """A line per mistake, each with the key, what is wrong and what is allowed."""


def check_config(config: dict, schema: Path) -> dict:
    """Return a checked copy of `config` with clean labels, without entries set to null.

    Raises `ConfigError` for unknown keys, wrong types or ranges, and contradictions.
    """
    config = _without_nulls(config)
    rules = yaml.load(schema.read_text(), yaml.CSafeLoader)  # in C: this runs at every start
    errors = sorted(jsonschema.Draft202012Validator(rules).iter_errors(config), key=str)
    lines = [line for error in errors for line in _explain(error)]
    if not lines:
        config["detectors"] = _with_defaults(config["detectors"], rules["$defs"]["detector"])
        lines = contradictions(config)
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
    if (
        isinstance(detectors, dict)
        and isinstance(evaluation, dict)
        and isinstance(evaluation.get("networks"), list)
    ):
        gone = [name for name, detector in detectors.items() if detector is None]
        networks = [n for n in evaluation["networks"] if n not in gone]
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

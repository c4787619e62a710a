"""The config: the schema's defaults filled in, then checked, with messages that name the key."""

import difflib
import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import yaml

from stowaway.core.names import clean_label, slug
from stowaway.core.tables import TEXT

# Keys and values (key=value) of earlier versions, and what to use instead. `*` is any name.
RETIRED = {
    "alarm.aim": "it is called alarm.limit now",
    "detectors.*.compile": "networks are never compiled; take the key out",
    "detectors.*.start": "networks start from random weights; take the key out",
    "detectors.*.kind=classifier": "use kind: features with method: head_energy or head_vim",
    "detectors.*.score=energy": "use kind: features with method: head_energy",
    "detectors.*.score=logit": "use kind: features with method: head_logit",
    "detectors.*.score=msp": "use kind: features with method: head_msp",
    "detectors.*.score=vim": "use kind: features with method: head_vim",
    "detectors.*.method=logistic": "use rank_average",
    "detectors.*=isolation_forest": "use knn",
    "detectors.*=one_class_svm": "use knn",
    "detectors.*=mixture": "use mahalanobis or gaussian",
}


class ConfigError(ValueError):
    """A line per mistake, each with the key, what is wrong and what is allowed."""


def check_config(config: dict, schema: Path) -> dict:
    """Return a checked copy of `config` with all defaults, clean labels and no removed entries.

    Raises `ConfigError` for unknown or retired keys, wrong types or ranges, and contradictions.
    """
    rules = load_schema(schema)
    retired = dict(_retired(config))
    config = _without_removed_networks(fill_defaults(config, rules), config)
    mistakes = sorted(jsonschema.Draft202012Validator(rules).iter_errors(config), key=str)
    wrong = dict(pair for error in mistakes for pair in _explain(error) if pair[0] not in retired)
    lines = [f"{key}: {text}" for key, text in [*retired.items(), *wrong.items()]]
    if not lines:
        config["detectors"] = _sorted_detectors(config["detectors"])
        lines = list(_contradictions(config))
    if lines:
        raise ConfigError("\n".join([*lines, "Every key is explained in docs/config.md."]))
    for section in ("labels", "species"):
        config[section] = {key: _clean(value) for key, value in config[section].items()}
    return config


def load_schema(path: Path) -> dict:
    """The schema at `path` with every `$ref` replaced by what it names, under its siblings."""
    schema = yaml.load(path.read_text(), yaml.CSafeLoader)  # in C: this runs at every start

    def resolved(rule):
        if isinstance(rule, list):
            return list(map(resolved, rule))
        if not isinstance(rule, dict):
            return rule
        rest = {key: resolved(value) for key, value in rule.items() if key not in ("$ref", "$defs")}
        if "$ref" not in rule:
            return rest
        return merged(resolved(schema["$defs"][rule["$ref"].removeprefix("#/$defs/")]), rest)

    return resolved(schema)


def merged(base: dict, overlay: dict) -> dict:
    """As Snakemake merges an overlay: maps key by key, lists and single values replaced."""
    out = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if both else value
    return out


def fill_defaults(value, rule: dict):
    """`value` with the defaults of all keys that it does not name, in the order of the schema.

    A map of names is merged into its default, and loses the names that are set to null. Values of
    a wrong type stay as they are, for the validation to find.
    """
    if not isinstance(value, dict):
        return value
    entry = rule.get("additionalProperties")
    if isinstance(entry, dict):
        named = merged(rule.get("default", {}), value)
        return {k: fill_defaults(v, entry) for k, v in named.items() if v is not None}
    known = rule_of_kind(rule, value.get("kind")).get("properties", {})
    filled = {}
    for key, below in known.items():
        if key in value or "default" in below or "properties" in below:
            filled[key] = fill_defaults(value.get(key, below.get("default", {})), below)
    return filled | {key: value[key] for key in value if key not in known}


def rule_of_kind(rule: dict, kind: str | None) -> dict:
    """The rule of a detector of this kind; of anything that has no kinds, its own."""
    for case in rule.get("allOf", ()):
        if case["if"]["properties"]["kind"]["const"] == kind:
            return case["then"]
    return rule


def _without_removed_networks(filled: dict, given: dict) -> dict:
    """The config without `evaluation.networks` that the user's `detectors` set to null."""
    detectors, evaluation = given.get("detectors"), filled["evaluation"]
    if not isinstance(detectors, dict) or not isinstance(evaluation, dict):
        return filled
    removed = [name for name, entry in detectors.items() if entry is None]
    if isinstance(evaluation["networks"], list):
        evaluation["networks"] = [n for n in evaluation["networks"] if n not in removed]
    return filled


def _sorted_detectors(detectors: dict) -> dict:
    """The detectors by name, so that each has the same colour on every figure.

    One on features is scored by its method, and is fitted on natives only.
    """
    return {
        name: {"train_on": "natives", "score": detector["method"]} | detector
        if detector["kind"] == "features"
        else detector
        for name, detector in sorted(detectors.items())
    }


def _clean(value):
    """Labels in lists and maps as they are compared; numbers as they are."""
    if isinstance(value, dict):
        return {clean_label(k): clean_label(v) for k, v in value.items()}
    return list(map(clean_label, value)) if isinstance(value, list) else value


def _retired(config: dict) -> Iterator[tuple[str, str]]:
    """Each key that this version no longer knows, or knows with another value, and the advice."""
    for key, value in _leaves(config):
        for pattern, advice in RETIRED.items():
            if fnmatch.fnmatchcase(f"{key}={value}" if "=" in pattern else key, pattern):
                yield key, f"{value} is gone; {advice}" if "=" in pattern else advice


def _leaves(value, key: str = "") -> Iterator[tuple[str, object]]:
    """All single values of nested maps and lists, with their dotted keys."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves(below, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        yield from _leaves(dict(enumerate(value)), key)
    else:
        yield key, value


def _explain(error: jsonschema.ValidationError) -> Iterator[tuple[str, str]]:
    """The dotted key and what is wrong, for each key that is unknown or missing."""
    where = ".".join(str(part) for part in error.absolute_path)
    inside = f"{where}." if where else ""
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        for key in error.instance:
            if key not in known:
                yield f"{inside}{key}", f"unknown key{_nearest(key, known)}"
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield f"{inside}{key}", "missing"
    else:
        yield where or "config", error.message


def _nearest(word: str, known) -> str:
    near = difflib.get_close_matches(str(word), known, 1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _contradictions(config: dict) -> Iterator[str]:
    """A line for each setting that a schema accepts and that makes no sense beside another."""
    yield from _of_data_set(config["name"], config["coco"])
    total = sum(config["split"]["fractions"].values())
    if abs(total - 1) > 1e-6:
        yield f"split.fractions: they sum to {total:g}, not to 1"
    yield from _of_species(config["species"], config["labels"])
    yield from _of_alarm(config["alarm"], config["detectors"])
    for name in config["evaluation"]["networks"]:
        network = config["detectors"].get(name, {"kind": "features"})
        if network["kind"] == "features" or network["train_on"] != "natives":
            yield f"evaluation.networks: '{name}' is no network trained on natives"
    for name, detector in config["detectors"].items():
        yield from _of_detector(name, detector)


def _of_data_set(name: str, coco: str | list[str]) -> Iterator[str]:
    island = f"results/{name}/island/coco.json"
    if coco == island:
        return
    if name == "demo":
        yield "name: give your data set a name of its own; 'demo' is the synthetic island's"
    if re.fullmatch("results/.+/island/coco.json", str(coco)):
        yield f"coco: it is another island's; name your COCO JSON, or {island} to draw an island"


def _of_species(species: dict, labels: dict) -> Iterator[str]:
    names = [clean_label(name) for side in ("native", "invasive") for name in species[side]]
    renamed = _clean(labels["rename"])
    for label in names:
        if not slug(label):
            yield f"species: '{label}' has no letter or digit to name a file with"
        elif [slug(other) for other in names].count(slug(label)) > 1:
            yield f"species: '{label}' is listed twice, or another one has the same slug"
        for key in ("drop", "too_general"):
            if label in _clean(labels[key]):
                yield f"labels.{key}: '{label}' is listed under species too"
        if label in renamed:
            yield f"species: '{label}' is renamed to '{renamed[label]}' by labels.rename; list that"


def _of_alarm(alarm: dict, detectors: dict) -> Iterator[str]:
    leader = detectors.get(alarm["detector"])
    if leader is None or leader["train_on"] != "natives":
        yield f"alarm.detector: '{alarm['detector']}' is no detector fitted on natives"
    if alarm["per_species"] and alarm["target"] == "alarms_per_week":
        yield "alarm.per_species: a weekly budget takes the highest scores, whatever species"
    if alarm["target"] == "false_alarm_rate" and alarm["limit"] >= 1:
        yield f"alarm.limit: {alarm['limit']:g} is no rate; it is below 1"


def _of_detector(name: str, detector: dict) -> Iterator[str]:
    key = f"detectors.{name}"
    if name in (*TEXT, "score", "error", "correlation") or name.startswith("shortcut_"):
        yield f"{key}: a column of the tables is named so; take another name"
    if "of" in detector and detector["method"] != "rank_average":
        yield f"{key}.of: only rank_average fuses others"
    if detector["kind"] == "convolutional":
        size, layers = detector["image_size"], len(detector["layers"])
        if size % 2**layers:
            yield (
                f"{key}.image_size: {size} is not a multiple of {2**layers}, which {layers} layers "
                "of stride 2 need"
            )
        elif size < 2 * 2**layers:
            yield f"{key}.layers: too many for an image_size of {size}"

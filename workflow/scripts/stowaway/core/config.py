"""The config: the schema's defaults filled in, then checked, with messages that name the key."""

import difflib
import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from os.path import normpath
from pathlib import Path

import jsonschema
import yaml

from stowaway.core.names import ADDRESSES, UNNAMED, clean_label, listed, name_key, slug, why_unsafe
from stowaway.core.tables import TEXT
from stowaway.core.texts import (
    as_path,
    dotted,
    duplicate_keys,
    misread,
    oddities,
    shown,
    why_no_address,
    why_no_file,
    why_no_folder,
    why_no_label,
    why_no_species,
)

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

# What a batch cannot set otherwise than the run whose models score it.
FIXED = [
    ("alarm", "detector"),  # the scores of calibration events are those of one detector
    *(("backbone", key) for key in ("name", "layer", "image_size", "aspect")),
    ("crops", "max_side"),
]

MOST_LINES = 20
# The types of JSON Schema in words.
TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map",
    "null": "null",
}
# The section and key of each path or address. The data set's own has no section.
PATHS = [
    ("", "coco"),
    ("", "detections"),
    ("", "decisions"),
    ("images", "source"),
    ("backbone", "weights"),
    ("aws", "endpoint_url"),
]
WATCHED = "photos", "coco", "detections"  # the paths of a watched species
FILES, FOLDERS = ("coco", "detections"), ("source", "photos")


class ConfigError(ValueError):
    """A line per mistake, each with the key, what is wrong and what is allowed."""


def check_config(config: dict, schema: Path) -> dict:
    """Return a checked copy of `config` with all defaults, clean labels and no removed entries.

    Whole numbers are `int`, and paths are written out. Raises `ConfigError` for unknown or retired
    keys, wrong types or ranges, and contradictions.
    """
    _refuse(f"{key}: {text}" for key, text in oddities(config))
    rules = load_schema(schema)
    retired = dict(_retired(config))
    config = _without_removed_networks(fill_defaults(config, rules), config)
    mistakes = sorted(jsonschema.Draft202012Validator(rules).iter_errors(config), key=_place)
    if config["coco"] is None and config["detections"] is None:
        retired["coco"] = "missing; name a COCO JSON here, or results of MegaDetector as detections"
    wrong = dict(pair for error in mistakes for pair in _explain(error) if pair[0] not in retired)
    _refuse(f"{key}: {text}" for key, text in [*retired.items(), *wrong.items()])
    config["detectors"] = _sorted_detectors(config["detectors"])
    _write_out_paths(config)
    _refuse(_contradictions(config))
    config["watch"] = {clean_label(name): _clean_watch(w) for name, w in config["watch"].items()}
    for section in ("labels", "species"):
        config[section] = {key: _clean(value) for key, value in config[section].items()}
    return config


def taken_over(config: dict, facts: dict) -> dict:
    """The config of a batch over the settings of the run whose models score it, `facts` of them.

    Raises `ConfigError` where it has a list of species of its own, or another setting that the
    models and the scores of their calibration events hold for alone.
    """
    taken = facts["config"]
    own = [key for key in ("species", "detectors", "split") if key in config]
    for section, key in FIXED:
        of = config.get(section)
        if isinstance(of, dict) and key in of and of[key] != taken.get(section, {}).get(key):
            own.append(f"{section}.{key}")
    _refuse(
        f"{key}: a batch takes it from the run {facts['run']}; take it out of this config"
        for key in own
    )
    added = ("train_on", "score")  # by `_sorted_detectors`
    detectors = {
        name: {k: v for k, v in of.items() if of["kind"] != "features" or k not in added}
        for name, of in taken["detectors"].items()
    }
    return merged(taken | {"detectors": detectors}, config)


def refuse_duplicate_keys(paths: Iterable[Path]) -> None:
    """Raise `ConfigError` if a map of a file has a key twice: of two, YAML drops one unsaid."""
    _refuse(line for path in paths for line in duplicate_keys(Path(path)))


def _refuse(mistakes: Iterable[str]) -> None:
    """Raise `ConfigError` if there are mistakes, with a screen of them at most."""
    if lines := list(mistakes):
        more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
        raise ConfigError(
            "\n".join([*lines[:MOST_LINES], *more, "Every key is explained in docs/config.md."])
        )


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

    A map of names is merged into its default, and loses the names that are set to null. A whole
    number written as 4.0 becomes 4. Values of a wrong type stay, for the validation to find.
    """
    if isinstance(value, list):
        return [fill_defaults(item, rule.get("items", {})) for item in value]
    if isinstance(value, float) and value.is_integer() and "integer" in rule.get("type", ()):
        return int(value)
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


def _write_out_paths(config: dict) -> None:
    """Set the paths of the config to what `~` and `file://` mean in them."""
    for _, key, below in _paths(config):
        value = below[key]
        below[key] = (
            list(map(as_path, value)) if isinstance(value, list) else value and as_path(value)
        )


def _paths(config: dict) -> Iterator[tuple[str, str, dict]]:
    """The section of each path or address, its key, and the map that holds it."""
    for section, key in PATHS:
        yield section, key, config[section] if section else config
    for name, sources in config["watch"].items():
        for key in WATCHED:
            yield dotted(("watch", name)), key, sources


def _clean_watch(sources: dict) -> dict:
    """The sources of a watched species, with clean labels."""
    return sources | {"labels": list(dict.fromkeys(map(clean_label, sources["labels"])))}


def _clean(value):
    """Labels in lists and maps as they are compared; numbers as they are."""
    if isinstance(value, dict):
        return {clean_label(k): clean_label(v) for k, v in value.items()}
    return list(map(clean_label, value)) if isinstance(value, list) else value


def _retired(config: dict) -> Iterator[tuple[str, str]]:
    """Each key that this version no longer knows, or knows with another value, and the advice."""
    for keys, value in _leaves(config):
        for pattern, advice in RETIRED.items():
            name, _, gone = pattern.partition("=")
            if fnmatch.fnmatchcase(".".join(map(str, keys)), name) and gone in ("", value):
                yield dotted(keys), f"{gone} is gone; {advice}" if gone else advice


def _leaves(value, keys: tuple = ()) -> Iterator[tuple[tuple, object]]:
    """All single values of nested maps and lists, with the keys that lead to them."""
    if isinstance(value, dict | list):
        for name, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(below, (*keys, name))
    else:
        yield keys, value


def _place(error: jsonschema.ValidationError) -> str:
    return dotted(tuple(error.absolute_path))


def _explain(error: jsonschema.ValidationError) -> Iterator[tuple[str, str]]:
    """The dotted key and what is wrong, for each key that is unknown or missing.

    jsonschema's own message holds the value, which may be an address, so it is never shown.
    """
    keys = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        for key in error.instance:
            if key not in known:
                yield dotted((*keys, key)), f"unknown key{_nearest(key, known)}"
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield dotted((*keys, key)), "missing"
    else:
        yield dotted(keys) or "config", _sentence(error)


def _sentence(error: jsonschema.ValidationError) -> str:
    """What is wrong with a value: its type, range, length or spelling."""
    value, wanted, text = error.instance, error.validator_value, shown(error.instance)
    if error.validator == "type":
        return _of_type(value, [wanted] if isinstance(wanted, str) else wanted)
    if error.validator == "enum":
        allowed = ", ".join(map(shown, wanted)).replace("'", "")
        return f"{text} is not one of {allowed}{_nearest(value, map(str, filter(None, wanted)))}"
    if error.validator == "pattern":
        return f"{text} is not {error.schema['written']}"
    if error.validator == "uniqueItems":
        twice = next(item for n, item in enumerate(value) if item in value[:n])
        return f"{shown(twice)} is listed twice"
    if error.validator in ("minLength", "minItems", "minProperties"):
        return "is empty" if not value else f"has fewer than {wanted} entries"
    if error.validator in ("maxLength", "maxItems"):
        return f"is longer than {wanted}"
    limits = {"minimum": "below", "maximum": "above"}
    limits |= {"exclusiveMinimum": "not above", "exclusiveMaximum": "not below"}
    return f"{text} is {limits[error.validator]} {wanted:,}"


def _of_type(value: object, wanted: list[str]) -> str:
    words = " or ".join(TYPES[name] for name in wanted)
    if "string" in wanted and not isinstance(value, dict | list):
        return misread(value)
    if isinstance(value, str) and re.fullmatch(r"[-+]?[\d_.]+(e[-+]?\d+)?", value, re.I):
        return f"{shown(value)} is a text, not {words}; write it without quotes, 1e-3 as 1.0e-3"
    return f"{shown(value)} is not {words}"


def _nearest(word: str, known) -> str:
    near = difflib.get_close_matches(str(word)[:80], known, 1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _contradictions(config: dict) -> Iterator[str]:
    """A line for each setting that a schema accepts and that makes no sense beside another."""
    yield from _of_names(config)
    yield from _of_paths(config)
    yield from _of_data_set(config)
    yield from _of_location(config["images"]["location"])
    total = sum(config["split"]["fractions"].values())
    if abs(total - 1) > 1e-6:
        yield f"split.fractions: they sum to {total:g}, not to 1"
    yield from _of_labels(config["labels"])
    yield from _of_species(config["species"], config["labels"])
    yield from _of_watch(config["watch"], config["species"]["native"], config["labels"])
    yield from _of_times(config["events"]["datetime_format"])
    yield from _of_alarm(config["alarm"], config["detectors"])
    for name in config["evaluation"]["networks"]:
        network = config["detectors"].get(name, {"kind": "features"})
        if network["kind"] == "features" or network["train_on"] != "natives":
            yield f"evaluation.networks: {shown(name)} is no network trained on natives"
    if config["evaluation"]["other_site"] == config["name"]:
        yield "evaluation.other_site: this is the run itself; name another one"
    for name, detector in config["detectors"].items():
        yield from _of_detector(name, detector)


def _of_names(config: dict) -> Iterator[str]:
    """A line for each name of a folder or file that some file systems cannot hold."""
    names = {"name": config["name"], "models": config["models"], "tsne.map": config["tsne"]["map"]}
    names |= {"evaluation.other_site": config["evaluation"]["other_site"]}
    names |= {f"detectors.{name}": name for name in config["detectors"]}
    for key, name in names.items():
        if name and why_unsafe(name):
            yield f"{key}: '{name}' is a name that some file systems keep for themselves"


def _of_paths(config: dict) -> Iterator[str]:
    for section, key, below in _paths(config):
        for address in listed(below[key] or []):
            reason = why_no_address(address)
            if not reason and key in FILES + FOLDERS:
                reason = why_no_folder(address) if key in FOLDERS else why_no_file(address)
            if not reason and section.startswith("watch.") and address.startswith(ADDRESSES):
                reason = "is an address; name a file or folder of this machine"
            if not reason and key == "endpoint_url" and re.search("[@?#]", address):
                reason = "has more in it than http(s)://host:port"
            if reason:
                yield f"{section}.{key}: {reason}" if section else f"{key}: {reason}"


def _of_location(pattern: str) -> Iterator[str]:
    """A line for a pattern of locations that is none, or that has no group."""
    try:
        if re.compile(pattern).groups:
            return
        why = "has no group; put what the location is in ( )"
    except (re.error, OverflowError, RecursionError) as error:
        why = f"is no regular expression: {error}"
    yield f"images.location: {shown(pattern)} {why}"


def _of_data_set(config: dict) -> Iterator[str]:
    name, coco = config["name"], config["coco"] or []
    island = f"results/{name}/island/coco.json"
    if config["models"] == name:
        yield "models: it is this run itself; name the run that trained the models"
    if coco == island:
        return
    if name == "demo":
        yield "name: give your data set a name of its own; 'demo' is the synthetic island's"
    if any(re.fullmatch("results/.+/island/coco.json", normpath(one)) for one in listed(coco)):
        yield f"coco: it is another island's; name your COCO JSON, or {island} to draw an island"


def _of_labels(labels: dict) -> Iterator[str]:
    """A line for each label that is no label, or that two settings read in two ways."""
    for key, value in labels.items():
        texts = [*value, *value.values()] if isinstance(value, dict) else value
        for text in texts:
            reason = why_no_label(text)
            if not reason and isinstance(value, list) and re.search("[{}]", text):
                reason = "has { or }, which Snakemake reads as a wildcard; rename it first"
            if reason:
                yield f"labels.{key}: {shown(text)} {reason}"
    for key in ("rename", "high_level"):
        meanings = _clean(labels[key])
        for label, other in labels[key].items():
            if meanings[clean_label(label)] != clean_label(other):
                yield f"labels.{key}: {shown(clean_label(label))} stands twice, with two meanings"
    for key, texts in (labels | {"rename": labels["rename"].values()}).items():
        if key not in ("high_level", "unnamed"):  # renaming goes first there
            yield from _renamed(f"labels.{key}", texts, labels["rename"])


def _renamed(key: str, texts: Iterable[str], rename: dict) -> Iterator[str]:
    """A line for each text that is another label after `labels.rename`."""
    rename = _clean(rename)
    for label in map(clean_label, texts):
        if rename.get(label, label) != label:
            other = shown(rename[label])
            yield f"{key}: {shown(label)} is renamed to {other} by labels.rename; list that"


def _of_species(species: dict, labels: dict) -> Iterator[str]:
    names = [name for side in ("native", "invasive") for name in species[side]]
    slugs = Counter(name_key(slug(name)) for name in names)
    elsewhere = {key: set(_clean(labels[key])) for key in ("drop", "too_general", "unnamed")}
    for name in names:
        label, text = clean_label(name), shown(clean_label(name))
        if reason := why_no_species(name):
            yield f"species: {shown(name)} {reason}"
        elif slugs[name_key(slug(name))] > 1:
            yield f"species: {text} is listed twice, or another one has the same slug"
        if label == UNNAMED:
            yield f"species: {text} is what boxes without an animal's name are called; take it off"
        for key, others in elsewhere.items():
            if label in others:
                yield f"labels.{key}: {text} is listed under species too"
    yield from _renamed("species", names, labels["rename"])


def _of_watch(watch: dict, natives: list[str], labels: dict) -> Iterator[str]:
    """A line for each watched species that is none, that is native, or whose sources are wrong."""
    natives, slugs = set(_clean(natives)), Counter(name_key(slug(name)) for name in watch)
    for name, sources in watch.items():
        key = dotted(("watch", name))
        if reason := why_no_species(name):
            yield f"watch: {shown(name)} {reason}"
        elif slugs[name_key(slug(name))] > 1:
            yield f"watch: {shown(name)} is listed twice, or another one has the same slug"
        if clean_label(name) == UNNAMED:
            yield f"watch: {shown(name)} is what boxes without an animal's name are called"
        for text in sources["labels"]:
            if reason := why_no_label(text):
                yield f"{key}.labels: {shown(text)} {reason}"
        for place, texts in (("watch", [name]), (f"{key}.labels", sources["labels"])):
            yield from _renamed(place, texts, labels["rename"])
            for part in ("drop", "unnamed"):
                for label in set(_clean(labels[part])).intersection(map(clean_label, texts)):
                    yield f"{place}: {shown(label)} is in labels.{part}; take it off one of the two"
            for label in natives.intersection(map(clean_label, texts)):
                yield f"{place}: {shown(label)} is in species.native; take it off one of the two"
        for part in FILES:
            if sources[part] and not sources["photos"]:
                yield f"{key}.{part}: name the folder of its photos as photos"


def _of_times(pattern: str | None) -> Iterator[str]:
    """A line for a pattern of times that Python cannot use, or that holds no year."""
    if pattern in (None, "day_first", "month_first"):
        return
    try:
        datetime.strptime("", pattern)
    except (ValueError, re.error) as error:  # an empty text matches no good pattern
        if "does not match" in str(error) and re.search("%[yYcxG]", pattern):
            return
    yield (
        f"events.datetime_format: {shown(pattern)} is not day_first, month_first or a pattern "
        "such as %d.%m.%Y %H:%M"
    )


def _of_alarm(alarm: dict, detectors: dict) -> Iterator[str]:
    leader = detectors.get(alarm["detector"])
    if leader is None or leader["train_on"] != "natives":
        yield f"alarm.detector: {shown(alarm['detector'])} is no detector fitted on natives"
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

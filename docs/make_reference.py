"""Write docs/config.md, the reference of all keys, from the schema of the config: make docs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "workflow/scripts"))

from stowaway.core.config import load_schema  # noqa: E402

INTRO = """\
# All keys of the config

This page is made from [the schema](../workflow/schemas/config.schema.yaml) by `make docs`;
[config/README.md](../config/README.md) explains by example. A config holds what differs from the
defaults, and is given with `--configfile`. Maps are merged key by key. Lists and single values are
replaced. `null` removes an entry of `detectors`, `labels.rename` or `labels.high_level`. Unknown
keys, wrong types and contradictions end the run before it starts, with a line that names the key.
Threads and memory are no config: they are resources, set by profiles.
"""
TYPES = {"string": "text", "integer": "whole number", "number": "number", "null": "`null`"}
KEY_TABLE = ["| key | meaning | values | default |", "|---|---|---|---|"]


def reference(schema: dict) -> str:
    """The page, for a schema as `load_schema` gives it."""
    sections = {k: rule for k, rule in schema["properties"].items() if rule.get("type") == "object"}
    alone = {k: rule for k, rule in schema["properties"].items() if k not in sections}
    lines = [INTRO, "## The data set", "", *KEY_TABLE, *_rows(alone, "", schema["required"])]
    for name, rule in sections.items():
        lines += ["", f"## {name}", "", rule["description"].strip(), ""]
        if "properties" in rule:
            required = rule.get("required", ())
            lines += [*KEY_TABLE, *_rows(rule["properties"], f"{name}.", required)]
        elif name == "detectors":
            lines += _detectors(rule)
        else:
            below = rule["additionalProperties"]["properties"]
            lines += [*KEY_TABLE, *_rows(below, f"{name}.<species>.", ())]
    return "\n".join(lines) + "\n"


def _rows(properties: dict, prefix: str, required: list[str]) -> Iterator[str]:
    """A row of the table for each key, and for each key below it."""
    for key, rule in properties.items():
        default = "required" if key in required else _default(rule)
        meaning = rule["description"].strip()
        yield f"| `{prefix}{key}` | {meaning} | {_values(rule)} | {default} |"
        yield from _rows(rule.get("properties", {}), f"{prefix}{key}.", ())


def _detectors(rule: dict) -> Iterator[str]:
    """The default detectors, the keys of both kinds of autoencoders, and those of `features`."""
    kinds = {
        case["if"]["properties"]["kind"]["const"]: case["then"]
        for case in rule["additionalProperties"]["allOf"]
    }
    default = yaml.safe_dump(rule["default"], sort_keys=False, default_flow_style=None, width=96)
    yield f"The default detectors:\n\n```\n{default}```\n"
    yield "\n".join(f"- `{kind}`: {rule['description']}" for kind, rule in kinds.items()) + "\n"
    dense, convolutional, features = (kinds[kind]["properties"] for kind in kinds)
    yield "| key | meaning | values | default (dense) | default (convolutional) |"
    yield "|---|---|---|---|---|"
    for key, setting in dense.items():
        if key != "kind":
            yield (
                f"| `detectors.<name>.{key}` | {setting['description']} | {_values(setting)} "
                f"| {_default(setting)} | {_default(convolutional[key])} |"
            )
    yield "\n" + "\n".join(KEY_TABLE)
    features = {key: setting for key, setting in features.items() if key != "kind"}
    yield from _rows(features, "detectors.<name>.", kinds["features"]["required"])


def _values(rule: dict) -> str:
    """What a key may be: values, or a type with its range and unit."""
    if "enum" in rule:
        return ", ".join(f"`{value or 'null'}`" for value in rule["enum"])
    types = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
    if types == ["boolean"]:
        return "`true`, `false`"
    if "array" in types:
        alone = "text, or a " * ("string" in types)
        return f"{alone}list, each: {_values(rule['items'])}"
    if types == ["object"]:
        return "" if "properties" in rule else "map of text to text"
    parts = [" or ".join(TYPES[one] for one in types), _range(rule), rule.get("unit", "")]
    return ", ".join(part for part in parts if part)


def _range(rule: dict) -> str:
    low, high = rule.get("minimum"), rule.get("maximum")
    if "exclusiveMaximum" in rule:
        return f"between {rule['exclusiveMinimum']} and {rule['exclusiveMaximum']}"
    if "exclusiveMinimum" in rule:
        most = f", at most {high:,}" if high is not None else ""
        return f"above {rule['exclusiveMinimum']}{most}"
    if low is not None:
        return f"{low} to {high:,}" if high is not None else f"{low} or more"
    return ""


def _default(rule: dict) -> str:
    if "default" not in rule:
        return ""
    value = rule["default"]
    if isinstance(value, int) and value >= 10_000:
        return f"`{value:_}`"  # as YAML reads it
    return f"`{yaml.safe_dump(value, default_flow_style=True, width=200).splitlines()[0]}`"


if __name__ == "__main__":
    schema = load_schema(ROOT / "workflow/schemas/config.schema.yaml")
    (ROOT / "docs/config.md").write_text(reference(schema))

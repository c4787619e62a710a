import re
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from stowaway.core.config import ConfigError, check_config

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


CLASSIFIER = {
    "kind": "classifier",
    "start": "pretrained",
    "image_size": 224,
    "score": "energy",
    "train_on": "natives",
    "epochs": 1,
    "patience": None,
    "batch_size": 8,
    "learning_rate": 0.0003,
    "precision": "auto",
    "compile": False,
    "seed": 1,
}


def merged(base: dict, overlay: dict) -> dict:
    """As Snakemake merges an overlay: maps key by key, everything else replaced."""
    out = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if both else value
    return out


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_shipped_configs_are_valid(config, path):
    check_config(merged(config, yaml.safe_load(path.read_text())), SCHEMA)


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"detektors": {}}, "detektors: unknown key; did you mean 'detectors'?"),
        (
            {"detectors": {"cae": {"epoch": 3}}},
            "detectors.cae.epoch: unknown key; did you mean 'epochs'",
        ),
        ({"detectors": {"cae": {"epochs": "ten"}}}, "detectors.cae.epochs: 'ten' is not of type"),
        (
            {"detectors": {"cae": {"image_size": 100}}},
            "detectors.cae.image_size: 100 is not a mult",
        ),
        ({"detectors": {"mine": {"kind": "dense"}}}, "detectors.mine.image_size: missing"),
        ({"detectors": {"mine": {"kind": "dense"}}}, "detectors.mine.layers: missing"),
        (
            {"detectors": {"cae": {"kind": "classifier"}}},
            "detectors.cae.score: 'error' is not one of",
        ),
        ({"detectors": {"cae": {"score": "energy"}}}, "detectors.cae.score: 'energy' is not one"),
        (
            {"detectors": {"mine": CLASSIFIER}, "species": {"native": ["fox"]}},
            "detectors.mine.kind: a classifier needs two native species",
        ),
        (
            {"detectors": {"mine": CLASSIFIER | {"start": "scratch"}}},
            "detectors.mine.layers: missing; a classifier from scratch",
        ),
        ({"split": {"fractions": {"test": 0.5}}}, "split.fractions: they sum to 1.3"),
        ({"species": {"invasive": ["Fox"]}}, "species: 'fox' is listed twice"),
        ({"species": {"invasive": ["scrub-jay"]}}, "another one has the same slug"),
        (
            {"species": {"invasive": ["person"]}},
            "labels.drop: 'person' is listed under species too",
        ),
        ({"species": {"invasive": ["bug"]}}, "'bug' is renamed to 'insect'"),
        ({"events": {"gap": 0}}, "events.gap: 0"),
        ({"species": {"native": []}}, "species.native: []"),
        ({"detectors": {"cae": {"image_size": 8}}}, "detectors.cae.layers: too many"),
        ({"name": "../x"}, "name: '../x' does not match"),
        ({"name": "mine"}, "coco: it is the demo island's; name your COCO JSON"),
        ({"coco": "data/mine.json"}, "name: give your data set a name of its own"),
    ],
)
def test_mistakes_name_the_key(config, overlay, message):
    with pytest.raises(ConfigError) as error:
        check_config(merged(config, overlay), SCHEMA)
    assert message in str(error.value)


def test_settings_that_are_not_named_have_the_schemas_defaults(config):
    checked = check_config(merged(config, {"detectors": {"mine": CLASSIFIER}}), SCHEMA)
    cae = checked["detectors"]["cae"]
    assert (cae["loss"], cae["augment"], cae["aspect"]) == ("mse", False, "squeeze")
    assert (checked["detectors"]["mine"]["start"], cae["start"]) == ("pretrained", "scratch")


def test_the_documented_detectors_are_valid(config):
    text = (ROOT / "config/README.md").read_text()
    examples = [yaml.safe_load(part) for part in text.split("```")[1::2] if "kind:" in part]
    for example in examples:
        config = merged(config, example)
    detectors = check_config(config, SCHEMA)["detectors"]
    assert len(examples) > 1 and detectors["classifier"]["augment"]
    assert detectors["vim"]["train_on"] == "natives" and len(detectors["learned"]["of"]) == 3


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"alarm": {"detector": "cae_visualization"}}, "alarm.detector: 'cae_visualization' is no"),
        ({"alarm": {"detector": "no_such"}}, "alarm.detector: 'no_such' is no detector"),
        ({"alarm": {"aim": 2}}, "alarm.aim: 2 is no rate"),
        ({"evaluation": {"networks": ["knn"]}}, "evaluation.networks: 'knn' is no network"),
        ({"evaluation": {"networks": ["cae_visualization"]}}, "is no network trained on natives"),
        ({"evaluation": {"networks": None}}, "evaluation.networks: None is not of type"),
        (
            {"detectors": {"label": {"kind": "features", "method": "knn"}}},
            "detectors.label: a column",
        ),
        (
            {"alarm": {"per_species": True, "target": "alarms_per_week"}},
            "alarm.per_species: a weekly",
        ),
        ({"detectors": {"knn": {"of": ["knn", "gaussian"]}}}, "detectors.knn.of"),
        ({"detectors": {"fusion": {"method": "knnn"}}}, "detectors.fusion.method"),
        (
            {"detectors": {"x": {"kind": "features", "method": "logistic"}}},
            "detectors.x.of: missing",
        ),
    ],
)
def test_what_makes_no_sense_of_alarms_and_features_is_refused(config, overlay, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        check_config(merged(config, overlay), SCHEMA)


def test_null_removes_a_detector(config):
    checked = check_config(merged(config, {"detectors": {"basic": None}}), SCHEMA)
    assert "basic" not in checked["detectors"]
    assert "cae" in checked["detectors"]


def test_null_removes_a_typo_and_labels_are_cleaned(config):
    overlay = {
        "labels": {
            "rename": {"liz": None},
            "high_level": {"Scrub  Jay": "Bird"},
            "drop": ["Empty "],
        },
        "species": {"invasive": ["RAT"]},
    }
    checked = check_config(merged(config, overlay), SCHEMA)
    assert "liz" not in checked["labels"]["rename"]
    assert checked["labels"]["high_level"]["scrub jay"] == "bird"
    assert checked["labels"]["drop"] == ["empty"]
    assert checked["species"]["invasive"] == ["rat"]


def leaves(schema: dict, path: str = ""):
    for key, value in schema.get("properties", {}).items():
        here = f"{path}.{key}" if path else key
        yield here
        yield from leaves(value, here)


def test_every_key_is_documented():
    schema = yaml.safe_load(SCHEMA.read_text())
    text = Path(ROOT / "config/README.md").read_text()
    keys = [*leaves(schema), *leaves(schema["$defs"]["detector"], "detectors.<name>")]
    assert len(keys) > 40
    missing = [key for key in keys if f"`{key}`" not in text]
    assert not missing

import json
import re
import runpy
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from drawn_config import Draw

from conftest import ROOT
from stowaway.core.config import (
    FIXED,
    RETIRED,
    ConfigError,
    check_config,
    load_schema,
    merged,
    taken_over,
)
from stowaway.core.names import listed, name_key, slug, why_unsafe

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
SITE = {"name": "site", "coco": "data/coco.json", "images": {"source": "data/photos"}}
FLOATS = ("limit", "gap", "timeout", "zip_ratio", "max_failed", "max_rejected", "learning_rate")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "config/README.md").read_text(), re.S)


@pytest.fixture
def config():
    """The demo island's config, as it stands in its file."""
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


def leaves(value, key: str = "") -> dict:
    """All values of nested maps by their dotted keys; an empty map is a value."""
    if not isinstance(value, dict) or not value:
        return {key: value}
    return {
        k: v
        for name, below in value.items()
        for k, v in leaves(below, f"{key}.{name}" if key else name).items()
    }


def mistakes(config: dict) -> str:
    with pytest.raises(ConfigError) as error:
        check_config(config, SCHEMA)
    return str(error.value)


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_shipped_configs_are_valid(path):
    check_config(yaml.safe_load(path.read_text()), SCHEMA)


def test_the_schema_is_one_and_its_defaults_are_valid():
    raw = yaml.safe_load(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(raw)
    checked = check_config(SITE, SCHEMA)
    inner = {name: dict(detector) for name, detector in checked["detectors"].items()}
    for detector in inner.values():  # what the check adds to a detector on features is no key
        if detector["kind"] == "features":
            del detector["train_on"], detector["score"]
    jsonschema.validate(checked | {"detectors": inner}, raw)  # by the schema as it is written


def test_a_site_starts_from_neutral_defaults():
    checked = check_config(SITE, SCHEMA)
    assert checked["labels"] == {
        "rename": {},
        "drop": ["empty", "person", "vehicle"],
        "too_general": [],
        "high_level": {},
        "unnamed": "animal unknown unidentified unlabelled none undefined unspecified".split(),
    }
    assert checked["species"] == {"native": [], "invasive": [], "propose_threshold": 100}
    assert checked["split"]["fractions"] == {
        "train": 0.5,
        "val": 0.1,
        "calibration": 0.2,
        "test": 0.2,
    }
    assert checked["images"] == {
        "source": "data/photos",
        "key": "file_name",
        "box": None,
        "location": "([^/]+)/",
        "confidence": {"animal": 0.2, "person": 0.2, "vehicle": 0.2},
        "timeout": 30,
    }


def test_the_default_detectors_in_full():
    detectors = check_config(SITE, SCHEMA)["detectors"]
    names = "basic basic_original basic_visualization cae cae_mended cae_visualization fusion knn"
    assert list(detectors) == [*names.split(), "mahalanobis"]
    training = {"batch_size": 32, "learning_rate": 0.001, "seed": 1}
    plain = training | {"aspect": "squeeze", "loss": "mse", "augment": False, "output": "sigmoid"}
    dense = plain | {"kind": "dense", "image_size": 64, "layers": [64, 32, 64]}
    dense |= {"score": "correlation", "precision": "float32"}
    cae = plain | {"kind": "convolutional", "image_size": 128, "layers": [64, 32, 16]}
    cae |= {"score": "error", "precision": "auto", "epochs": 10, "patience": 3}
    natives, everything = {"train_on": "natives"}, {"train_on": "all"}
    assert detectors["basic"] == dense | natives | {"epochs": 40, "patience": 8}
    original = {"output": "softmax", "epochs": 10, "patience": None}
    assert detectors["basic_original"] == dense | natives | original
    wide = {"layers": [256, 128, 64, 32, 64, 128, 256], "epochs": 12, "patience": 3}
    assert detectors["basic_visualization"] == dense | everything | wide
    assert detectors["cae"] == cae | natives
    mended = {"image_size": 64, "aspect": "pad", "loss": "ssim", "augment": True}
    assert detectors["cae_mended"] == cae | natives | mended | {"score": "latent_knn"}
    assert detectors["cae_visualization"] == cae | everything | {"epochs": 7}
    knn = {"kind": "features", "method": "knn"} | natives
    assert detectors["knn"] == knn | {"score": "knn"}
    of = {"of": ["mahalanobis", "knn"]}
    assert detectors["fusion"] == knn | of | {"method": "rank_average", "score": "rank_average"}


def test_an_entry_is_merged_into_the_default_one_and_a_new_one_has_its_kinds():
    added = {
        "cae": {"patience": 5, "epochs": 15},
        "mine": {"kind": "convolutional", "image_size": 64},
        "gaussian": {"kind": "features", "method": "gaussian"},
    }
    before = check_config(SITE, SCHEMA)["detectors"]
    after = check_config(SITE | {"detectors": added}, SCHEMA)["detectors"]
    assert after["cae"] == before["cae"] | {"epochs": 15, "patience": 5}
    assert after["mine"] == before["cae"] | {"image_size": 64}
    assert after["gaussian"] == before["knn"] | {"method": "gaussian", "score": "gaussian"}
    assert set(after) == {*before, "mine", "gaussian"}
    # the order in which a user writes settings is no change of them
    assert list(after["cae"]) == list(before["cae"])


def test_null_removes_a_detector_from_the_evaluation_too():
    detectors = {"basic_original": None, "cae": {"epochs": 3}}
    checked = check_config(SITE | {"detectors": detectors}, SCHEMA)
    assert "basic_original" not in checked["detectors"] and "basic" in checked["detectors"]
    assert checked["evaluation"]["networks"] == ["cae"]


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


def test_a_watched_species_has_clean_names_whole_paths_and_no_sources_by_default(
    config, monkeypatch
):
    monkeypatch.setenv("HOME", "/home/ann")
    rat = {"labels": ["Ship  RAT", "ship rat"], "crops": ["Cam7/1.jpg"], "photos": "~/rats"}
    rat["coco"] = "file:///data/rats.json"
    checked = check_config(merged(config, {"watch": {" Ratt": rat, "stoat": {}}}), SCHEMA)["watch"]
    assert checked["ratt"] == {
        "labels": ["ship rat"],
        "crops": ["Cam7/1.jpg"],
        "photos": "/home/ann/rats",
        "coco": "/data/rats.json",
        "detections": None,
    }
    none = {"labels": [], "crops": [], "photos": None, "coco": None, "detections": None}
    assert checked["stoat"] == none
    assert check_config(SITE, SCHEMA)["watch"] == {}


def test_what_is_given_is_kept_and_the_given_config_stays_as_it_is(config):
    given = merged(config, {"detectors": {"cae": {"epochs": 3}}, "tsne": {"perplexities": [7]}})
    before = yaml.safe_dump(given)
    checked = leaves(check_config(given, SCHEMA))
    assert yaml.safe_dump(given) == before
    assert all(checked[key] == value for key, value in leaves(given).items())


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"detektors": {}}, "detektors: unknown key; did you mean 'detectors'?"),
        ({"detectors": {"cae": {"epoch": 3}}}, "cae.epoch: unknown key; did you mean 'epochs'"),
        (
            {"detectors": {"cae": {"epochs": "ten"}}},
            "detectors.cae.epochs: 'ten' is not a whole number",
        ),
        (
            {"detectors": {"cae": {"epochs": None}}},
            "detectors.cae.epochs: null is not a whole number",
        ),
        ({"detectors": {"cae": {"image_size": 100}}}, "cae.image_size: 100 is not a multiple of 8"),
        ({"detectors": {"cae": {"image_size": 8}}}, "detectors.cae.layers: too many"),
        ({"detectors": {"mine": {"epochs": 3}}}, "detectors.mine.kind: missing"),
        ({"detectors": {"mine": {"kind": "dens"}}}, "detectors.mine.kind: 'dens' is not one of"),
        ({"detectors": {"mine": {"kind": "features"}}}, "detectors.mine.method: missing"),
        ({"detectors": {"cae": {"method": "knn"}}}, "detectors.cae.method: unknown key"),
        ({"detectors": {"knn": {"epochs": 3}}}, "detectors.knn.epochs: unknown key"),
        ({"detectors": {"cae": 3}}, "detectors.cae: 3 is not a map"),
        ({"detectors": [1]}, "detectors: a list is not a map"),
        ({"evaluation": None}, "evaluation: null is not a map"),
        ({"labels": {"rename": None}}, "labels.rename: null is not a map"),
        ({"split": {"fractions": {"test": 0.5}}}, "split.fractions: they sum to 1.3"),
        ({"species": {"invasive": ["Fox"]}}, "species: 'fox' is listed twice"),
        ({"species": {"invasive": ["scrub-jay"]}}, "another one has the same slug"),
        ({"species": {"invasive": ["person"]}}, "labels.drop: 'person' is listed under species"),
        ({"species": {"invasive": ["animal"]}}, "labels.unnamed: 'animal' is listed under species"),
        (
            {"species": {"native": ["Unnamed"]}},
            "species: 'unnamed' is what boxes without an animal's",
        ),
        ({"species": {"invasive": ["bug"]}}, "'bug' is renamed to 'insect'"),
        ({"events": {"gap": 0}}, "events.gap: 0"),
        ({"name": "../x"}, "name: '../x' is not a name of letters"),
        ({"name": "mine"}, "coco: it is another island's; name your COCO JSON"),
        ({"coco": "data/mine.json"}, "name: give your data set a name of its own"),
        ({"alarm": {"detector": "cae_visualization"}}, "alarm.detector: 'cae_visualization' is no"),
        ({"alarm": {"detector": "no_such"}}, "alarm.detector: 'no_such' is no detector"),
        ({"alarm": {"limit": 2}}, "alarm.limit: 2 is no rate"),
        (
            {"alarm": {"per_species": True, "target": "alarms_per_week"}},
            "alarm.per_species: a weekly",
        ),
        ({"evaluation": {"networks": ["knn"]}}, "evaluation.networks: 'knn' is no network"),
        ({"evaluation": {"networks": ["cae_visualization"]}}, "is no network trained on natives"),
        ({"evaluation": {"networks": None}}, "evaluation.networks: null is not a list"),
        ({"evaluation": {"other_site": "demo"}}, "evaluation.other_site: this is the run itself"),
        ({"detectors": {"label": {"kind": "dense"}}}, "detectors.label: a column"),
        ({"detectors": {"shortcut_x": {"kind": "dense"}}}, "detectors.shortcut_x: a column"),
        (
            {"detectors": {"knn": {"of": ["knn", "gaussian"]}}},
            "knn.of: only rank_average fuses",
        ),
        ({"watch": {"Fox": {}}}, "watch: 'fox' is in species.native; take it off one of the two"),
        ({"watch": {"rat": {"labels": ["FOX"]}}}, "watch.rat.labels: 'fox' is in species.native"),
        ({"watch": {"bug": {}}}, "watch: 'bug' is renamed to 'insect' by labels.rename; list that"),
        ({"watch": {"rat": {"labels": ["bug"]}}}, "watch.rat.labels: 'bug' is renamed to 'insect'"),
        ({"watch": {"empty": {}}}, "watch: 'empty' is in labels.drop; take it off one of the two"),
        (
            {"watch": {"rat": {"labels": ["Beast"]}}, "labels": {"unnamed": ["beast"]}},
            "watch.rat.labels: 'beast' is in labels.unnamed; take it off",
        ),
        ({"watch": {"ship rat": {}, "Ship-Rat": {}}}, "watch: 'Ship-Rat' is listed twice, or"),
        ({"watch": {"unnamed": {}}}, "watch: 'unnamed' is what boxes without an animal's name"),
        ({"watch": {"a{b}": {}}}, "watch: 'a{b}' has { or }"),
        (
            {"watch": {"rat": {"coco": "rats.json"}}},
            "watch.rat.coco: name the folder of its photos",
        ),
        ({"watch": {"rat": {"detections": "md.json"}}}, "watch.rat.detections: name the folder of"),
        ({"watch": {"rat": {"photos": "s3://x/rats"}}}, "watch.rat.photos: is an address; name a"),
        ({"watch": {"rat": {"photos": " rats"}}}, "watch.rat.photos: has blanks around it or"),
        ({"watch": {"rat": {"photos": __file__}}}, "watch.rat.photos: is a file; name the folder"),
        ({"watch": {"rat": {"photos": "x", "coco": "/tmp"}}}, "watch.rat.coco: is a folder; name"),
        (
            {"watch": {"rat": {"photo": "rats"}}},
            "watch.rat.photo: unknown key; did you mean 'photos'",
        ),
        ({"watch": {"rat": "rats/"}}, "watch.rat: 'rats/' is not a map"),
        ({"watch": ["rat"]}, "watch: a list is not a map"),
        ({"detectors": {"fusion": {"method": "knnn"}}}, "detectors.fusion.method: 'knnn' is not"),
        (
            {"detectors": {"x": {"kind": "features", "method": "rank_average"}}},
            "x.of: missing",
        ),
    ],
)
def test_mistakes_name_the_key(config, overlay, message):
    printed = mistakes(merged(config, overlay))
    assert message in printed
    assert printed.endswith("Every key is explained in docs/config.md.")


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("efficientnet_lite0", True),
        ("resnet50", True),
        ("timm/vit_small_patch14_dinov2.lvd142m", True),
        ("timm/hf-hub:timm/ViT-B-16-SigLIP2", True),
        ("open_clip/ViT-B-16.laion2b_s34b_b88k", True),
        ("open_clip/hf-hub:imageomics/bioclip", True),
        ("hf-hub:imageomics/bioclip", False),
        ("timm/", False),
        ("timm/../../etc", False),
        ("timm/hf-hub:imageomics", False),
        ("timm/local-dir:/tmp", False),
        ("torch/resnet50", False),
        ("timm/a b", False),
        ("timm/<b>", False),
        ("timm/resnet18\n", False),
    ],
)
def test_which_names_a_backbone_may_have(config, name, fits):
    config |= {"backbone": {"name": name}}
    if fits:
        assert check_config(config, SCHEMA)["backbone"]["name"] == name
    else:
        with pytest.raises(ConfigError, match="^backbone.name: "):
            check_config(config, SCHEMA)


@pytest.mark.parametrize("wild", [0, 0.003, 0.05])
def test_what_the_schema_accepts_runs_or_is_refused_in_clear_lines(wild):
    rules, accepted, refused = load_schema(SCHEMA), 0, 0
    for seed in range(100):
        given = Draw(seed, wild).value(rules)
        given = given if isinstance(given, dict) else {"given": given}
        try:
            checked = check_config(given, SCHEMA)
        except ConfigError as error:
            refused += 1
            for line in str(error).split("\n"):
                assert line.isprintable() and len(line) < 300 and "s3cret" not in line
                assert re.match(r".+: .|Every key|and \d+ more", line)
        else:
            accepted += 1
            assert_plannable(checked)
    assert accepted >= 5 and refused >= 5


def assert_plannable(config: dict) -> None:
    """What the rules and scripts take for granted of a checked config."""
    json.dumps(config, allow_nan=False)
    for key, some in leaves(config).items():
        for value in some if isinstance(some, list) else [some]:
            if isinstance(value, str):
                assert value.isprintable()
                assert not set("<>") & set(value) or key == "images.location"
                free = key.startswith("labels") or key == "images.location"
                assert not set("{}") & set(value) or free
                assert not value.startswith(("~", "file://"))
            if isinstance(value, float):
                maps = "split.fractions", "images.confidence"
                assert key.endswith(FLOATS) or key.startswith(maps)
            if key.endswith(("seed", "seeds")):
                np.random.RandomState(value)
    for key in ("drop", "too_general"):
        assert not set("{}") & set("".join(config["labels"][key]))
    species = [*config["species"]["native"], *config["species"]["invasive"]]
    names = [*config["detectors"], config["name"], *map(slug, species)]
    assert len({name_key(slug(one)) for one in species}) == len(species)
    assert not [one for one in names if why_unsafe(one) or not re.fullmatch(r"[\w-]+", one)]
    assert not any(Path(one).is_dir() for one in listed(config["coco"] or []))
    leader = config["detectors"][config["alarm"]["detector"]]
    assert leader["train_on"] == "natives"


def test_a_whole_number_may_be_written_with_a_point(config):
    overlay = {
        "shards": 4.0,
        "split": {"seed": 3.0},
        "tsne": {"perplexities": [7.0, 9]},
        "detectors": {"cae": {"image_size": 64.0, "layers": [8.0, 4.0]}},
        "subset": {"per_species": 20.0},
        "events": {"gap": 30.0},
    }
    checked = check_config(merged(config, overlay), SCHEMA)
    whole = [checked["shards"], checked["split"]["seed"], *checked["tsne"]["perplexities"]]
    cae = checked["detectors"]["cae"]
    whole += [cae["image_size"], *cae["layers"], checked["subset"]["per_species"]]
    assert whole == [4, 3, 7, 9, 64, 8, 4, 20] and {type(n) for n in whole} == {int}
    assert type(checked["events"]["gap"]) is float


def test_many_mistakes_are_a_screen_of_lines():
    said = mistakes(SITE | {f"k{n}": 1 for n in range(50)}).splitlines()
    assert len(said) == 22 and said[20] == "and 30 more"


def test_a_map_that_holds_itself_is_refused(config):
    endless = {}
    endless["labels"] = endless
    assert "is nested too deeply" in mistakes(config | {"figures": endless})
    wide = {"a": 1}
    for _ in range(40):  # a thousand million leaves, few maps
        wide = {"a": wide, "b": wide}
    assert "is nested too deeply" in mistakes(config | {"figures": wide})


def test_a_site_without_its_photos_is_told_what_is_missing():
    printed = mistakes({"name": "site"})
    assert printed.splitlines()[:2] == [
        "coco: missing; name a COCO JSON here, or results of MegaDetector as detections",
        "images.source: missing",
    ]


@pytest.mark.parametrize(
    ("overlay", "lines"),
    [
        ({"alarm": {"aim": 0.2}}, ["alarm.aim: it is called alarm.limit now"]),
        (
            {"detectors": {"cae": {"compile": False, "start": "scratch"}}},
            [
                "detectors.cae.compile: networks are never compiled; take the key out",
                "detectors.cae.start: networks start from random weights; take the key out",
            ],
        ),
        (
            {"detectors": {"mine": {"kind": "classifier", "score": "energy", "layers": [8]}}},
            [
                "detectors.mine.kind: classifier is gone; use kind: features with method: "
                "head_energy or head_vim",
                "detectors.mine.score: energy is gone; use kind: features with method: head_energy",
            ],
        ),
        (
            {"detectors": {"cae": {"score": "vim"}}},
            ["detectors.cae.score: vim is gone; use kind: features with method: head_vim"],
        ),
        (
            {"detectors": {"knn": {"method": "mixture"}, "fusion": {"method": "logistic"}}},
            [
                "detectors.knn.method: mixture is gone; use mahalanobis or gaussian",
                "detectors.fusion.method: logistic is gone; use rank_average",
            ],
        ),
        (
            {"detectors": {"fusion": {"of": ["knn", "one_class_svm", "isolation_forest"]}}},
            [
                "detectors.fusion.of.1: one_class_svm is gone; use knn",
                "detectors.fusion.of.2: isolation_forest is gone; use knn",
            ],
        ),
    ],
)
def test_a_retired_key_says_what_to_use_instead_and_nothing_else(overlay, lines):
    assert mistakes(SITE | overlay).splitlines()[:-1] == lines


def test_retired_keys_stand_beside_other_mistakes():
    printed = mistakes(SITE | {"alarm": {"aim": 0.2}, "specie": {}})
    assert "alarm.limit" in printed and "specie: unknown key; did you mean 'species'?" in printed


def test_no_key_is_both_retired_and_known():
    checked = check_config(SITE, SCHEMA)
    known = leaves(checked)
    keys = {f"detectors.*.{key}" for d in checked["detectors"].values() for key in d} | known.keys()
    assert not [pattern for pattern in RETIRED if pattern in keys]


@pytest.mark.parametrize("example", range(len(EXAMPLES)))
def test_the_documented_examples_are_valid(example):
    given = yaml.safe_load(EXAMPLES[example])
    checked = leaves(check_config(merged(SITE, given), SCHEMA))
    for key, value in leaves(given).items():
        removed = value is None and not [k for k in checked if k.startswith(f"{key}.")]
        assert removed or checked[key] == value


def test_the_guide_is_a_page_of_examples():
    text = (ROOT / "config/README.md").read_text()
    assert len(EXAMPLES) >= 6 and len(text.splitlines()) < 110


def test_the_reference_is_made_from_the_schema():
    reference = runpy.run_path(str(ROOT / "docs/make_reference.py"))["reference"]
    page = (ROOT / "docs/config.md").read_text()
    assert reference(load_schema(SCHEMA)) == page, "docs/config.md is old; run: make docs"
    schema = load_schema(SCHEMA)
    kinds = [case["then"] for case in detector_rule(schema)["allOf"]]
    keys = [*documented(schema), *(f"detectors.<name>.{k}" for r in kinds for k in r["properties"])]
    assert len(keys) > 80
    assert not [key for key in keys if f"`{key}`" not in page and not key.endswith("kind")]


def detector_rule(schema: dict) -> dict:
    return schema["properties"]["detectors"]["additionalProperties"]


def documented(schema: dict, path: str = ""):
    """All keys that have no keys below them."""
    for key, rule in schema["properties"].items():
        here = f"{path}.{key}" if path else key
        if "properties" in rule:
            yield from documented(rule, here)
        elif here == "watch":
            yield from documented(rule["additionalProperties"], "watch.<species>")
        elif here != "detectors":
            yield here


@pytest.fixture
def facts():
    """What a batch knows of the run whose models score it."""
    checked = check_config(SITE, SCHEMA)
    keys = "labels species events backbone detectors alarm split crops".split()
    return {"run": "site", "config": {key: checked[key] for key in keys}}


WEEK = {"name": "week", "models": "site", "coco": "week.json", "images": {"source": "photos"}}


def test_a_batch_takes_over_what_the_models_hold_for(facts):
    checked = check_config(taken_over(WEEK | {"alarm": {"limit": 0.3}}, facts), SCHEMA)
    assert checked["alarm"] == facts["config"]["alarm"] | {"limit": 0.3}
    for key in ("detectors", "backbone", "labels", "split", "crops"):
        assert checked[key] == facts["config"][key]


@pytest.mark.parametrize("section, key", FIXED)
def test_a_batch_sets_nothing_that_its_models_were_made_with(facts, section, key):
    same = facts["config"][section][key]
    assert taken_over(WEEK | {section: {key: same}}, facts)[section] == facts["config"][section]
    with pytest.raises(ConfigError, match=f"{section}.{key}: a batch takes it from the run site"):
        taken_over(WEEK | {section: {key: "other"}}, facts)


def test_a_batch_watches_for_none_of_the_natives_of_its_models(facts):
    facts["config"]["species"]["native"] = ["fox"]
    given = taken_over(WEEK | {"watch": {"rat": {}}}, facts)
    assert list(check_config(given, SCHEMA)["watch"]) == ["rat"]
    with pytest.raises(ConfigError, match="watch: 'fox' is in species.native"):
        check_config(taken_over(WEEK | {"watch": {"fox": {}}}, facts), SCHEMA)


@pytest.mark.parametrize("key", ["species", "detectors", "split"])
def test_a_batch_has_no_species_and_no_detectors(facts, key):
    with pytest.raises(ConfigError, match=f"{key}: a batch takes it from the run site"):
        taken_over(WEEK | {key: {}}, facts)

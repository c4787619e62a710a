"""What a batch reads of another run's models: whole, of one pair, and with the same backbone."""

import json

import numpy as np
import pandas as pd
import pytest

from stowaway.core.script import BadInput
from stowaway.data.exact_copies import CHECKSUMS
from stowaway.models.facts import check_backbone, read_facts
from stowaway.review.trained import CALIBRATION, Gallery, Trained, load, save

FACTS = {
    "stowaway": "1",
    "run": "site",
    "made": "2026-11-28",
    "backbone": {"name": "lite0", "weights_sha256": "a" * 64},
    "natives": {"fox": {"crops": 2}},
    "calibration": {"events": 1},
    "native_events_per_camera_day": 1,
    "config": {"detectors": {"knn": {"kind": "features"}}},
}
OF_ANOTHER_KIND = [
    *({key: value} for key in FACTS for value in (None, [])),
    *({key: "x"} for key in FACTS if not isinstance(FACTS[key], str)),
    {"config": {}},
    {"config": {"detectors": []}},
    {"config": {"detectors": {"knn": None}}},
    {"arrays_sha256": None},
]


@pytest.fixture
def site(tmp_path):
    """The folder of a run called site, with models.json and models.npz."""
    folder = tmp_path / "site"
    folder.mkdir()
    write(folder, "first")
    return folder


def write(folder, reviewed: str) -> None:
    texts, one = np.array(["x"]), np.ones((1, 2), np.float32)
    columns = [*CALIBRATION, *CHECKSUMS]
    calibration = pd.DataFrame({name: ["x"] for name in columns}).assign(score=1.0)
    gallery = Gallery(one, texts, texts, np.array([b"x"]))
    trained = Trained(
        FACTS, {}, calibration, one, np.ones(1), gallery, None, np.nan, np.array([reviewed])
    )
    save(trained, folder / "models.npz", folder / "models.json")


def test_models_come_back(site):
    trained = load(site / "models.npz", site / "models.json")
    assert trained.facts.items() >= FACTS.items()
    assert trained.reviewed.tolist() == ["first"]


@pytest.mark.parametrize("change", OF_ANOTHER_KIND, ids=str)
def test_facts_of_another_kind_are_damaged_and_the_run_to_run_again_is_named(site, change):
    path = site / "models.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadInput, match="damaged .*; run site again with --forcerun export_models"):
        read_facts(path)


def test_facts_that_are_cut_or_lack_a_key_are_damaged(site):
    path = site / "models.json"
    text = path.read_text()
    lacking = [json.dumps({k: v for k, v in json.loads(text).items() if k != key}) for key in FACTS]
    for content in ("", text[: len(text) // 2], "[]", "5", *lacking):
        path.write_text(content)
        with pytest.raises(BadInput, match="damaged"):
            read_facts(path)
    path.unlink()
    with pytest.raises(BadInput, match="there is no .*models.json; run site first"):
        read_facts(path)


def test_arrays_of_another_time_or_cut_are_refused_and_the_run_is_named(site):
    facts, arrays = site / "models.json", site / "models.npz"
    kept, whole = facts.read_text(), arrays.read_bytes()
    for content in (b"", whole[:100], whole[:-1]):
        arrays.write_bytes(content)
        with pytest.raises(BadInput, match="run site again"):
            load(arrays, facts)
    write(site, "second")
    facts.write_text(kept)
    with pytest.raises(BadInput, match="not the one that models.json was written with"):
        load(arrays, facts)


def test_another_backbone_is_named():
    wanted = FACTS["backbone"]
    check_backbone("site", wanted, wanted | {"precision": "float32"})
    check_backbone("site", wanted | {"licence": "mit"}, wanted | {"licence": "apache-2.0"})
    for change, words in (
        ({"name": "lite4"}, "another name .lite0. than this run's .lite4."),
        ({"weights_sha256": "b" * 64}, "other weights .aaaaaaaaaaaa. than this run's .bbbb"),
    ):
        with pytest.raises(BadInput, match=f"models of site were made with {words}.*run site"):
            check_backbone("site", wanted, wanted | change)
    with pytest.raises(BadInput, match="another name"):
        check_backbone("site", wanted, {})

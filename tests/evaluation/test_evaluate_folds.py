"""From scores of detectors to the tables of the evaluation, by the rules' own functions."""

import numpy as np
import pandas as pd
import pytest
from made_up_folds import DETECTORS, days_of, labels_of, shortcuts_of, table_of
from sklearn.metrics import roc_auc_score

from evaluate_folds import evaluate_folds
from score_fold import score_fold, shortcut_scores
from stowaway.core.script import BadInput
from stowaway.core.tables import read_table
from stowaway.data.shortcuts import COLUMNS
from stowaway.detectors.registry import fit_all, save_all

ROLES = ["train", "train", "train", "train", "val", "calibration", "calibration", "test", "test"]


@pytest.fixture
def crops():
    """Two native species and a novel one, ten events of three crops each."""
    lines = []
    for species in ("ant", "bee", "rat"):
        for n in range(30):
            role = "novel" if species == "rat" else [*ROLES, "unlisted"][n // 3]
            line = {"crop_id": f"{species}{n}", "species": species, "event": f"{species}{n // 3}"}
            lines.append(line | {"role": role, "location": f"place{n // 3 % 4}"})
    return pd.DataFrame(lines).assign(row=range(90))


@pytest.fixture
def site(crops, tmp_path):
    """The files of a fold: returns the arguments of score_fold, and the network's scores."""
    rng = np.random.default_rng(1)
    labels = labels_of(crops)
    labels["location"] = crops["location"]
    labels.to_csv(tmp_path / "labels.csv", index=False)
    splits = crops.drop_duplicates("event")[["event", "species", "role", "location"]]
    splits.assign(group=splits["event"], boxes=3).to_csv(tmp_path / "splits.csv", index=False)
    values = pd.DataFrame(rng.random((90, len(COLUMNS))), columns=COLUMNS)
    values.insert(0, "crop_id", crops["crop_id"])
    values.to_csv(tmp_path / "shortcuts.csv", index=False)
    features = rng.normal(size=(90, 20)) + 5 * np.eye(20)[np.arange(90) // 30]
    np.save(tmp_path / "features.npy", features)
    detectors = fit_all({"class_mean": {"method": "class_mean"}}, features, crops)
    save_all(tmp_path / "feature_detectors.npz", detectors)
    network = crops[["crop_id"]].assign(score=rng.random(90))
    network.sample(frac=1, random_state=1).to_csv(tmp_path / "cae.csv", index=False)
    names = ["labels.csv", "splits.csv", "shortcuts.csv", "cae.csv", "features.npy"]
    labels, splits, shortcuts, cae, features = (tmp_path / name for name in names)
    arguments = [labels, splits, shortcuts, [cae], features, tmp_path / "feature_detectors.npz"]
    return arguments, network.set_index("crop_id")["score"]


def test_a_fold_has_a_score_of_each_detector_for_events_without_a_training_crop(
    crops, site, tmp_path
):
    arguments, network = site
    splits = pd.read_csv(arguments[1])
    score_fold(*arguments, tmp_path / "scores.csv", threads=1)
    scores = read_table(tmp_path / "scores.csv")
    expected = crops[crops["role"] != "train"]
    assert scores["crop_id"].tolist() == expected["crop_id"].tolist()
    facts = "crop_id species role event group location predicted similarity second".split()
    facts += ["second_similarity", "class_mean", "cae"]
    assert list(scores)[:12] == facts and list(scores)[12].startswith("shortcut_")
    assert scores["role"].tolist() == expected["role"].tolist()
    assert scores["cae"].tolist() == network[scores["crop_id"]].tolist()
    natives = scores["species"] != "rat"
    assert (scores["predicted"] == scores["species"])[natives].all()
    novel = scores["role"].isin(["novel"])
    compared = novel | (scores["role"] == "test")
    assert roc_auc_score(novel[compared], scores["class_mean"][compared]) > 0.9
    # an unlisted animal in the event of a training native leaves with it
    line = {
        "event": "ant0",
        "species": "moth",
        "role": "unlisted",
        "location": "x",
        "group": "ant0",
    }
    pd.concat([splits, pd.DataFrame([line])]).to_csv(arguments[1], index=False)
    labels = pd.read_csv(arguments[0])
    labels.loc[0, "species_label"] = "moth"
    labels.to_csv(arguments[0], index=False)
    score_fold(*arguments, tmp_path / "scores.csv", threads=1)
    assert read_table(tmp_path / "scores.csv")["crop_id"].tolist() == expected["crop_id"].tolist()


def test_without_features_a_fold_has_networks_and_shortcuts(site, tmp_path):
    arguments, _ = site
    score_fold(*arguments[:4], [], [], tmp_path / "scores.csv", threads=1)
    scores = read_table(tmp_path / "scores.csv")
    assert (scores["predicted"] == "").all() and "cae" in scores and "class_mean" not in scores


def test_files_with_other_crops_than_the_labels_are_named(site, tmp_path):
    arguments, _ = site
    for place, rule in ((2, "measure_shortcuts"), (4, "extract_features")):
        path = arguments[place]
        content = path.read_bytes()
        if path.suffix == ".npy":
            np.save(path, np.load(path)[:-1])
        else:
            path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
        with pytest.raises(BadInput, match=f"{path.name}: damaged .* --forcerun {rule}$"):
            score_fold(*arguments, tmp_path / "scores.csv", threads=1)
        path.write_bytes(content)
    network = tmp_path / "scores" / "cae.csv"
    network.parent.mkdir()
    network.write_text("crop_id,score\n")
    with pytest.raises(BadInput, match="cae.csv: damaged .* --forcerun score_crops$"):
        score_fold(*arguments[:3], [network], [], [], tmp_path / "scores.csv", threads=1)


def test_shortcuts_know_the_length_of_an_event_and_how_rare_a_location_is(crops, site):
    shortcuts = pd.read_csv(site[0][2])
    crops.loc[0, "location"] = "nowhere"
    scores = shortcut_scores(crops, shortcuts)
    assert {f"shortcut_{name}" for name in COLUMNS} < set(scores)
    assert (scores["shortcut_event_size"] == 0).all()  # all have three crops
    assert scores["shortcut_location"].idxmax() == 0
    fitted = crops["role"].isin(["train", "val"])
    area = np.log1p(shortcuts["area"])
    expected = (area - area[fitted].median()).abs()
    np.testing.assert_allclose(scores["shortcut_area"], expected)


def test_both_scopes_have_the_same_columns(tmp_path, capsys):
    table = table_of(1)
    labels_of(table).to_csv(tmp_path / "labels.csv", index=False)
    shortcuts_of(table).to_csv(tmp_path / "shortcuts.csv", index=False)
    days_of(table).to_csv(tmp_path / "camera_days.csv", index=False)
    paths = []
    for fold, seed in (("listed", 1), ("leave_out_ant", 1), ("leave_out_ant", 2)):
        paths.append(tmp_path / "folds" / fold / str(seed) / "scores.csv")
        paths[-1].parent.mkdir(parents=True)
        table_of(seed).to_csv(paths[-1], index=False)
    lead = {"detector": "good", "kind": "features", "target": "false_alarm_rate", "limit": 0.1}
    lead |= {"per_species": False}
    columns = {}
    for scope, of_scope, leader in (("one", paths[:1], lead), ("all", paths, None)):
        outs = {name: tmp_path / f"{scope}_{name}.csv" for name in ("metrics", "comparison")}
        outs |= {name: tmp_path / f"{scope}_{name}.csv" for name in ("alarms", "curves")}
        names = "labels.csv", "shortcuts.csv", "camera_days.csv"
        inputs = of_scope, *(tmp_path / name for name in names)
        others = {"detectors": DETECTORS, "groups": {}, "lead": leader}
        evaluate_folds(*inputs, **outs, **others, by_time=False, resamples=100, seed=1)
        tables = {name: read_table(path) for name, path in outs.items()}
        columns[scope] = {name: list(of) for name, of in tables.items()}
        folds = {"listed"} if scope == "one" else {"listed", "leave_out"}
        assert all(set(of["fold"]) == folds for of in tables.values())
        assert ("yes" in set(tables["alarms"]["asked"])) == (scope == "one")
    assert columns["one"] == columns["all"]
    few = "listed: 10 calibration groups are too few for 5% false alarms, which need 19"
    assert few in capsys.readouterr().err

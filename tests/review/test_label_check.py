"""Wrong labels among the natives, on made-up features; cross-conformal p-values by hand."""

import numpy as np
import pandas as pd
import pytest
from test_queue import ALARM, REVIEW, both_of, crops

from check_labels import check_labels
from stowaway.core.script import BadInput
from stowaway.core.tables import read_sheet, read_table
from stowaway.data.roles import Role
from stowaway.review import label_check
from stowaway.review.label_check import cross_fit, cross_p_values, doubts, folds_of

KNN = {"kind": "features", "method": "knn"}
ROLES = [Role.TRAIN, Role.VAL, Role.CALIBRATION, Role.TEST]


def natives(events: int = 30) -> tuple[pd.DataFrame, np.ndarray]:
    """Two crops of each event of three species in 8 dimensions, and a rat in no list.

    A rat, near the mice, is labelled mouse in one event, a fox is labelled mouse in another.
    """
    rng = np.random.default_rng(0)
    means = {"fox": 4 * np.eye(8)[0], "jay": 4 * np.eye(8)[1], "mouse": 4 * np.eye(8)[2]}
    rows, features = [], []
    for number in range(3 * events):
        species = list(means)[number % 3]
        mean = means[species]
        if number in (5, 8):  # mice by their label
            mean = {5: means["mouse"] + 3 * np.eye(8)[3], 8: means["fox"]}[number]
        for frame in range(2):
            rows.append((f"c{number}{frame}", species, f"e{number}", ROLES[number % 4]))
            features.append(mean + rng.normal(scale=0.5, size=8))
    rows.append(("other", "rat", "x", Role.NOVEL))
    features.append(np.zeros(8))
    table = pd.DataFrame(rows, columns=["crop_id", "species", "event", "role"])
    table = table.assign(group=table["event"], location="east", image_path="x.jpg")
    return table.assign(row=np.arange(len(table))), np.array(features)


def test_planted_wrong_labels_are_doubted_most():
    table, features = natives()
    doubted = doubts(cross_fit(table, features, KNN, 1))
    assert list(doubted) == label_check.COLUMNS and len(doubted) == 180
    assert set(doubted["event"][:4]) == {"e5", "e8"}
    first = doubted.set_index("event")
    assert set(first.loc["e8", "suggested"]) == {"fox"}
    assert set(first.loc["e5", "suggested"]) == {"mouse"}  # nearest, and yet far
    assert set(first.loc[["e5", "e8"], "species"]) == {"mouse"}
    # 30 groups of mice: of the other 29 none, or half the other wrong one, is as far
    assert first.loc[["e5", "e8"], "p_value"].max() <= 2 / 30 + 1e-9
    assert first["p_value"].min() == pytest.approx(1 / 30)


def test_no_crop_is_scored_by_what_its_group_is_part_of(monkeypatch):
    table, features = natives(10)
    fitted, fit_all = [], label_check.registry.fit_all
    monkeypatch.setattr(
        label_check.registry, "fit_all", lambda *a: fitted.append(set(a[2]["group"])) or fit_all(*a)
    )
    checked = cross_fit(table, features, KNN, 1)
    assert len(fitted) == 5 and all(len(groups) == 24 for groups in fitted)
    # each group is left out once
    assert sum(fitted.count(g) for g in fitted) == 5
    counts = pd.Series([group for groups in fitted for group in groups]).value_counts()
    assert set(counts) == {4} and len(counts) == 30
    assert checked["crop_id"].tolist() == table["crop_id"].tolist()[:-1]


def test_folds_are_even_and_one_group_is_an_error():
    fold = folds_of(np.array(list("aabbccddeefg")), 3, 1)
    assert [len({*np.array(list("aabbccddeefg"))[fold == n]}) for n in range(3)] == [3, 2, 2]
    assert (fold[0::2][:5] == fold[1::2][:5]).all()
    with pytest.raises(BadInput, match="all natives are of one group"):
        folds_of(np.array(["a", "a"]), 5, 1)


def test_a_species_of_one_group_has_no_doubt_and_comes_last():
    table, features = natives(10)
    table.loc[table["event"] == "e0", "species"] = "vole"
    doubted = doubts(cross_fit(table, features, KNN, 1))
    assert doubted["species"].tolist()[-2:] == ["vole", "vole"]
    assert doubted["doubt"].isna().sum() == 2 and doubted["p_value"].tolist()[-2:] == [1, 1]


def test_cross_conformal_p_values_leave_out_the_own_group():
    known = pd.DataFrame({"group": list("aabcd"), "score": [9, 1, 5, 7, 3]})
    units = pd.DataFrame({"group": list("acde"), "score": [9, 7, 2, 7]})
    # a: none of b, c, d; c: half of a; d at 2: b, c and half of a; e, unknown: c and half of a
    expected = [1 / 4, 1.5 / 4, 3.5 / 4, 2.5 / 5]
    assert cross_p_values(known, units) == pytest.approx(expected)


def test_cross_conformal_p_values_are_about_even():
    rng = np.random.default_rng(0)
    known = pd.DataFrame({"group": np.arange(400), "score": rng.normal(size=400)})
    values = cross_p_values(known, known)
    assert [np.mean(values <= rate) for rate in (0.05, 0.1, 0.5)] == pytest.approx([0.05, 0.1, 0.5])


def test_all_natives_join_the_queue_with_their_roles():
    table = pd.concat(
        [crops("train", range(5)), crops("calibration", range(19)), crops("test", [3, 4])],
        ignore_index=True,
    )
    cross = table.copy()
    wrong = cross["event"] == "train2"
    cross.loc[wrong, "score"] += 50  # a rat by its score, where nothing was fitted on it
    queue, _ = both_of(table, cross_fitted=cross)
    assert len(queue) == 26 and set(queue["role"]) == {"train", "calibration", "test"}
    row = queue.loc["train2"]
    assert row[["rank", "score", "alarm", "sampled"]].tolist() == [1, 52, "yes", "alarm"]
    assert row["p_value"] == pytest.approx(1 / 26)
    # of the 25 others, train2 and 18 to 5 of calibration are above 4, and train, test, it as high
    assert queue.loc["calibration4", "p_value"] == pytest.approx((1 + 1 + 14 + 2) / 26)
    assert queue.loc["test1", "p_value"] == pytest.approx((1 + 15) / 20)  # by the run's own
    per_species = ALARM | {"per_species": True}
    cross.loc[cross["event"].isin(["train1", "train2"]), "predicted"] = "jay"
    queue, _ = both_of(table, per_species, cross_fitted=cross)
    assert queue.loc[["train1", "train2"], "p_value"].tolist() == [1, 0.5]


def test_both_tables_are_written(tmp_path):
    table, features = natives(10)
    labels = table.rename(columns={"species": "species_label"}).assign(datetime="", image_id="i")
    labels["image_id"] = labels["crop_id"]
    labels.drop(columns=["role", "group", "row"]).to_csv(tmp_path / "labels.csv", index=False)
    table["species event role group location".split()].drop_duplicates().to_csv(
        tmp_path / "splits.csv", index=False
    )
    np.save(tmp_path / "features.npy", features.astype(np.float32))
    made = tmp_path / "label_check.csv", tmp_path / "cross_scores.csv"
    inputs = (tmp_path / name for name in ("features.npy", "labels.csv", "splits.csv"))
    check_labels(*inputs, *made, KNN, 1, 1)
    assert read_sheet(made[0])["event"][:4].isin(["e5", "e8"]).all()
    assert list(read_table(made[1])) == label_check.SCORES and len(read_table(made[1])) == 60
    assert REVIEW["natives"] == "tested"

"""What examples are worth, on features made by hand: the events that are tested, and scores."""

import json

import numpy as np
import pandas as pd
import pytest

from evaluate_examples import evaluate_examples
from evaluate_learning_curve import evaluate_learning_curve
from score_examples import score_examples
from score_learning_curve import score_learning_curve
from stowaway.core.script import BadInput
from stowaway.core.tables import read_table
from stowaway.data.roles import Role
from stowaway.evaluation.examples import (
    MOST_NATIVES,
    Elsewhere,
    Fold,
    Shortcuts,
    draw_events,
    fitted_natives,
    pool_events,
    score_with_examples,
    share_of_events,
)
from stowaway.evaluation.folds import ELSEWHERE

NUMBERS = [0, 1, 2, 3]


def crops_of(novel_locations=("r0", "r1", "r2", "r3")) -> pd.DataFrame:
    """Two frames to an event: ants and bees, fitted on and tested, and an event of rats a place."""
    events = [(f"a{i}", "ant", "train", f"A{i}") for i in range(6)]
    events += [(f"b{i}", "bee", "val", f"B{i}") for i in range(6)]
    events += [(f"t{i}", ("ant", "bee")[i % 2], "test", f"T{i}") for i in range(6)]
    events += [(f"n{i}", "rat", "novel", place) for i, place in enumerate(novel_locations)]
    crops = pd.DataFrame(events, columns=["event", "species", "role", "location"])
    crops = crops.loc[np.repeat(crops.index, 2)].reset_index(drop=True)
    row = np.arange(len(crops))
    crops["crop_checksum"] = [f"checksum{i}" for i in row]
    return crops.assign(group=crops["event"], row=row, crop_id=row.astype(str), novelty=0.5)


def features_of(crops: pd.DataFrame) -> np.ndarray:
    """Ant, bee and rat each along an axis of their own, with little noise."""
    at = crops["species"].map({"ant": 0, "bee": 1, "rat": 2}).to_numpy()
    return np.eye(5)[at] + np.random.default_rng(0).normal(0, 0.05, (len(crops), 5))


def fold_of(crops: pd.DataFrame, features=None, measures=None) -> Fold:
    """The fold; shortcuts tell nothing apart unless `measures` do."""
    features = features_of(crops) if features is None else features
    noise = np.random.default_rng(1).uniform(size=len(crops))
    measures = pd.DataFrame({"brightness": noise}) if measures is None else measures
    natives = fitted_natives(crops)
    return Fold(crops, natives, features, Shortcuts(crops, measures, natives), np.linspace(0, 1, 9))


def events_tested(scores: pd.DataFrame, detector: str, examples: int) -> set[str]:
    """The novel events that are tested beside the first draw of examples."""
    rows = scores[(scores["detector"] == detector) & (scores["examples"] == examples)]
    rows = rows[rows["draw"] == 0]
    return set(rows.loc[rows["novel"] == 1, "event"])


def auroc(scores: pd.DataFrame) -> pd.Series:
    """By detector and number of examples."""
    metrics, _ = pool_events(scores.assign(fold="leave_out_rat", seed=1), "examples", 100, 0)
    of = metrics[metrics["metric"] == "auroc"]
    return of.set_index(["detector", "examples"])["value"]


def test_one_example_finds_the_rest_where_novelty_and_shortcuts_find_nothing():
    area = auroc(score_with_examples(fold_of(crops_of()), NUMBERS, "leave_out_rat", 1))
    for number in NUMBERS:
        assert area["novelty", number] == 0.5  # all crops are as novel
    for number in NUMBERS[1:]:
        assert area["watch list", number] == area["watch alone", number] == 1
        assert area["shortcuts", number] < 0.9
    assert area["watch list", 0] == 0.5


def test_shortcuts_get_the_same_examples_and_win_where_light_tells_all():
    crops = crops_of()
    bright = pd.DataFrame({"brightness": np.where(crops["species"] == "rat", 200.0, 50.0)})
    nothing = np.random.default_rng(2).normal(size=(len(crops), 5))
    scores = score_with_examples(fold_of(crops, nothing, bright), NUMBERS, "leave_out_rat", 1)
    for number in NUMBERS[1:]:
        assert events_tested(scores, "shortcuts", number) == events_tested(
            scores, "watch alone", number
        )
        assert auroc(scores)["shortcuts", number] == 1
    assert auroc(scores)["watch alone", 1] < 1


def test_events_at_a_location_of_an_example_are_not_tested_but_in_the_row_that_says_so():
    crops = crops_of(["r0", "r0", "r0", "r1"])
    scores = score_with_examples(fold_of(crops), [1], "leave_out_rat", 1)
    (example,) = {"n0", "n1", "n2", "n3"} - events_tested(scores, "watch alone, same locations", 1)
    beside = {"n3"} if example == "n3" else {"n0", "n1", "n2"}
    for detector in ("novelty", "watch list", "watch alone", "shortcuts"):
        assert events_tested(scores, detector, 1) == {"n0", "n1", "n2", "n3"} - beside


def test_unknown_locations_are_each_another():
    crops = crops_of(["unknown"] * 4)
    scores = score_with_examples(fold_of(crops), [1], "leave_out_rat", 1)
    assert len(events_tested(scores, "watch list", 1)) == 3


@pytest.mark.parametrize("unit", ["crop_checksum", "group"])
def test_a_copy_of_an_example_and_its_group_are_not_tested(unit):
    crops = crops_of()
    crops.loc[crops["species"] == "rat", unit] = "same"
    scores = score_with_examples(fold_of(crops), [1], "leave_out_rat", 1)
    assert events_tested(scores, "watch list", 1) == set()


def test_examples_may_be_events_that_are_in_no_metric():
    crops = crops_of()
    crops.loc[crops["event"].isin(["n0", "n1", "n2"]), "role"] = "unlisted"
    scores = score_with_examples(fold_of(crops), [0, 1, 2], "leave_out_rat", 1)
    assert events_tested(scores, "watch list", 0) == {"n3"}
    first = draw_events(crops[crops["species"] == "rat"], "leave_out_rat/rat/0", 1)[0]
    assert events_tested(scores, "watch list", 1) == {"n3"} - {first}


def test_without_a_test_event_left_there_is_no_value_and_it_is_counted():
    scores = score_with_examples(fold_of(crops_of()), [0, 3, 4, 5], "leave_out_rat", 1)
    again = score_with_examples(fold_of(crops_of(["r0"] * 4)), [0, 3, 4, 5], "leave_out_rat", 2)
    runs = pd.concat([scores.assign(seed=1), again.assign(seed=2)]).assign(fold="leave_out_rat")
    metrics, by_species = pool_events(runs, "examples", 100, 0)
    rows = metrics[(metrics["metric"] == "auroc") & (metrics["detector"] == "watch list")]
    rows = rows.set_index("examples")
    assert rows["without"].tolist() == [0, 3, 6, 6] and (rows["runs"] == 6).all()  # of three draws
    assert rows["novel_events"].tolist() == [4, 0.5, 0, 0] and (rows["native_events"] == 6).all()
    assert rows.loc[3, "value"] == 1 and rows.loc[[4, 5], "value"].isna().all()
    assert (by_species["species"] == "rat").all()
    assert by_species.set_index(["detector", "examples", "metric"])["value"].equals(
        metrics.set_index(["detector", "examples", "metric"])["value"]
    )


def test_each_novel_species_is_tested_without_the_others():
    crops = crops_of()
    crops.loc[crops["event"].isin(["n0", "n1"]), "species"] = "cat"
    scores = score_with_examples(fold_of(crops, np.eye(5)[crops["row"] % 5]), [0, 1], "listed", 1)
    novel = scores[scores["novel"] == 1].groupby(["species", "detector", "examples"])["event"]
    assert set(novel.get_group(("cat", "novelty", 0))) == {"n0", "n1"}
    assert set(novel.get_group(("rat", "novelty", 0))) == {"n2", "n3"}


def test_draws_are_nested_and_the_same_each_time_and_seeds_differ():
    crops = pd.DataFrame({"event": [f"e{i}" for i in range(20)]})
    order = draw_events(crops, "a", 1).tolist()
    assert order == draw_events(crops.iloc[::-1], "a", 1).tolist()
    assert order != draw_events(crops, "a", 2).tolist() != draw_events(crops, "b", 2).tolist()
    fold = fold_of(crops_of())
    scores = [score_with_examples(fold, NUMBERS, "leave_out_rat", 1) for _ in range(2)]
    pd.testing.assert_frame_equal(*scores)
    drawn = scores[0].query("detector == 'watch list' and examples == 1 and novel == 1")
    assert drawn.groupby("draw")["event"].agg(frozenset).nunique() > 1  # other events, if by chance
    left = [events_tested(scores[0], "watch list", number) for number in NUMBERS]
    assert all(more > fewer for more, fewer in zip(left, left[1:], strict=False))


def test_examples_of_another_run_leave_all_events_to_test_and_are_never_copies():
    crops = crops_of()
    there = crops_of()
    there = there.assign(role=Role.NEW.value, crop_checksum=[f"other{i}" for i in there["row"]])
    other = Elsewhere("mainland", there, features_of(there))
    scores = score_with_examples(fold_of(crops), NUMBERS, "leave_out_rat", 1, other)
    name = f"{ELSEWHERE}mainland"
    for number in NUMBERS:
        assert events_tested(scores, name, number) == {"n0", "n1", "n2", "n3"}
    area = auroc(scores)
    assert area[name, 0] == 0.5 and area[name, 1] == 1
    copies = Elsewhere("mainland", crops_of(), other.features)
    scores = score_with_examples(fold_of(crops), NUMBERS, "leave_out_rat", 1, copies)
    assert name not in set(scores["detector"])


def test_another_run_of_too_few_events_has_no_value_for_more_examples():
    there = crops_of(["r0"]).assign(crop_checksum="another")
    other = Elsewhere("mainland", there, features_of(there))
    area = auroc(score_with_examples(fold_of(crops_of()), [1, 2], "leave_out_rat", 1, other))
    assert area[f"{ELSEWHERE}mainland", 1] == 1 and np.isnan(area[f"{ELSEWHERE}mainland", 2])


def test_shortcut_features_are_standardised_by_natives_with_their_locations_and_a_constant():
    crops = pd.DataFrame(
        {"event": ["a", "a", "b", "c"], "location": ["A", "A", "unknown", "C"], "row": range(4)}
    )
    measures = pd.DataFrame({"area": np.expm1([1.0, 3.0, 2.0, 5.0])})
    values = Shortcuts(crops, measures, crops.iloc[:3])[np.array([3, 0, 2])]
    spread = np.sqrt(2 / 3)  # of 1, 3, 2
    np.testing.assert_allclose(values[:, 0], [3 / spread, -1 / spread, 0])
    few, many = np.log(2), np.log(3)  # crops of the event: 1 and 2
    mean, deviation = (2 * many + few) / 3, (many - few) * np.sqrt(2) / 3
    np.testing.assert_allclose(values[:, 1], (np.array([few, many, few]) - mean) / deviation)
    np.testing.assert_allclose(values[:, 2], [0, 1, 0])  # at A; C has no native
    np.testing.assert_allclose(values[:, 3], np.sqrt(2))


def test_a_share_has_so_many_events_of_each_species_within_those_of_a_larger_one():
    crops = crops_of()
    natives = crops[crops["role"].isin(["train", "val"])]
    kept = {share: natives[share_of_events(natives, share, 3)] for share in (0.01, 0.5, 1)}
    assert [kept[share].groupby("species")["event"].nunique().tolist() for share in kept] == [
        [1, 1],
        [3, 3],
        [6, 6],
    ]
    assert set(kept[0.01]["event"]) < set(kept[0.5]["event"])
    assert (kept[0.5].groupby("event").size() == 2).all()


def test_heads_are_fitted_on_a_sample_of_many_natives():
    crops = pd.concat([crops_of()] * 300, ignore_index=True)
    natives = fitted_natives(crops)
    assert len(natives) == MOST_NATIVES and set(natives["role"]) == {"train", "val"}


def test_a_value_is_the_mean_over_runs_and_its_interval_resamples_species():
    """Two species: one always found, one never; with equal chances a resample has 0, 1/2 or 1."""
    rows = []
    for species, score in (("rat", 1.0), ("cat", -1.0)):
        rows += [(species, f"{species}{i}", 1, score) for i in range(4)]
        rows += [(species, f"native{i}", 0, 0.0) for i in range(4)]
    scores = pd.DataFrame(rows, columns=["species", "event", "novel", "score"])
    scores = scores.assign(fold="f", seed=1, draw=0, detector="d", share=1.0)
    metrics, by_species = pool_events(scores, "share", 400, 0)
    row = metrics.set_index("metric").loc["auroc"]
    assert (row["value"], row["low"], row["high"], row["ceiling"]) == (0.5, 0, 1, 1)
    assert (row["species"], row["runs"], row["without"]) == (2, 2, 0)
    area = by_species[by_species["metric"] == "auroc"].set_index("species")["value"]
    assert area.to_dict() == {"rat": 1, "cat": 0}


def test_without_a_novel_crop_on_the_test_side_the_tables_are_empty(tmp_path):
    crops = crops_of()
    crops.loc[crops["species"] == "rat", "role"] = "unlisted"
    scores = score_with_examples(fold_of(crops), NUMBERS, "leave_out_rat", 1)
    assert scores.empty
    metrics, by_species = pool_events(scores.assign(fold="f", seed=1), "examples", 100, 0)
    assert metrics.empty and by_species.empty and {"detector", "examples"} <= set(metrics)


@pytest.fixture
def run(tmp_path):
    """The tables of a run in results/site, and its fold leave_out_rat with seed 11."""
    crops, folder = crops_of(), tmp_path / "results/site"
    fold = folder / "folds/leave_out_rat/11"
    fold.mkdir(parents=True)
    labels = crops.rename(columns={"species": "species_label"}).assign(photo_checksum="")
    labels["crop_checksum"] += "here"
    labels["crop_id event species_label location photo_checksum crop_checksum".split()].to_csv(
        folder / "labels.csv", index=False
    )
    np.save(folder / "features.npy", features_of(crops).astype(np.float32))
    (folder / "features.json").write_text(json.dumps({"name": "lite0"}))
    crops[["crop_id"]].assign(area=np.arange(len(crops)) % 7).to_csv(
        folder / "shortcuts.csv", index=False
    )
    splits = crops.drop_duplicates(["event", "species"])
    splits["event species group role location".split()].to_csv(fold / "splits.csv", index=False)
    tested = crops[crops["role"].isin(["test", "novel"])]
    tested = tested.assign(knn=0.5)["crop_id species role event knn".split()]
    tested.to_csv(fold / "scores.csv", index=False)
    return folder, fold


def score(run, other=None) -> pd.DataFrame:
    """The table of `score_examples`, where `other` is another run's folder."""
    folder, fold = run
    score_examples(
        **{name: folder / f"{name}.csv" for name in ("labels", "shortcuts")},
        **{name: fold / f"{name}.csv" for name in ("splits", "scores", "example_scores")},
        features=folder / "features.npy",
        facts=folder / "features.json",
        other_labels=other / "labels.csv" if other else [],
        other_features=other / "features.npy" if other else [],
        other_facts=other / "features.json" if other else [],
        lead="knn",
        detector={"kind": "features", "method": "knn"},
        numbers=NUMBERS,
        fold="leave_out_rat",
        seed="11",
        threads=1,
    )
    return read_table(fold / "example_scores.csv")


def test_the_scripts_score_a_fold_and_pool_it(run, tmp_path):
    full, empty = run[1], run[1].with_name("12")
    empty.mkdir()
    score(run)[:0].to_csv(empty / "example_scores.csv", index=False)
    folder = tmp_path / "examples"
    folder.mkdir()
    paths = folder / "examples.csv", folder / "examples_by_species.csv"
    scores = [fold / "example_scores.csv" for fold in (empty, full)]
    evaluate_examples(scores, *paths, resamples=100, seed=0)
    metrics, by_species = map(read_table, paths)
    columns = "detector examples metric value low high ceiling novel_events native_events"
    assert list(metrics) == f"{columns} species runs without".split()
    area = metrics[metrics["metric"] == "auroc"].set_index(["detector", "examples"])["value"]
    assert area["novelty", 0] == 0.5 and area["watch list", 3] == 1
    assert set(by_species["fold"]) == {"leave_out_rat"} and set(by_species["species"]) == {"rat"}


def test_the_script_takes_examples_of_a_run_with_the_same_backbone_alone(run, tmp_path):
    folder, _ = run
    other = tmp_path / "results/mainland"
    other.mkdir()
    labels = pd.read_csv(folder / "labels.csv")
    labels.assign(crop_checksum="another").to_csv(other / "labels.csv", index=False)
    np.save(other / "features.npy", np.load(folder / "features.npy"))
    (other / "features.json").write_text(json.dumps({"name": "lite0"}))
    assert f"{ELSEWHERE}mainland" in set(score(run, other)["detector"])
    (other / "features.json").write_text(json.dumps({"name": "lite1"}))
    with pytest.raises(BadInput, match="mainland were made with another name"):
        score(run, other)


def test_the_learning_curve_has_a_value_for_each_share_of_the_events(run, tmp_path):
    folder, fold = run
    score_learning_curve(
        features=folder / "features.npy",
        labels=folder / "labels.csv",
        splits=fold / "splits.csv",
        learning_scores=fold / "learning_scores.csv",
        settings={name: {"method": name} for name in ("mahalanobis", "class_mean")},
        shares=[0.01, 0.5, 1],
        seed="11",
        threads=1,
    )
    curve = tmp_path / "learning_curve.csv"
    evaluate_learning_curve([fold / "learning_scores.csv"], curve, resamples=100, seed=0)
    table = read_table(curve)
    rows = table[(table["detector"] == "class_mean") & (table["metric"] == "auroc")]
    assert rows["share"].tolist() == [0.01, 0.5, 1] and (rows["value"] == 1).all()
    assert rows["fitted_events"].tolist() == [2, 6, 12]
    assert (rows["novel_events"] == 4).all() and (rows["native_events"] == 6).all()

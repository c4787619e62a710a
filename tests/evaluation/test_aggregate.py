"""Detectors compared over folds, seeds and strata, on tables made for it."""

import numpy as np
import pandas as pd
import pytest
from made_up_folds import DETECTORS, days_of, facts_of, table_of
from sklearn.metrics import average_precision_score, roc_auc_score

from stowaway.evaluation.aggregate import BETTER, compare_detectors
from stowaway.evaluation.alarms import alarm_table
from stowaway.evaluation.folds import load_runs
from stowaway.evaluation.metrics import Ranked, recall_at_fpr, wilson

GROUPS = {"ant": "insect", "bee": "insect", "rat": "rodent", "fly": "insect"}


@pytest.fixture
def two_seeds():
    tables = {("leave_out_ant", str(seed)): table_of(seed) for seed in (1, 2)}
    return tables, *load_runs(tables, facts_of(table_of(1)), days_of(table_of(1)), DETECTORS)


def test_metrics_are_means_over_runs_of_the_queue_alone(two_seeds):
    tables, runs, events = two_seeds
    metrics, _, _ = compare_detectors(runs, events, GROUPS, 100, 1)
    value = metrics.set_index(["detector", "level", "stratum", "metric"]).sort_index()
    for name in ("good", "shortcut_area"):
        areas, precisions = [], []
        for table in tables.values():
            queue = table[table["role"].isin(["test", "novel"])]
            areas.append(roc_auc_score(queue["role"] == "novel", queue[name]))
            precisions.append(average_precision_score(queue["role"] == "novel", queue[name]))
        assert value.loc[(name, "crop", "all", "auroc"), "value"] == pytest.approx(np.mean(areas))
        found = value.loc[(name, "crop", "all", "aupr"), "value"]
        assert found == pytest.approx(np.mean(precisions))
    row = value.loc["good", "event", "all", "auroc"]
    assert row["low"] < row["value"] < row["high"]
    assert (row["native"], row["novel"], row["runs"]) == (10, 20, 2)
    ceilings = value.xs(("good", "event", "all"))["ceiling"]
    assert (ceilings["auroc"], ceilings["fpr_at_95_tpr"], ceilings["recall_at_5_fpr"]) == (1, 0, 1)
    assert ceilings["recall_at_5_promised"] == pytest.approx(0.55)
    assert ceilings["recall_in_first_10"] == pytest.approx(0.15)
    for level, units in (("crop", 3), ("event", 1)):
        assert value.loc[("", level, "all", "prevalence"), "value"] == pytest.approx(2 / 3)
        # twenty native events of three crops, and forty camera-days, each with one event
        density = value.loc[("", level, "all", f"native_{level}s_per_camera_day")]
        assert (density["value"], density["runs"]) == (units / 2, 2)
    pd.testing.assert_frame_equal(metrics, compare_detectors(runs, events, GROUPS, 100, 1)[0])


def test_gains_are_paired_and_over_each_rival(two_seeds):
    _, runs, events = two_seeds
    metrics, gains, _ = compare_detectors(runs, events, GROUPS, 100, 1)
    assert set(gains["rival"]) == {"shortcut_area", "basic_original", "cae", BETTER}
    assert set(gains["metric"]) == {"auroc", "recall_at_5_fpr"}
    area = metrics[(metrics["metric"] == "auroc") & (metrics["stratum"] == "all")]
    area = area[area["level"] == "crop"].set_index("detector")["value"]
    row = gains[(gains["level"] == "crop") & (gains["metric"] == "auroc")].set_index(
        ["detector", "rival"]
    )
    assert row.loc[("good", "cae"), "gain"] == pytest.approx(area["good"] - area["cae"])
    better = max(area["cae"], area["basic_original"])
    assert row.loc[("good", BETTER), "gain"] == pytest.approx(area["good"] - better)
    assert row.loc[("good", "shortcut_area"), "low"] > 0
    # a detector is never far from itself: its rival in each resample is itself or a better one
    assert row.loc[("cae", BETTER), "high"] == 0


def test_strata_by_hand(two_seeds):
    tables, runs, events = two_seeds
    metrics, _, _ = compare_detectors(runs, events, GROUPS, 100, 1)
    row = metrics[metrics["detector"] == "good"].set_index(["stratum", "level", "metric"])
    one = tables["leave_out_ant", "1"]
    used = one["role"].isin(["test", "novel"])
    # infrared and location A hold the same 15 native and 30 novel crops: too few natives to rank by
    for stratum in ("light=infrared", "location=A"):
        assert np.isnan(row.loc[(stratum, "crop", "auroc"), "value"])
        assert row.loc[(stratum, "crop", "auroc"), ["native", "novel"]].tolist() == [15, 30]
    near, far = (
        np.mean(
            [
                roc_auc_score(part["role"] == "novel", part["good"])
                for table in tables.values()
                for part in [table[used & table["species"].isin(["ant", name])]]
            ]
        )
        for name in ("fly", "rat")
    )
    for stratum, area in (("near", near), ("far", far)):
        assert row.loc[(f"taxonomy={stratum}", "crop", "auroc"), "value"] == pytest.approx(area)
    # a mean over two seeds counts no whole events: its interval is the bootstrap's
    recall = row.loc["species=rat", "event", "recall_at_5_fpr"]
    assert recall["low"] < recall["value"] < recall["high"]
    bounds = recall[["low", "high"]].tolist()
    assert bounds != pytest.approx(wilson(recall["value"] * 10, 10))
    # ten native test events: what a threshold keeps at 5 % is 0.05 x 11 of what is above the first
    assert row.loc[("species=rat", "event", "recall_at_5_promised"), "ceiling"] == 0.55
    assert recall["ceiling"] == 1


def test_intervals_are_over_novel_species_where_there_are_several():
    """Rats are found and flies are not: other species to come may be either."""
    table = table_of(1)
    table["good"] += 3 * (table["species"] == "rat") - 3 * (table["species"] == "fly")
    one = table[table["species"] != "fly"]
    intervals = {}
    for name, of in (("both", table), ("rat", one)):
        runs, events = load_runs({("listed", "1"): of}, facts_of(of), days_of(of), DETECTORS)
        metrics, gains, _ = compare_detectors(runs, events, GROUPS, 200, 1)
        row = metrics[(metrics["detector"] == "good") & (metrics["metric"] == "auroc")]
        row = row[row["level"] == "crop"].set_index("stratum")
        intervals[name] = row.loc["all", ["low", "high"]].tolist()
        assert row.loc["all", "novel_species"] == (2 if name == "both" else 1)
        assert (gains["novel_species"] == row.loc["all", "novel_species"]).all()
        # a species by itself has the interval over its events, whatever the others are
        assert row.loc["species=rat", "novel_species"] == 1
        assert row.loc["species=rat", "low"] > 0.9
    assert intervals["both"][0] < 0.1 and intervals["both"][1] > 0.9 and intervals["rat"][0] > 0.9


@pytest.mark.parametrize("events", [1, 4])
def test_wilsons_interval_is_of_whole_events_of_one_run(events):
    table = table_of(1)
    rat = (table["species"] == "rat").to_numpy()
    kept = table.loc[rat, "event"].unique()[:events]
    table = table[~rat | table["event"].isin(kept)]
    runs, number = load_runs({("listed", "1"): table}, facts_of(table), days_of(table), DETECTORS)
    metrics, _, _ = compare_detectors(runs, number, GROUPS, 100, 1)
    row = metrics[(metrics["detector"] == "basic_original") & (metrics["level"] == "event")]
    row = row[row["stratum"] == "species=rat"].set_index("metric")
    recall = row.loc["recall_at_5_fpr"]
    assert (recall["value"] * events) % 1 == 0
    assert recall[["low", "high"]].tolist() == pytest.approx(
        wilson(recall["value"] * events, events)
    )
    assert np.isnan(row.loc["auroc", "value"]) and np.isnan(row.loc["auroc", "ceiling"])


def test_without_calibration_dates_and_places_the_rest_is_there():
    table = table_of(1, calibration=False)
    facts = facts_of(table, dated=False, placed=False)
    runs, events = load_runs(
        {("listed", "1"): table}, facts, days_of(table, dated=False), DETECTORS
    )
    assert alarm_table(runs, 100, 1).empty
    metrics, gains, curves = compare_detectors(runs, events, {}, 100, 1)
    assert not metrics["stratum"].str.startswith("location").any()
    assert "taxonomy=unknown" in set(metrics["stratum"])
    density = metrics[metrics["metric"] == "native_events_per_100_images"]
    assert density["value"].tolist() == [pytest.approx(10 / 0.3)]
    assert not metrics["metric"].str.contains("camera_day").any()
    assert len(gains)
    assert curves["false_alarms_per_camera_day"].isna().all()
    assert curves["recall"].between(0, 1).all()


def test_nothing_novel_or_native_gives_empty_tables():
    for role in ("test", "novel"):
        table = table_of(1).assign(role=role)
        runs, events = load_runs(
            {("listed", "1"): table}, facts_of(table), days_of(table), DETECTORS
        )
        metrics, gains, curves = compare_detectors(runs, events, GROUPS, 100, 1)
        assert metrics.empty and gains.empty and curves.empty


def test_one_novel_event_has_a_value_and_no_interval():
    table = table_of(1)
    table = table[(table["role"] != "novel") | (table["event"] == "e30")]
    runs, events = load_runs({("listed", "1"): table}, facts_of(table), days_of(table), DETECTORS)
    metrics, _, _ = compare_detectors(runs, events, GROUPS, 100, 1)
    row = metrics[(metrics["stratum"] == "all") & (metrics["metric"] == "auroc")]
    assert row["value"].notna().all() and row["low"].isna().all()


def test_equal_scores_of_all_are_a_coin():
    table = table_of(1).assign(good=0.0)
    runs, events = load_runs({("listed", "1"): table}, facts_of(table), days_of(table), DETECTORS)
    metrics, _, _ = compare_detectors(runs, events, GROUPS, 100, 1)
    row = metrics[(metrics["detector"] == "good") & (metrics["stratum"] == "all")]
    row = row[row["level"] == "event"].set_index("metric")
    assert row.loc["auroc", ["value", "low", "high"]].tolist() == [0.5] * 3
    assert row.loc["recall_at_5_fpr", "value"] == 0


def test_a_detector_that_some_runs_lack_is_the_mean_of_the_others():
    tables = {(f"leave_out_{n}", "1"): table_of(n) for n in (1, 2)}
    tables["leave_out_2", "1"] = tables["leave_out_2", "1"].drop(columns="cae")
    runs, events = load_runs(tables, facts_of(table_of(1)), days_of(table_of(1)), DETECTORS)
    metrics, gains, curves = compare_detectors(runs, events, GROUPS, 100, 1)
    runs_of = metrics[metrics["stratum"] == "all"].groupby("detector")["runs"].first()
    assert runs_of["cae"] == 1 and runs_of["good"] == 2
    assert "cae" in set(gains["rival"]) and "cae" in set(curves["detector"])


def test_models_that_saw_the_novel_species_are_a_kind_of_their_own():
    table = table_of(1).assign(shown=lambda t: t["good"])
    settings = DETECTORS | {"shown": "all"}
    runs, events = load_runs({("listed", "1"): table}, facts_of(table), days_of(table), settings)
    metrics, gains, curves = compare_detectors(runs, events, GROUPS, 100, 1)
    row = metrics[metrics["stratum"] == "all"].set_index(["fold", "detector", "level", "metric"])
    assert set(metrics.loc[metrics["detector"] == "shown", "fold"]) == {"seen_in_training"}
    columns = ["value", "low", "high", "native", "novel"]
    for metric in ("auroc", "recall_at_5_fpr"):
        seen = row.loc[("seen_in_training", "shown", "event", metric), columns]
        assert seen.tolist() == row.loc[("listed", "good", "event", metric), columns].tolist()
    assert "shown" not in set(gains["detector"]) | set(alarm_table(runs, 100, 1)["detector"])
    assert "shown" in set(curves["detector"])


def test_columns_that_are_no_detectors_of_the_scope_are_left_out():
    table = table_of(1)
    runs, events = load_runs(
        {("listed", "1"): table}, facts_of(table), days_of(table), {"good": "natives"}
    )
    metrics, _, _ = compare_detectors(runs, events, GROUPS, 100, 1)
    assert set(metrics["detector"]) == {"", "good", "shortcut_area", "shortcut_same"}


def test_curves_are_the_recall_of_both_levels(two_seeds):
    tables, runs, events = two_seeds
    _, _, curves = compare_detectors(runs, events, {}, 100, 1)
    row = curves.set_index(["detector", "level", "false_alarm_rate"])
    queues = [table[table["role"].isin(["test", "novel"])] for table in tables.values()]
    for level, per_day in (("crop", 3), ("event", 1)):
        recall = []
        for queue in queues:
            by = ["event", "role"] if level == "event" else ["crop_id", "role"]
            units = queue.groupby(by, as_index=False)["good"].max()
            novel = (units["role"] == "novel").to_numpy()
            counts = Ranked(units["good"].to_numpy(), novel, np.arange(len(units))).counts()
            recall.append(recall_at_fpr(*counts, 0.1))
        line = row.loc[("good", level, 0.1)]
        assert line["recall"] == pytest.approx(np.mean(recall))
        assert line["false_alarms_per_camera_day"] == pytest.approx(0.1 * per_day / 2)

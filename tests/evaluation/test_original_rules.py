"""The original's threshold rules by hand, and their tables for all detectors."""

import numpy as np
import pandas as pd
import pytest

from apply_original_rules import apply_original_rules
from stowaway.evaluation.metrics import wilson
from stowaway.evaluation.original_rules import rule_grid, rule_table, rules


def crops_of(error, correlation):
    events = [f"e{n // 2}" for n in range(len(error))]
    return pd.DataFrame({"error": error, "correlation": correlation, "event": events})


def test_the_originals_thresholds_by_hand():
    val = crops_of([1.0, 2.0, 3.0, 4.0], [0.8, 0.8, 0.6, 0.6])
    found = {(rule.name, rule.parameter): rule for rule in rules(val, "error")}
    assert len(found) == 14
    assert found["correlation", 0.5].threshold == pytest.approx(0.35)
    assert found["deviation", 2].threshold == pytest.approx(2.5 + 2 * np.sqrt(1.25))
    assert found["quartile", 25].threshold == pytest.approx(1.75)
    assert found["correlation", 0.5].flags(crops_of([0, 0], [0.3, 0.4])).tolist() == [True, False]
    assert found["quartile", 25].flags(crops_of([1.7, 1.8], [0, 0])).tolist() == [False, True]


def test_the_quartile_rule_flags_three_natives_in_four():
    """The original never measured it; here the rate stands beside the recall."""
    rng = np.random.default_rng(0)
    val, natives, rats = (crops_of(rng.random(n), rng.random(n)) for n in (400, 400, 10))
    quartile = next(rule for rule in rules(val, "error") if rule.name == "quartile")
    row = rule_table(val, natives, {"rat": rats}, "error", 100, 1).set_index("rule").loc["quartile"]
    assert row["false_alarm_rate"] == pytest.approx(0.75, abs=0.06)
    assert row["false_alarm_low"] < row["false_alarm_rate"] < row["false_alarm_high"]
    assert (row["n"], row["events"], row["n_native"], row["native_events"]) == (10, 5, 400, 200)
    assert row["low"] < row["recall"] < row["high"] <= 1
    assert row["recall"] == (rats["error"] > quartile.threshold).mean()


def test_intervals_are_wilsons_only_where_whole_events_are_flagged():
    val, natives = crops_of([1.0, 2.0, 3.0, 4.0], [0] * 4), crops_of([0.0, 9, 0, 0], [0] * 4)
    for errors, flagged in (([9.0] * 6, 3), ([0.0] * 6, 0), ([9.0, 9, 0, 0, 9, 9], 2)):
        table = rule_table(val, natives, {"rat": crops_of(errors, [0] * 6)}, "error", 400, 1)
        row = table.set_index("rule").loc["quartile"]
        assert (row["low"], row["high"]) == wilson(flagged, 3)
        # one of two native events is flagged by half: no count, and neither is its resample
        assert (row["false_alarm_low"], row["false_alarm_high"]) == (0, 0.5)


def test_the_grid_is_monotone_in_its_parameter():
    rng = np.random.default_rng(0)
    val = crops_of(rng.random(50), rng.random(50))
    for score, direction in (("correlation", 1), ("error", -1)):
        flagged = [rule.flags(val).mean() for rule in rule_grid(val, score)]
        assert (np.diff(flagged) * direction >= 0).all()
        assert flagged[0] != flagged[-1]


def test_natives_that_are_not_there_give_no_rules():
    assert rules(crops_of([], []), "error") == []


@pytest.fixture
def site(tmp_path):
    """Scores of a network and of a detector on features, whose unseen natives differ."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"crop_id": [f"c{i}" for i in range(80)]})
    table["species"] = np.repeat(["ant", "rat"], [60, 20])
    table["role"] = np.repeat(["val", "calibration", "test", "novel"], 20)
    table["event"] = [f"e{i // 2}" for i in range(80)]
    table = table.assign(cae=rng.random(80), knn=rng.random(80))
    network = table[["crop_id"]].assign(
        score=table["cae"], error=rng.random(80), correlation=rng.random(80)
    )
    table.to_csv(tmp_path / "scores.csv", index=False)
    network.sample(frac=1, random_state=1).to_csv(tmp_path / "cae.csv", index=False)
    return tmp_path, table, network


def test_the_tables_of_all_detectors(site):
    folder, table, network = site
    detectors = {"cae": {"kind": "convolutional", "score": "error"}}
    detectors["knn"] = {"kind": "features", "score": "knn"}
    outs = folder / "rules.csv", folder / "curves.csv"
    apply_original_rules(folder / "scores.csv", [folder / "cae.csv"], *outs, detectors, 100, 1)
    written, curves = map(pd.read_csv, outs)
    row = written.set_index(["detector", "rule", "parameter"]).sort_index()
    val, calibration = (table["role"] == role for role in ("val", "calibration"))
    error, knn = network["error"], table["knn"]
    thresholds = row["threshold"]
    assert thresholds["cae", "quartile", 25] == pytest.approx(np.percentile(error[val], 25))
    assert thresholds["cae", "correlation", 1] == pytest.approx(network["correlation"][val].mean())
    expected = knn[calibration].mean() + knn[calibration].std(ddof=0)
    assert thresholds["knn", "deviation", 1] == pytest.approx(expected)
    assert set(written.loc[written["detector"] == "knn", "rule"]) == {"deviation", "quartile"}
    flagged = knn[table["role"] == "novel"] > expected
    assert row.loc[("knn", "deviation", 1), "recall"] == pytest.approx(flagged.mean())
    assert set(curves["species"]) == {"native", "rat"}
    at_mean = curves[(curves["detector"] == "cae") & (curves["parameter"].abs() < 1e-9)]
    share = at_mean.set_index("species")["share_flagged"]["native"]
    assert share == pytest.approx((error[table["role"] == "test"] > error[val].mean()).mean())


def test_without_invasive_species_there_are_natives_curves_and_no_rules(site):
    folder, table, _ = site
    table[table["role"] != "novel"].to_csv(folder / "scores.csv", index=False)
    outs = folder / "rules.csv", folder / "curves.csv"
    detectors = {"knn": {"kind": "features", "score": "knn"}}
    apply_original_rules(folder / "scores.csv", [], *outs, detectors, 100, 1)
    assert pd.read_csv(outs[0]).empty and set(pd.read_csv(outs[1])["species"]) == {"native"}

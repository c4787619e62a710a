"""Alarms by calibrated thresholds, and the exposure that they are counted over."""

import numpy as np
import pandas as pd
import pytest
from made_up_folds import DETECTORS, facts_of, table_of

from stowaway.evaluation.alarms import COLUMNS, alarm_table
from stowaway.evaluation.exposure import camera_days, weeks
from stowaway.evaluation.folds import load_runs
from stowaway.evaluation.metrics import wilson
from stowaway.evaluation.thresholds import p_values

LEAD = {"detector": "good", "kind": "features", "target": "false_alarm_rate", "limit": 0.15}
LEAD |= {"per_species": False}


def runs_of(table: pd.DataFrame, **facts) -> list:
    return load_runs({("listed", "1"): table}, facts_of(table, **facts), DETECTORS)[0]


def test_alarms_keep_their_promise_and_say_when_they_cannot():
    rng = np.random.default_rng(0)
    tables = {}
    for seed in range(20):
        table = table_of(seed, 1200)
        table["good"] = rng.normal(size=1200) + 2 * (table["role"] == "novel")
        tables["listed", str(seed)] = table
    runs, _ = load_runs(tables, facts_of(table), DETECTORS)
    alarms = alarm_table(runs)
    assert list(alarms) == COLUMNS and alarms["threshold"].isna().all()
    here = alarms[(alarms["detector"] == "good") & (alarms["location"] == "all")]
    rates = here[here["target"] == "false_alarm_rate"].set_index("setting")
    for rate in (0.05, 0.1, 0.2):
        assert rates.loc[rate, "realised"] == pytest.approx(rate, abs=0.02)
        assert rates.loc[rate, "low"] < rate < rates.loc[rate, "high"]
        row = rates.loc[rate]
        assert row["recall_low"] < row["recall"] < row["recall_high"]
        share = row["realised"] * 100 + row["recall"] * 200
        assert row["alarms"] == pytest.approx(share) and row["events"] == 300
    assert rates["recall"].is_monotonic_increasing and rates.loc[0.2, "recall"] > 0.5
    assert (rates["calibration"] == 100).all() and not rates["too_few"].any()
    per_day = here[here["target"] == "false_alarms_per_camera_day"].set_index("setting")
    assert per_day.loc[0.1, "realised"] == pytest.approx(0.1, abs=0.03)
    budget = here[here["target"] == "alarms_per_week"].set_index("setting")
    assert budget.loc[5, "realised"] == pytest.approx(5, abs=0.1)
    assert set(alarms["location"]) == {"all", "A", "B"}
    few = alarm_table(runs_of(table_of(1)))
    few = few[(few["target"] == "false_alarm_rate") & (few["location"] == "all")]
    assert (few["calibration"] == 10).all()
    too_few = few.groupby("setting")["too_few"].all().to_dict()
    assert too_few == {0.01: True, 0.02: True, 0.05: True, 0.1: False, 0.2: False}


def naive_outcome(table: pd.DataFrame, threshold: float) -> dict:
    """Events by their highest crop, counted one by one."""
    rates = {}
    for name, role in (("realised", "test"), ("recall", "novel")):
        highest = [of["good"].max() for _, of in table[table["role"] == role].groupby("event")]
        rates[name] = np.mean([score > threshold for score in highest])
    return rates


def test_the_alarm_that_is_asked_for_and_the_originals_rules_by_hand():
    table = table_of(3)
    alarms = alarm_table(runs_of(table), LEAD)
    row = alarms[alarms["asked"] == "yes"].iloc[0]
    known = table[table["role"] == "calibration"].groupby("event")["good"].max().to_numpy()
    assert (row["detector"], row["target"], row["setting"]) == ("good", "false_alarm_rate", 0.15)
    assert row["threshold"] == np.sort(known)[-1]  # ten events, 15 %: one of eleven
    assert (row["native"], row["novel"], row["events"]) == (10, 20, 30)
    assert row["calibration"] == 10 and not row["too_few"]
    expected = naive_outcome(table, row["threshold"])
    assert row["realised"] == expected["realised"] and row["recall"] == expected["recall"]
    assert row["alarms"] == row["realised"] * 10 + row["recall"] * 20
    interval = wilson(row["recall"] * 20, 20)
    assert (row["recall_low"], row["recall_high"]) == pytest.approx(interval)
    rules = alarms[alarms["target"].isin(["deviation", "quartile"])]
    assert len(rules) == 4 and set(rules["asked"]) == {"no"}
    crops = table.loc[table["role"] == "calibration", "good"]
    quartile = rules[rules["target"] == "quartile"].iloc[0]
    assert quartile["threshold"] == np.percentile(crops, 25)
    expected = naive_outcome(table, quartile["threshold"])
    assert quartile["realised"] == expected["realised"] > 0.5


def test_the_originals_rules_on_a_network_are_set_on_validation_natives():
    table = table_of(3)
    table.loc[table["event"].isin(["e0", "e1"]), "role"] = "val"
    alarms = alarm_table(runs_of(table), LEAD | {"kind": "dense"})
    quartile = alarms[alarms["target"] == "quartile"].iloc[0]
    assert quartile["threshold"] == np.percentile(table["good"][:6], 25)


def test_what_was_asked_counts_unlisted_events_and_none_that_was_fitted_on():
    table = table_of(3)
    table.loc[table["event"].isin(["e38", "e39"]), ["role", "species"]] = "unlisted", "moth"
    table.loc[table["crop_id"] == "c0", ["role", "species"]] = "unlisted", "moth"  # e0: calibration
    table.loc[table["crop_id"] == "c30", ["role", "species"]] = "novel", "rat"  # e10: a test native
    alarms = alarm_table(runs_of(table), LEAD)
    row = alarms[alarms["asked"] == "yes"].iloc[0]
    assert (row["native"], row["novel"], row["events"]) == (10, 19, 30)
    queue = table[table["role"].isin(["test", "novel", "unlisted"]) & (table["event"] != "e0")]
    highest = queue.groupby("event")["good"].max()
    assert row["alarms"] == (highest > row["threshold"]).sum()


def test_per_species_an_event_alarms_by_the_p_value_among_its_likes():
    table = table_of(3)
    number = np.arange(len(table)) // 3
    table["predicted"] = np.where(number % 2, "ant", "bee")
    alarms = alarm_table(runs_of(table), LEAD | {"per_species": True, "limit": 0.3})
    row = alarms[alarms["asked"] == "yes"].iloc[0]
    assert np.isnan(row["threshold"])
    highest = table.loc[table.groupby(["event"])["good"].idxmax()]
    known, queue = (highest[(highest["role"] == "calibration") == side] for side in (True, False))
    p = p_values(
        *(t["good"].to_numpy() for t in (queue, known)),
        queue["predicted"].to_numpy(),
        known["predicted"].to_numpy(),
    )
    assert row["alarms"] == (p <= 0.3).sum()


def test_alarms_per_day_that_are_asked_for_have_their_unit():
    table = table_of(3, 1200)
    facts = facts_of(table)
    facts["date"] = facts["date"].str[:8] + "01"  # every month one day at each of two locations
    runs, _ = load_runs({("listed", "1"): table}, facts, DETECTORS)
    daily = runs[0].density["native_events_per_camera_day"]
    assert daily == 200 / len(facts[facts["species"] == "ant"].groupby(["location", "date"]))
    lead = LEAD | {"target": "false_alarms_per_camera_day", "limit": 0.1 * daily}
    row = alarm_table(runs, lead).query("asked == 'yes'").iloc[0]
    expected = naive_outcome(table, row["threshold"])
    assert row["realised"] == pytest.approx(expected["realised"] * daily)


def test_exposure_by_hand():
    table = table_of(1)
    run = runs_of(table)[0]
    # 30 native test crops, ten events, each alone at its location and day; as many for calibration
    assert camera_days(run.queue[~run.queue["novel"]]) == 10
    density = run.density
    assert density["native_events_per_camera_day"] == 1
    assert density["native_crops_per_camera_day"] == 3
    assert density["native_events_per_100_images"] == pytest.approx(20 / 0.6)


def test_a_day_that_the_split_takes_apart_has_all_its_natives():
    table = table_of(1)
    facts = facts_of(table).assign(date="2024-01-01", location="A")
    runs, _ = load_runs({("listed", "1"): table}, facts, DETECTORS)
    # ten for calibration, ten for the test
    assert runs[0].density["native_events_per_camera_day"] == 20


def test_weeks_from_the_first_to_the_last_date():
    queue = runs_of(table_of(1))[0].queue
    assert weeks(queue["date"]) == pytest.approx(15 / 7)
    assert np.isnan(weeks(queue.assign(date="")["date"]))

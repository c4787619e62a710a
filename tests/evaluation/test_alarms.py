"""Alarms by calibrated thresholds, and the exposure that they are counted over."""

import numpy as np
import pytest
from arms import facts_of, table_of

from stowaway.evaluation.alarms import COLUMNS, alarm_table
from stowaway.evaluation.folds import camera_days, load_scored, weeks


def test_alarms_keep_their_promise_and_say_when_they_cannot():
    rng = np.random.default_rng(0)
    tables = {}
    for seed in range(20):
        table = table_of(seed, 1200)
        table["good"] = rng.normal(size=1200) + 2 * (table["role"] == "invasive")
        tables["listed", "listed", str(seed)] = table
    runs, _ = load_scored(tables, facts_of(table))
    found = alarm_table(runs)
    assert list(found) == COLUMNS
    here = found[(found["detector"] == "good") & (found["location"] == "all")]
    rates = here[here["target"] == "false_alarm_rate"].set_index("aim")
    for rate in (0.05, 0.1, 0.2):
        assert rates.loc[rate, "realised"] == pytest.approx(rate, abs=0.02)
        assert rates.loc[rate, "low"] < rate < rates.loc[rate, "high"]
    assert rates["recall"].is_monotonic_increasing and rates.loc[0.2, "recall"] > 0.5
    assert (rates["calibration"] == 100).all() and not rates["too_small"].any()
    per_day = here[here["target"] == "false_alarms_per_camera_day"].set_index("aim")
    assert per_day.loc[0.1, "realised"] == pytest.approx(0.1, abs=0.03)
    budget = here[here["target"] == "alarms_per_week"].set_index("aim")
    assert budget.loc[5, "realised"] == pytest.approx(5, abs=0.1)
    assert set(found["location"]) == {"all", "A", "B"}
    few = alarm_table(load_scored({("listed", "listed", "1"): table_of(1)}, facts_of(table))[0])
    few = few[(few["target"] == "false_alarm_rate") & (few["location"] == "all")]
    assert (few["calibration"] == 10).all()
    assert few.groupby("aim")["too_small"].all().to_dict() == {
        0.01: True,
        0.02: True,
        0.05: True,
        0.1: False,
        0.2: False,
    }


def test_exposure_by_hand():
    table = table_of(1)
    runs, _ = load_scored({("listed", "listed", "1"): table}, facts_of(table))
    queue = runs[0].queue
    # 30 native test crops, ten events, each alone at its place and day; as many for calibration
    assert camera_days(queue.facts[~queue.novel]) == 10
    assert queue.density["event", True] == 1 and queue.density["crop", True] == 3
    assert queue.density["event", False] == pytest.approx(20 / 0.6)


def test_a_day_that_the_split_takes_apart_has_all_its_natives():
    table = table_of(1)
    facts = facts_of(table).assign(date="2024-01-01", location="A")
    runs, _ = load_scored({("listed", "listed", "1"): table}, facts)
    assert runs[0].queue.density["event", True] == 20  # ten for calibration, ten for the test


def test_weeks_from_the_first_to_the_last_date():
    table = table_of(1)
    queue = load_scored({("listed", "listed", "1"): table}, facts_of(table))[0][0].queue
    assert weeks(queue.facts) == pytest.approx(15 / 7)

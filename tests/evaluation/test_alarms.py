"""Alarms by calibrated thresholds, and the exposure that they are counted over."""

import numpy as np
import pandas as pd
import pytest
from made_up_folds import DETECTORS, days_of, facts_of, table_of

from stowaway.evaluation.alarms import COLUMNS, alarm_table, set_alarm
from stowaway.evaluation.exposure import weeks
from stowaway.evaluation.folds import load_runs
from stowaway.evaluation.metrics import wilson

LEAD = {"detector": "good", "kind": "features", "target": "false_alarm_rate", "limit": 0.15}
LEAD |= {"per_species": False}


def runs_of(table: pd.DataFrame, **facts) -> list:
    return load_runs({("listed", "1"): table}, facts_of(table, **facts), days_of(table), DETECTORS)[
        0
    ]


def test_alarms_keep_their_promise_and_say_when_they_cannot():
    rng = np.random.default_rng(0)
    tables = {}
    for seed in range(20):
        table = table_of(seed, 1200)
        table["good"] = rng.normal(size=1200) + 2 * (table["role"] == "novel")
        tables["listed", str(seed)] = table
    runs, _ = load_runs(tables, facts_of(table), days_of(table), DETECTORS)
    alarms = alarm_table(runs, 200, 1)
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
    few = alarm_table(runs_of(table_of(1)), 200, 1)
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
    alarms = alarm_table(runs_of(table), 200, 1, LEAD)
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
    # at least as wide as Wilson's: ten calibration events leave the threshold noisy
    assert row["recall_low"] <= interval[0] and row["recall_high"] > interval[1]
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
    alarms = alarm_table(runs_of(table), 200, 1, LEAD | {"kind": "dense"})
    quartile = alarms[alarms["target"] == "quartile"].iloc[0]
    assert quartile["threshold"] == np.percentile(table["good"][:6], 25)


def test_what_was_asked_counts_unlisted_events_and_none_that_was_fitted_on():
    table = table_of(3)
    table.loc[table["event"].isin(["e38", "e39"]), ["role", "species"]] = "unlisted", "moth"
    table.loc[table["crop_id"] == "c0", ["role", "species"]] = "unlisted", "moth"  # e0: calibration
    table.loc[table["crop_id"] == "c30", ["role", "species"]] = "novel", "rat"  # e10: a test native
    alarms = alarm_table(runs_of(table), 200, 1, LEAD)
    row = alarms[alarms["asked"] == "yes"].iloc[0]
    assert (row["native"], row["novel"], row["events"]) == (10, 19, 30)
    queue = table[table["role"].isin(["test", "novel", "unlisted"]) & (table["event"] != "e0")]
    highest = queue.groupby("event")["good"].max()
    assert row["alarms"] == (highest > row["threshold"]).sum()


def test_per_species_an_event_alarms_by_the_p_value_among_its_likes():
    table = table_of(3)
    number = np.arange(len(table)) // 3
    table["predicted"] = np.where(number % 2, "ant", "bee")
    alarms = alarm_table(runs_of(table), 200, 1, LEAD | {"per_species": True, "limit": 0.3})
    row = alarms[alarms["asked"] == "yes"].iloc[0]
    assert np.isnan(row["threshold"])
    highest = table.loc[table.groupby(["event"])["good"].idxmax()]
    known, queue = (highest[(highest["role"] == "calibration") == side] for side in (True, False))
    likes = {name: of["good"].to_numpy() for name, of in known.groupby("predicted")}
    alarms = 0
    for event in queue.itertuples():
        own = likes[event.predicted]
        alarms += (1 + (own >= event.good).sum()) / (1 + len(own)) <= 0.3
    assert row["alarms"] == alarms > 0


def test_alarms_per_day_that_are_asked_for_have_their_unit():
    table = table_of(3, 1200)
    facts = facts_of(table)
    facts["date"] = facts["date"].str[:8] + "01"  # every month one day at each of two locations
    days = facts[["location", "date"]].drop_duplicates()
    runs, _ = load_runs({("listed", "1"): table}, facts, days, DETECTORS)
    daily = runs[0].density["native_events_per_camera_day"]
    assert daily == 200 / len(days)
    lead = LEAD | {"target": "false_alarms_per_camera_day", "limit": 0.1 * daily}
    row = alarm_table(runs, 200, 1, lead).query("asked == 'yes'").iloc[0]
    expected = naive_outcome(table, row["threshold"])
    assert row["realised"] == pytest.approx(expected["realised"] * daily)


def test_exposure_by_hand():
    table = table_of(1)
    density = runs_of(table)[0].density
    # twenty native events of three crops; forty camera-days, of which half have novel crops alone
    assert density["native_events_per_camera_day"] == 20 / 40
    assert density["native_crops_per_camera_day"] == 60 / 40
    assert density["native_events_per_100_images"] == pytest.approx(20 / 0.6)


def test_a_day_that_the_split_takes_apart_has_all_its_natives():
    table = table_of(1)
    facts = facts_of(table).assign(date="2024-01-01", location="A")
    one = pd.DataFrame({"location": ["A"], "date": ["2024-01-01"]})
    runs, _ = load_runs({("listed", "1"): table}, facts, one, DETECTORS)
    # ten for calibration, ten for the test
    assert runs[0].density["native_events_per_camera_day"] == 20


def test_weeks_are_dates_with_photos_and_one_wrong_clock_adds_a_day():
    days = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=14).strftime("%Y-%m-%d")})
    days = pd.concat([days.assign(location=name) for name in "AB"])
    assert weeks(days, ["A"]) == weeks(days, ["A", "B", "A"]) == 2
    wrong = pd.DataFrame({"location": ["B"], "date": ["1970-01-01"]})
    assert weeks(pd.concat([days, wrong]), ["A", "B"]) == pytest.approx(15 / 7)
    assert weeks(pd.concat([days, wrong]), ["A"]) == 2
    assert np.isnan(weeks(days, ["C"])) and np.isnan(weeks(days[:0], ["A"]))


def test_a_weekly_budget_is_kept_where_one_camera_says_1970():
    table = table_of(3)
    days = days_of(table)
    days.iloc[0, 1] = "1970-01-01"
    facts = facts_of(table)
    facts.loc[facts["event"] == "e10", "date"] = "1970-01-01"
    runs, _ = load_runs({("listed", "1"): table}, facts, days, DETECTORS)
    row = alarm_table(runs, 100, 1, LEAD | {"target": "alarms_per_week", "limit": 1})
    row = row.query("asked == 'yes'").iloc[0]
    assert (row["alarms"], row["events"]) == (3, 30)  # 21 dates
    assert row["realised"] == pytest.approx(1)


def by_location(table: pd.DataFrame, size: int) -> pd.DataFrame:
    """Groups of as many events, as if each were a location of the split."""
    number = table["event"].str[1:].astype(int)
    return table.assign(group=[f"g{n}" for n in number // size])


def test_calibration_counts_groups_and_intervals_are_over_groups():
    table = by_location(table_of(3), 2)
    alarms = alarm_table(runs_of(table), 200, 1, LEAD)
    every = alarms[(alarms["location"] == "all") & (alarms["asked"] == "no")]
    rates = every[(every["target"] == "false_alarm_rate") & (every["detector"] == "good")]
    assert (rates["calibration"] == 5).all() and (rates["calibration_events"] == 10).all()
    assert rates.set_index("setting")["too_few"].to_dict() == {
        0.01: True, 0.02: True, 0.05: True, 0.1: True, 0.2: False
    }  # fmt: skip
    few = rates[rates["too_few"]]
    assert (few["threshold"] == np.inf).all() and (few["alarms"] == 0).all()
    # none of five groups of test natives: a count, and its interval is Wilson's
    assert (few["realised"] == 0).all() and (few["low"] == 0).all()
    assert few["high"].to_numpy() == pytest.approx(wilson(0, 5)[1])


def test_per_species_the_groups_of_each_are_counted_by_hand():
    table = by_location(table_of(3), 4)  # ten calibration events at three locations
    number = table["event"].str[1:].astype(int)
    table["predicted"] = np.where(number == 0, "bee", "ant")
    crops = runs_of(table)[0].crops.assign(score=lambda t: t["good"])
    alarm = set_alarm(crops, LEAD | {"per_species": True}, 1, days_of(table))
    queue = pd.DataFrame({"score": [9.0, 9, 9, -9], "predicted": ["ant", "bee", "cat", "ant"]})
    assert alarm.sizes(queue) == {"ant": 3, "bee": 1, "cat": 0}
    assert alarm.p_values(queue).tolist() == [1 / 4, 1 / 2, 1, 1]


def test_the_interval_of_the_alarm_that_is_asked_for_has_the_thresholds_noise():
    table = table_of(5, 240)
    alarms = alarm_table(runs_of(table), 400, 1, LEAD | {"limit": 0.2})
    at = alarms[(alarms["detector"] == "good") & (alarms["location"] == "all")]
    at = at[(at["target"] == "false_alarm_rate") & (at["setting"] == 0.2)].set_index("asked")
    asked, plain = at.loc["yes"], at.loc["no"]
    columns = ["threshold", "realised", "recall"]
    assert asked[columns].tolist() == plain[columns].tolist()
    assert [plain["low"], plain["high"]] == pytest.approx(wilson(plain["realised"] * 20, 20))
    assert asked["low"] <= plain["low"] and asked["high"] > plain["high"] + 0.02
    again = alarm_table(runs_of(table), 400, 1, LEAD | {"limit": 0.2})
    pd.testing.assert_frame_equal(alarms, again)


def test_intervals_of_means_over_runs_are_no_counts_and_hold_the_value():
    tables = {("listed", str(seed)): table_of(seed) for seed in range(4)}
    runs, _ = load_runs(tables, facts_of(table_of(0)), days_of(table_of(0)), DETECTORS)
    alarms = alarm_table(runs, 200, 1)
    row = alarms[(alarms["detector"] == "cae") & (alarms["location"] == "all")]
    row = row[row["target"] == "false_alarm_rate"].set_index("setting").loc[0.2]
    shares = [naive(run, "cae", 0.2) for run in runs]
    assert [row["realised"], row["recall"]] == pytest.approx(np.mean(shares, axis=0))
    assert row["low"] < row["realised"] < row["high"]
    assert row["recall_low"] < row["recall"] < row["recall_high"]
    assert [row["low"], row["high"]] != pytest.approx(wilson(row["realised"] * 10, 10))


def naive(run, detector: str, rate: float) -> tuple[float, float]:
    """The shares of native and of novel events above the conformal threshold, one by one."""
    highest = run.crops.groupby(["event", "role"])[detector].max().reset_index()
    by_role = {role: of[detector].to_numpy() for role, of in highest.groupby("role")}
    known = np.sort(by_role["calibration"])
    threshold = known[-int((len(known) + 1) * rate)]
    return tuple((by_role[role] > threshold).mean() for role in ("test", "novel"))

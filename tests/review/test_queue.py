"""The review queue and its threshold, against hand counts."""

import numpy as np
import pandas as pd
import pytest

from export_queue import export_queue
from stowaway.core.script import BadInput
from stowaway.core.tables import read_sheet, read_table
from stowaway.evaluation.alarms import events_of, set_alarm
from stowaway.review.queue import COLUMNS, review_queue

ALARM = {"target": "false_alarm_rate", "limit": 0.1, "per_species": False, "group": "sequence"}


def crops(role: str, scores, **more) -> pd.DataFrame:
    """Two crops per event: one with the event's score, one below it."""
    lines = [
        {"event": f"{role}{n}", "score": value, "crop_id": f"{role}{n}{part}", "role": role}
        for n, score in enumerate(scores)
        for part, value in (("a", score - 5), ("b", score))
    ]
    known = {
        "species": "fox",
        "location": "east",
        "predicted": "fox",
        "image_path": "x.jpg",
        "image_id": "i",
    }
    table = pd.DataFrame(lines).assign(**known | more)
    table["group"] = table["event"]
    if "datetime" not in table:
        day = np.arange(len(table)) // 2 % 28 + 1
        table["datetime"] = [f"2024-02-{d:02}T10:00:00" for d in day]
    return table


@pytest.fixture
def table():
    """Calibration events score 0..18; of 10 test natives one is above 17, of 4 rats three are."""
    rats = {"species": "rat"}
    return pd.concat(
        [
            crops("calibration", range(19)),
            crops("test", [*range(9), 20]),
            crops("novel", [17.5, 18.5, 30, 4], **rats),
            crops("val", range(5)),
        ],
        ignore_index=True,
    )


def days_of(table: pd.DataFrame) -> pd.DataFrame:
    """The camera-days of the crops."""
    days = table[["location"]].assign(date=table["datetime"].str[:10], images=1)
    return days[days["date"] != ""].drop_duplicates()


def queue_of(table: pd.DataFrame, alarm: dict) -> pd.DataFrame:
    return review_queue(table, days_of(table), alarm)


def test_an_event_is_its_highest_crop():
    queue = queue_of(pd.concat([crops("test", [7, 3]), crops("calibration", [1])]), ALARM)
    row = queue.set_index("event")
    assert row["score"].to_dict() == {"test0": 7, "test1": 3}
    assert row.loc["test0", "crop_id"] == "test0b" and row.loc["test0", "crops"] == 2


def test_alarms_at_a_rate_are_those_that_few_calibration_events_reach(table):
    queue = queue_of(table, ALARM)
    assert list(queue) == COLUMNS and queue["rank"].tolist() == list(range(1, 15))
    # 19 events, 10 %: p <= 0.1 allows one calibration event above or equal, so more than 17
    assert set_alarm(table, ALARM, 1, days_of(table)).threshold == 17
    assert list(queue["event"])[:4] == ["novel2", "test9", "novel1", "novel0"]
    assert (queue["alarm"] == "yes").sum() == 4
    assert list(queue["p_value"])[:4] == pytest.approx([1 / 20, 1 / 20, 1 / 20, 2 / 20])
    assert set(queue["role"]) == {"test", "novel"}


def test_too_few_calibration_events_never_alarm_and_say_so(table, capsys):
    queue = queue_of(table, ALARM | {"limit": 0.01})
    assert set(queue["alarm"]) == {"no"}
    assert (
        "alarm: 19 calibration groups (split.group: sequence) are too few for a rate of 0.01, "
        "which needs 99: there is never an alarm; ask for a higher rate, or add photos"
    ) in capsys.readouterr().err


def test_a_budget_takes_the_head_of_the_queue_and_alarms_per_day_need_dates(table):
    weekly = ALARM | {"target": "alarms_per_week", "limit": 2}
    queue = queue_of(table, weekly)
    # photos on 19 days are 2.7 weeks: five whole events
    assert (queue["alarm"] == "yes").sum() == 5
    # 34 native events on 19 camera-days: 0.1 x 34 / 19 a day is a rate of 0.1
    daily = ALARM | {"target": "false_alarms_per_camera_day", "limit": 0.1 * 34 / 19}
    pd.testing.assert_frame_equal(queue_of(table, daily), queue_of(table, ALARM))
    with pytest.raises(BadInput, match="alarm.target: alarms_per_week needs photos with dates"):
        queue_of(table.assign(datetime=""), weekly)


def test_per_species_an_event_is_compared_with_its_likes(table, capsys):
    table.loc[table["event"].isin([f"calibration{n}" for n in range(9)]), "predicted"] = "jay"
    table.loc[table["event"] == "test8", "predicted"] = "jay"
    per_species = ALARM | {"per_species": True}
    queue = queue_of(table, per_species)
    row = queue.set_index("event").loc["test8"]  # 8, of the nine jays 0..8 one is as high
    assert row["p_value"] == pytest.approx(2 / 10)
    assert queue["p_value"].is_monotonic_increasing
    assert capsys.readouterr().err == ""
    queue_of(table, per_species | {"limit": 0.05})
    few = (
        "9 calibration groups (split.group: sequence) taken for jay are too few for a rate of 0.05"
    )
    assert few in capsys.readouterr().err
    with pytest.raises(BadInput, match="per_species"):
        queue_of(table.assign(predicted=""), per_species)


def test_one_camera_at_1970_adds_a_day_to_a_weekly_budget_and_not_fifty_years(table):
    weekly = ALARM | {"target": "alarms_per_week", "limit": 1}
    days = days_of(table)
    table.loc[table["event"] == "test3", "datetime"] = "1970-01-01T00:00:00"
    wrong = pd.DataFrame({"location": ["east"], "date": ["1970-01-01"], "images": [1]})
    queue = review_queue(table, pd.concat([days, wrong]), weekly)
    assert (queue["alarm"] == "yes").sum() == 2  # 20 days


def test_a_weekly_budget_is_for_the_days_of_the_queues_locations(table):
    """A photo of no animal counts as a day; a location that the queue does not hold does not."""
    weekly = ALARM | {"target": "alarms_per_week", "limit": 1}
    dates = pd.date_range("2024-05-01", periods=30).strftime("%Y-%m-%d")
    days = pd.DataFrame({"location": "east", "date": dates})
    west = pd.DataFrame({"location": "west", "date": dates.str.replace("2024", "2023")})
    days = pd.concat([days, west, days_of(table).assign(location="north")])
    queue = review_queue(table, days, weekly)
    assert (queue["alarm"] == "yes").sum() == 4  # 30 days


def test_a_weekly_budget_of_a_split_by_time_is_for_the_tested_days(table):
    """Of 30 days the natives of the last 14 are tested, where the split fits on earlier ones."""
    weekly = ALARM | {"target": "alarms_per_week", "limit": 1, "group": "time"}
    dates = pd.date_range("2024-05-01", periods=30).strftime("%Y-%m-%d")
    days = pd.DataFrame({"location": "east", "date": dates})
    days = pd.concat([days, days_of(table).assign(location="north")])
    table.loc[table["role"] == "test", "datetime"] = f"{dates[16]}T01:00:00"
    assert (review_queue(table, days, weekly)["alarm"] == "yes").sum() == 2
    assert (review_queue(table, days, weekly | {"group": "sequence"})["alarm"] == "yes").sum() == 4


def test_calibration_counts_locations_where_they_are_the_groups(table, capsys):
    at = table["role"] == "calibration"
    table.loc[at, "group"] = table.loc[at, "event"].str[-1]  # ten locations of one or two events
    queue = queue_of(table, ALARM | {"group": "location", "limit": 0.05})
    assert set(queue["alarm"]) == {"no"}
    few = "10 calibration groups (split.group: location) are too few for a rate of 0.05, which"
    assert few in capsys.readouterr().err
    row = queue.set_index("event")
    assert row.loc["novel2", "p_value"] == pytest.approx(1 / 11)  # above all of them
    # 17.5 is below 18 alone, one of the two events of its location
    assert row.loc["novel0", "p_value"] == pytest.approx(1.5 / 11)


def test_an_event_of_natives_and_a_rat_is_queued_once(table):
    rat = crops("novel", [3.0], species="rat").assign(event="test9")  # below the native's 20
    queue = queue_of(pd.concat([table, rat], ignore_index=True), ALARM)
    row = queue[queue["event"] == "test9"]
    assert len(row) == 1 and row[["score", "species", "crops"]].iloc[0].tolist() == [20, "fox", 4]


def test_what_shares_an_event_with_natives_that_were_fitted_on_is_not_queued(table):
    for event in ("calibration3", "val1"):
        moth = crops("unlisted", [99.0], species="moth").assign(event=event)
        queue = queue_of(pd.concat([table, moth], ignore_index=True), ALARM)
        assert event not in set(queue["event"])


def test_without_invasive_species_there_is_a_queue_all_the_same(table):
    assert len(queue_of(table[table["role"] != "novel"], ALARM)) == 10


def test_events_are_in_the_order_of_their_highest_crops_also_where_scores_are_equal(table):
    table["score"] = table["score"] // 10
    queue = queue_of(table, ALARM)
    expected = table[table["role"].isin(["test", "novel"])]
    expected = expected.sort_values("score", ascending=False, kind="stable")
    assert queue["event"].tolist() == expected.drop_duplicates("event")["event"].tolist()
    assert events_of(table)["event"].is_unique


def test_the_queue_is_written_from_the_column_of_the_detector_that_leads(table, tmp_path):
    table["location"] = "=HYPERLINK(1)"
    train = crops("train", [50.0])
    moth = crops("unlisted", [99.0], species="moth").assign(event="train0")
    every = pd.concat([table, train, moth], ignore_index=True)
    labels = every.rename(columns={"species": "species_label"})
    labels.assign(crop_width=1, crop_height=1, image_id=labels["crop_id"]).drop(
        columns=["role", "score", "predicted", "group"]
    ).to_csv(tmp_path / "labels.csv", index=False)
    splits = every.drop_duplicates(["event", "species"])
    splits = splits[["event", "species", "role", "location", "group"]]
    splits.to_csv(tmp_path / "splits.csv", index=False)
    scores = table[["crop_id", "predicted"]].assign(knn=table["score"], other=0.0)
    scores.sample(frac=1, random_state=1).to_csv(tmp_path / "scores.csv", index=False)
    days_of(every).to_csv(tmp_path / "camera_days.csv", index=False)
    inputs = (tmp_path / f"{name}.csv" for name in ("scores", "labels", "splits", "camera_days"))
    export_queue(*inputs, tmp_path / "queue.csv", ALARM | {"detector": "knn"})
    expected = queue_of(table, ALARM).reset_index(drop=True)
    written = tmp_path / "queue.csv"
    pd.testing.assert_frame_equal(read_sheet(written), expected, check_dtype=False)
    assert set(read_table(written)["location"]) == {"'=HYPERLINK(1)"}

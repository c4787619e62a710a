"""The review queue, its threshold and its explanation, against hand counts."""

import numpy as np
import pandas as pd
import pytest
from explain_alarms import heat, nearest
from raise_alarms import by_highest, raise_alarms

from plot_queue import plot_queue
from stowaway.core.script import BadInput

ALARM = {"target": "false_alarm_rate", "aim": 0.1, "per_species": False}


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
    if "datetime" not in table:
        day = np.arange(len(table)) // 2 % 28 + 1
        table["datetime"] = [f"2024-02-{d:02}T10:00:00" for d in day]
    return table.assign(date=table["datetime"].str[:10], error=np.nan, correlation=np.nan)


@pytest.fixture
def table():
    """Calibration events score 0..18; of 10 test natives one is above 17, of 4 rats three are."""
    rats = {"species": "rat"}
    return pd.concat(
        [
            crops("calibration", range(19)),
            crops("test", [*range(9), 20]),
            crops("invasive", [17.5, 18.5, 30, 4], **rats),
            crops("val", range(5)),
        ],
        ignore_index=True,
    )


def test_an_event_is_its_highest_crop():
    row = by_highest(crops("test", [7, 3])).set_index("event")
    assert row["score"].to_dict() == {"test0": 7, "test1": 3}
    assert row.loc["test0", "crop_id"] == "test0b" and row.loc["test0", "crops"] == 2


def test_alarms_at_a_rate_are_those_that_few_calibration_events_reach(table):
    queue, alarms = raise_alarms(table, ALARM)
    # 19 events, 10 %: p <= 0.1 allows one calibration event above or equal, so more than 17
    assert alarms.loc[0, "threshold"] == 17
    assert list(queue["event"])[:4] == ["invasive2", "test9", "invasive1", "invasive0"]
    assert (queue["alarm"] == "yes").sum() == 4
    assert list(queue["p_value"])[:4] == pytest.approx([1 / 20, 1 / 20, 1 / 20, 2 / 20])
    assert set(queue["role"]) == {"test", "invasive"}
    line = alarms.iloc[0]
    assert (line["false_alarm_rate"], line["recall_rate"]) == (0.1, 0.75)
    # 19, 10 and 5 native events on 19 days at one place: 0.1 of 34 / 19 a day
    assert line["false_alarms_per_camera_day"] == pytest.approx(0.1 * 34 / 19)
    assert (line["alarms"], line["events"], line["calibration"]) == (4, 14, 19)
    assert {"deviation", "quartile"} < set(alarms["rule"])


def test_too_few_calibration_events_never_alarm_and_say_so(table, capsys):
    queue, alarms = raise_alarms(table, ALARM | {"aim": 0.01})
    assert set(queue["alarm"]) == {"no"} and alarms.loc[0, "threshold"] == np.inf
    assert "19 calibration events are too few for a rate of 0.01, which needs 99" in (
        capsys.readouterr().err
    )


def test_a_budget_takes_the_head_of_the_queue_and_alarms_per_day_need_dates(table):
    queue, _ = raise_alarms(table, ALARM | {"target": "alarms_per_week", "aim": 2})
    assert (queue["alarm"] == "yes").sum() == 2  # ten days are 1.43 weeks: two whole events
    # 34 native events on 19 camera-days: 0.1 x 34 / 19 a day is a rate of 0.1
    daily, _ = raise_alarms(
        table, ALARM | {"target": "false_alarms_per_camera_day", "aim": 0.1 * 34 / 19}
    )
    assert list(daily["alarm"]) == list(raise_alarms(table, ALARM)[0]["alarm"])
    with pytest.raises(BadInput, match="alarm.target: alarms_per_week needs photos with dates"):
        raise_alarms(
            table.assign(date="", datetime=""), ALARM | {"target": "alarms_per_week", "aim": 2}
        )


def test_per_species_an_event_is_compared_with_its_likes(table, capsys):
    table.loc[table["event"].isin([f"calibration{n}" for n in range(9)]), "predicted"] = "jay"
    table.loc[table["event"] == "test8", "predicted"] = "jay"
    queue, _ = raise_alarms(table, ALARM | {"per_species": True})
    row = queue.set_index("event").loc["test8"]  # 8, of the nine jays 0..8 one is as high
    assert row["p_value"] == pytest.approx(2 / 10)
    assert capsys.readouterr().err == ""
    with pytest.raises(BadInput, match="per_species"):
        raise_alarms(table.drop(columns="predicted"), ALARM | {"per_species": True})


def test_an_event_of_natives_and_a_rat_is_judged_for_both_and_queued_once(table):
    rat = crops("invasive", [3.0], species="rat").assign(event="test9")  # below the native's 20
    queue, alarms = raise_alarms(pd.concat([table, rat], ignore_index=True), ALARM)
    assert (queue["event"] == "test9").sum() == 1
    line = alarms.iloc[0]
    assert (line["recall_events"], line["false_alarm_events"]) == (5, 10)
    assert line["recall_rate"] == 3 / 5 and line["false_alarm_rate"] == 0.1
    moth = crops("unlisted", [99.0], species="moth").assign(event="calibration3")
    queue, _ = raise_alarms(pd.concat([table, moth], ignore_index=True), ALARM)
    assert "calibration3" not in set(queue["event"])


def test_without_invasive_species_there_is_a_queue_all_the_same(table):
    queue, alarms = raise_alarms(table[table["role"] != "invasive"], ALARM)
    assert len(queue) == 10 and np.isnan(alarms.loc[0, "recall_rate"])


def test_nearest_natives_are_of_different_events():
    known = np.array([[1.0, 0], [0.99, 0.01], [0.5, 0.5], [0, 1]])
    index, cosine = nearest(np.array([[2.0, 0]]), known, np.array(list("aabc")))
    assert index.tolist() == [[0, 2, 3]]
    assert cosine[0].tolist() == pytest.approx([1, np.sqrt(0.5), 0])


def test_heat_is_highest_where_a_cell_is_unlike_all_natives():
    rng = np.random.default_rng(0)
    natives, cells = rng.normal(size=(30, 4, 4, 6)), rng.normal(size=(1, 4, 4, 6))
    cells[0, 1, 2] += 9
    found = heat(cells, natives)
    assert found.shape == (1, 4, 4) and np.unravel_index(found[0].argmax(), (4, 4)) == (1, 2)
    assert found.min() >= 0 and found[0, 1, 2] == 1


@pytest.mark.parametrize("n", [0, 2])
def test_the_queue_is_drawn_with_names_as_they_are(table, n, tmp_path):
    _, alarms = raise_alarms(table, ALARM)
    saved = {
        "crops": np.zeros((n, 8, 8, 3), np.uint8),
        "natives": np.zeros((n, 3, 8, 8, 3), np.uint8),
        "native_species": np.full((n, 3), "$fox$"),
        "cosine": np.ones((n, 3)),
        "role": np.array(["invasive", "unlisted"][:n]),
        "species": np.array(["<b>rat$", "x"][:n]),
        "alarm": np.array([True, False][:n]),
        "p_value": np.array([0.05, 1.0][:n]),
        "heat": np.ones((n, 2, 2)),
    }
    figure = plot_queue(saved, alarms, "fusion")
    figure.savefig(tmp_path / "queue.svg")
    assert "10%" in figure.get_suptitle() and "of 4 invasive events" in figure.get_suptitle()

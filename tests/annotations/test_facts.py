"""What the index says: counts, the line on times, days with photos, notes on clocks."""

import csv
from collections import Counter
from datetime import date, timedelta

import pytest
from test_entries import box, image, index

from stowaway.annotations.facts import clock_notes, read_facts, times_line
from stowaway.core.script import BadInput

TODAY = date(2025, 1, 1)


def days(first: date, count: int, images: int = 10) -> Counter:
    return Counter({first + timedelta(days=n): images for n in range(count)})


def test_days_with_photos_count_all_images_by_the_local_date(write_json, tmp_path):
    times = ["2024-03-01T23:59:59-07:00", "2024:03:01 1:00:00 AM", "2024-03-02 00:00", "soon", None]
    images = [image(n, f"{n}.jpg", datetime=time) for n, time in enumerate(times)]
    images += [
        image(6, "6.jpg", datetime=times[0], location=" a"),
        image(7, "7.jpg", datetime=times[0], location=None),
        image(8, "8.jpg", datetime=times[0], corrupt=True),
        image(8, "8.jpg", datetime=times[0], corrupt=True),  # listed twice
        image(9, "../9.jpg", datetime=times[2], location="B"),
    ]
    _, _, facts = index(write_json, tmp_path, images, [box(1, 0), box(2, 1)])
    table = list(csv.reader((tmp_path / "camera_days.csv").open(newline="")))
    assert table == [
        ["location", "date", "images"],
        ["A", "2024-03-01", "4"],
        ["A", "2024-03-02", "1"],
        ["B", "2024-03-02", "1"],
        ["unknown", "2024-03-01", "1"],
    ]
    assert facts["images"] == 9 and facts["images_with_time"] == 8 and facts["times_read"] == 7
    assert facts["untimed_images"] == 2 and facts["unlocated_images"] == 1
    assert times_line(facts) == "times read 7 of 8; first unread: 'soon' of image '3'"


def test_the_line_on_times():
    facts = {"images_with_time": 0, "times_read": 0, "first_unread": None}
    assert times_line(facts) == "times: no photo has one listed"
    facts |= {"images_with_time": 1200, "times_read": 1200}
    assert times_line(facts) == "times read 1,200 of 1,200"


def test_the_column_of_the_whole_file_decides_on_the_day(write_json, tmp_path):
    times = ["6/10/2011 1:06:02 PM", "6/10/2011 1:06:04 PM", "13/10/2011 1:06:02 PM"]
    images = [image(n, f"{n}.jpg", datetime=time) for n, time in enumerate(times)]
    rows, _, facts = index(write_json, tmp_path, images, [box(n, n) for n in range(3)])
    assert [row["datetime"][:10] for row in rows] == ["2011-10-06", "2011-10-06", "2011-10-13"]
    assert rows[0]["event"] == rows[1]["event"] == "A@2011-10-06T13:06:02"
    assert facts["times_read"] == 3
    events = {"datetime_format": "month_first"}
    rows, _, facts = index(
        write_json, tmp_path, images[:2], [box(n, n) for n in range(2)], events=events
    )
    assert rows[0]["datetime"][:10] == "2011-06-10"


def test_a_clock_at_1970_is_named():
    usual = {name: days(date(2024, 3, 1), 100) for name in "BCDEFGHIJK"}
    assert clock_notes(usual, TODAY) == []
    lost = {"A": days(date(1970, 1, 1), 3, 40)}
    assert clock_notes(usual | lost, TODAY) == [
        "location 'A': 120 photos are dated 1970-01-01 to 1970-01-03, 54 years from those of other "
        "locations; is the camera's clock wrong?"
    ]
    some = {"A": days(date(2024, 3, 1), 100) + days(date(1970, 1, 1), 1, 12)}
    assert clock_notes(usual | some, TODAY) == [
        "location 'A': 12 photos are dated 1970-01-01, 54 years from its others; is the camera's "
        "clock wrong?"
    ]


def test_dates_to_come_and_single_locations():
    future = {"A": days(date(2024, 12, 1), 20) + Counter({date(2025, 2, 1): 2})}
    assert clock_notes(future, TODAY) == [
        "location 'A': 2 photos are dated 2025-02-01; is the camera's clock wrong?"
    ]
    # two seasons of one location are no outliers
    seasons = {"A": days(date(2020, 3, 1), 50) + days(date(2023, 3, 1), 40)}
    assert clock_notes(seasons, TODAY) == []
    seasons["B"] = seasons["A"]
    assert clock_notes(seasons, TODAY) == []


def test_many_notes_are_cut():
    wrong = {f"A{n}": days(date(2024, 3, 1), 90) + Counter({date(1999, 1, 1): 1}) for n in range(9)}
    notes = clock_notes(wrong, TODAY)
    assert len(notes) == 6 and notes[-1] == "and 4 more locations with such dates"
    assert clock_notes({}, TODAY) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"notes": '])
def test_damaged_facts_are_one_line_with_the_rule(tmp_path, content):
    path = tmp_path / "index_facts.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=r"damaged \(.*\); run again with --forcerun index_annot"):
        read_facts(path)

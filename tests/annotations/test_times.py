"""Times as cameras and exports write them; the expected values are written by hand."""

from datetime import UTC, datetime

import pytest

from stowaway.annotations.times import DAY, MINUTE, SECOND, Moment, TimeReader, Unclear
from stowaway.core.script import BadInput

SEVENTH = "2011-06-10T13:06:02"


def read(value, declared=None, field="datetime"):
    return TimeReader(declared).read({"id": "x", field: value})[1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2011-06-10T13:06:02", SEVENTH),
        ("2011-06-10 13:06:02", SEVENTH),
        ("2011/6/10 13:6:2", SEVENTH),
        ("2011:06:10 13:06:02", SEVENTH),
        ("2011:6:10 1:06:02 PM", SEVENTH),
        ("2011-06-10T13:06:02.250", SEVENTH + ".250000"),
        ("2011-06-10T13:06:02.2500001Z", SEVENTH + ".250000+00:00"),
        ("2011-06-10 13:06:02 Z", SEVENTH + "+00:00"),
        ("2011:06:10 13:06:02-07:00", SEVENTH + "-07:00"),
        ("2011-06-10T13:06:02+0530", SEVENTH + "+05:30"),
        ("2011-06-10 13:06:02 UTC", SEVENTH + "+00:00"),
        ("20110610130602", SEVENTH),
        ("20110610T130602Z", SEVENTH + "+00:00"),
        ("20110610", "2011-06-10T00:00:00"),
        ("2011-06-10", "2011-06-10T00:00:00"),
        ("10-Jun-2011 13:06:02", SEVENTH),
        ("10 June 2011, 13:06:02", SEVENTH),
        ("June 10, 2011 1:06:02 PM", SEVENTH),
        ("Friday, June 10th, 2011 at 1:06:02 p.m.", SEVENTH),
        ("2011-Jun-10 13:06:02", SEVENTH),
        ("Fri Jun 10 13:06:02 2011", SEVENTH),
        ("Fri, 10 Jun 2011 13:06:02 -0700", SEVENTH + "-07:00"),
        ("6/10/2011 12:06:02 AM".replace("6/10", "6/6"), "2011-06-06T00:06:02"),
        ("6/6/2011 12:06:02 pm", "2011-06-06T12:06:02"),
        ("6/6/2011 1:06:02\u202fPM", "2011-06-06T13:06:02"),
        ("13/6/2011 01:06:02", "2011-06-13T01:06:02"),
        ("6/13/2011 01:06", "2011-06-13T01:06:00"),
        ("30.6.2011 01:06", "2011-06-30T01:06:00"),
        (1307711162, SEVENTH + "+00:00"),
        (1307711162000, SEVENTH + "+00:00"),
        (1307711162.5, SEVENTH + ".500000+00:00"),
        ("1307711162", SEVENTH + "+00:00"),
        ("1307711162000", SEVENTH + "+00:00"),
        (" \ufeff2011-06-10  13:06:02\n", SEVENTH),
    ],
)
def test_a_time_with_one_meaning_is_read(value, text):
    assert read(value).text == text


@pytest.mark.parametrize(
    "value",
    [
        *["0000:00:00 00:00:00", "0000-00-00", "Invalid date", "yesterday", "2011", 2011, 1266, 0],
        *["2011-02-30 10:00", "31/04/2011", "2011-13-06 10:00", "40/40/2011", "1307711162123456"],
        *["1266-12-34", "1266-12-14 10:00", "2150-01-01", "0001-01-01T00:00:00", "99/99/99"],
        *[True, ["2011-06-10"], {"a": 1}, float("nan"), float("inf"), -5, 1e308, 20110610],
        *["2011-06-10 25:00", "2011-06-10 13:06:02 AM", "2011-06-10 10:00+99:00", "1" * 100_000],
        *["1970-01-01 00:00:00", "1970:01:01 00:00:00", "1970-01-01T00:00:00Z", "1970-01-01"],
        *["1900-01-01", "1/1/2000 0:00", "2000-01-01T00:00:00.000", 946_684_800, "1601-01-01"],
        *["1969-12-31T17:00:00-07:00", "2000-01-01T00:00:00-07:00", "1/1/1900 12:00:00 AM"],
        *[2024030110, "2024030110", 4_000_000_000, "4000000000000", 2024030110.0],
        *["10-Juin-2011 13:06", "2011-06-10 13:06:02 PST", "null", "\ud800", "01:06:02"],
    ],
)
def test_what_is_no_time_is_listed_and_not_read(value):
    reader = TimeReader()
    assert reader.read({"id": 5, "datetime": value}) == (True, None)
    assert reader.first_unread.endswith("of image '5'") and len(reader.first_unread) < 80


def test_a_number_is_a_time_up_to_tomorrow():
    now = int(datetime.now(UTC).timestamp())
    for today in now, str(now), now * 1000, now + 80_000:
        assert read(today)
    for later in now + 90_000, str(now + 90_000), (now + 90_000) * 1000:
        assert read(later) is None


@pytest.mark.parametrize("value", [None, "", "  ", "\u200b"])
def test_an_empty_time_is_none_listed(value):
    reader = TimeReader()
    assert reader.read({"id": 5, "datetime": value}) == (False, None)
    assert reader.first_unread is None


def test_the_clock_the_offset_and_how_precise_a_time_is():
    assert read("2011-06-10 13:06:02") == Moment(SEVENTH, 1307711162.0, None, SECOND)
    assert read("2011:06:10 13:06:02-07:00")[1:] == (1307711162.0, -7 * 3600, SECOND)
    assert read("2011-06-10 13:06")[1:] == (1307711160.0, None, MINUTE)
    assert read("2011-06-10")[1:] == (1307664000.0, None, DAY)
    for midnight in "2011-06-10 00:00:00", "2011-06-10T00:00:00.000Z", "6/10/2011 12:00 AM":
        assert read(midnight, "month_first").span == DAY
    assert read("2011-06-10 00:00:01").span == SECOND
    assert read("2000-01-01 00:00:01").text == "2000-01-01T00:00:01"
    assert read("2011-06-10T13:06+02:00")[1:] == (1307711160.0, 7200, MINUTE)


def test_other_fields_are_read_where_datetime_cannot_be():
    assert read("2011-06-10 13:06:02", field="date_captured").text == SEVENTH
    for first in ("", "0000:00:00 00:00:00"):
        both = {"datetime": first, "date_captured": SEVENTH}
        assert TimeReader().read(both)[1].text == SEVENTH


def column(*values, declared=None):
    """What a reader makes of a column: ISO dates."""
    reader = TimeReader(declared)
    moments = [reader.read({"id": n, "datetime": v})[1] for n, v in enumerate(values)]
    reader.settle()
    moments = [reader.decide(m) if isinstance(m, Unclear) else m for m in moments]
    return [moment and moment.text[:10] for moment in moments]


def test_the_column_decides_which_part_is_the_day():
    assert column("6/10/2011 1:00", "13/10/2011 1:00") == ["2011-10-06", "2011-10-13"]
    assert column("10/13/2011 1:00", "6/10/2011 1:00") == ["2011-10-13", "2011-06-10"]


def test_what_the_column_does_not_decide_is_asked_for():
    with pytest.raises(BadInput) as error:
        column("6/10/2011 01:06:02 PM", "7/10/2011 01:06:02 PM")
    assert str(error.value) == (
        "coco: 2 x a time has two meanings, as '6/10/2011 01:06:02 PM' of image '0', and no other "
        "time decides: set events.datetime_format to day_first or month_first"
    )
    with pytest.raises(BadInput, match="the others disagree, as '13/1/2011' of image '1' and"):
        column("6/10/2011", "13/1/2011", "1/13/2011")
    # another separator is another style
    with pytest.raises(BadInput, match=r"1 x a time has two meanings, as '6.10.2011'"):
        column("6.10.2011", "13/10/2011")
    assert column("13/1/2011", "1/13/2011") == ["2011-01-13"] * 2


def test_a_declared_order():
    assert column("6/10/2011", "6.10.2011", declared="day_first") == ["2011-10-06"] * 2
    assert column("6/10/2011", "13/10/2011", declared="month_first") == ["2011-06-10", None]


def test_a_year_of_two_digits_needs_a_pattern():
    for value in ("10-06-11 13:06", "10-Jun-11 13:06", "31/12/99"):
        with pytest.raises(BadInput, match="a year of two digits, '.*' of image 'x': set events"):
            read(value)
    assert read("10.06.11 13:06", "%d.%m.%y %H:%M") == Moment(
        "2011-06-10T13:06:00", 1307711160.0, None, MINUTE
    )
    assert read("2011-06-10 13:06:02", "%d.%m.%y %H:%M").text == SEVENTH
    assert read("6/10/2011", "%d.%m.%y %H:%M") is None


@pytest.mark.parametrize("pattern", ["%H:%M", "%Q", "dayfirst", "%d.%m.", "%", "(%Y"])
def test_a_pattern_without_a_date_is_refused(pattern):
    with pytest.raises(BadInput, match="events.datetime_format: "):
        TimeReader(pattern)

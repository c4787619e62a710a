"""The user's table of deployments: times of zones, rounding, and what is refused."""

import pytest
from made_up_run import write_deployments

from stowaway.core.script import BadInput
from stowaway.exports.deployments import read_deployments, rounding_radius


def test_coordinates_are_rounded_and_say_by_how_much(tmp_path):
    table = write_deployments(tmp_path)
    exact, coarse = read_deployments(table, None), read_deployments(table, 2)
    assert [(one.latitude, one.longitude) for one in exact.values()][0] == (34.01672, -119.76341)
    assert [one.uncertainty for one in exact.values()] == [None] * 3
    assert [(one.latitude, one.longitude) for one in coarse.values()][0] == (34.02, -119.76)
    # half of 0.01 degrees is 558.5 m; at 34 degrees one of longitude is 0.829 as long
    assert [one.uncertainty for one in coarse.values()][0] == 726
    assert rounding_radius(90, 0) == pytest.approx(111_700 / 2)


def test_the_tables_own_uncertainty_is_added(tmp_path):
    header = "deploymentID,latitude,longitude,deploymentStart,deploymentEnd,coordinateUncertainty"
    table = write_deployments(tmp_path, "A,90,-0.001,2026-01-01,2026-01-02,30", header=header)
    (one,) = read_deployments(table, 0).values()
    assert one.uncertainty == 111_700 / 2 + 30 and str(one.longitude) == "0.0"
    (one,) = read_deployments(table, None).values()
    assert one.uncertainty == 30


@pytest.mark.parametrize(
    ("local", "moment"),
    [
        ("2026-07-01T12:00:00", "2026-07-01T12:00:00-07:00"),
        ("2026-12-01T12:00:00.999", "2026-12-01T12:00:00-08:00"),
        ("2026-11-01T01:30:00", "2026-11-01T01:30:00-07:00"),  # it is 1:30 twice: the first
        ("2026-03-08T02:30:00", "2026-03-08T02:30:00-08:00"),  # no clock shows it
        ("2026-12-01T12:00:00+05:30", "2026-12-01T12:00:00+05:30"),  # listed: kept
        ("2026-12-01T12:00:00Z", "2026-12-01T12:00:00+00:00"),
    ],
)
def test_local_times_have_the_offset_of_their_day(tmp_path, local, moment):
    row = "A,34,-119,2026-01-01,2026-12-31,America/Los_Angeles"
    (one,) = read_deployments(write_deployments(tmp_path, row), None).values()
    assert one.moment(local).isoformat() == moment
    start, end = one.interval
    assert start.isoformat() == "2026-01-01T00:00:00-08:00"
    assert end.isoformat() == "2026-12-31T23:59:59-08:00"


ROWS = {
    "stands twice": ["A,1,2,2026-01-01,2026-01-02,", "a ,1,2,2026-01-01,2026-01-02,"],
    "latitude '91'": ["A,91,2,2026-01-01,2026-01-02,"],
    "latitude '34,5'": ['A,"34,5",2,2026-01-01,2026-01-02,'],
    "longitude 'nan'": ["A,1,nan,2026-01-01,2026-01-02,"],
    "longitude ''": ["A,1,,2026-01-01,2026-01-02,"],
    "Camtrap DP reads as none": ["NA,1,2,2026-01-01,2026-01-02,"],
    "no time zone is called '../etc/passwd'": ["A,1,2,2026-01-01,2026-01-02,../etc/passwd"],
    "no time zone is called 'PST time'": ["A,1,2,2026-01-01,2026-01-02,PST time"],
    "has no offset to UTC: add a column timezone": ["A,1,2,2026-01-01,2026-01-02,"],
    "is no time in ISO 8601": ["A,1,2,01/02/2026,2026-01-02,Z"],
    "ends before it starts": ["A,1,2,2026-01-03,2026-01-02,UTC"],
}


@pytest.mark.parametrize("why", ROWS)
def test_a_wrong_row_is_one_line_that_names_it(tmp_path, why):
    table = write_deployments(tmp_path, *(row.replace(",Z", ",UTC") for row in ROWS[why]))
    with pytest.raises(BadInput) as raised:
        next(iter(read_deployments(table, None).values())).interval  # noqa: B018
    assert why in str(raised.value) and str(table) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"deploymentID;latitude\nA;1\n", b"deploymentID,latitude\n", b"\xff\xfe\x00", b"{}"],
)
def test_another_table_is_refused_with_the_columns_it_needs(tmp_path, content):
    table = tmp_path / "cameras.csv"
    table.write_bytes(content)
    with pytest.raises(BadInput, match="give a CSV with the columns deploymentID, latitude"):
        read_deployments(table, None)

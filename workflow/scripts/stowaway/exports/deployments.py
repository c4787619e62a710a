"""The user's table of deployments: where each camera stands, from when to when, in which zone."""

import csv
import math
import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone, tzinfo
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from stowaway.core.names import location_key, shown
from stowaway.core.script import BadInput

COLUMNS = "deploymentID latitude longitude deploymentStart deploymentEnd".split()
WANTED = (
    f"a CSV with the columns {', '.join(COLUMNS)}; deploymentID is the location, and the column "
    "timezone (America/Los_Angeles or -08:00) is needed where times have no offset to UTC"
)
LIMITS = {"latitude": 90, "longitude": 180}
DEGREE = 111_700  # metres of the longest degree of latitude or longitude
NO_NAMES = {"", "NA", "NaN", "nan"}  # what Camtrap DP reads as a missing value


@dataclass
class Deployment:
    """A camera at its location. Coordinates are in degrees (WGS84), rounded as asked for.

    `uncertainty` is the radius in metres that rounding, and the table's own coordinateUncertainty,
    leave; None where neither is given. `start` and `end` are as in the table.
    """

    name: str
    latitude: float
    longitude: float
    uncertainty: int | None
    start: str
    end: str
    zone: tzinfo | None
    table: Path

    def moment(self, text: str, end_of_day: bool = False) -> datetime:
        """A local time of the location, in ISO 8601, with its offset to UTC, to the second.

        A time without an offset is of the table's time zone: the first one where the clocks are put
        back, and as before where they are put forward. Raises `BadInput` for what is no time, and
        where the offset is not known.
        """
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise BadInput(
                f"{self.table}: location {shown(self.name)}: {shown(text)} is no time in ISO 8601, "
                "such as 2026-11-16 or 2026-11-16T08:30:00-08:00"
            ) from None
        if end_of_day and len(text) == len("2026-11-16"):
            moment = datetime.combine(moment, time(23, 59, 59))
        if moment.tzinfo is None:
            if self.zone is None:
                raise BadInput(
                    f"{self.table}: location {shown(self.name)}: the time {shown(text)} has no "
                    "offset to UTC: add a column timezone with the zone of the camera's clock, "
                    "such as America/Los_Angeles or -08:00"
                )
            moment = moment.replace(tzinfo=self.zone)
            # a fixed offset: times of a zone are compared by their clocks
            moment = moment.replace(tzinfo=timezone(moment.utcoffset()))
        return moment.replace(microsecond=0)

    @cached_property
    def interval(self) -> tuple[datetime, datetime]:
        """From when to when the camera stood there. Raises `BadInput` as `moment`."""
        start, end = self.moment(self.start), self.moment(self.end, end_of_day=True)
        if end < start:
            raise BadInput(f"{self.table}: location {shown(self.name)}: it ends before it starts")
        return start, end


def read_deployments(table: Path, decimals: int | None) -> dict[str, Deployment]:
    """Each deployment by the `location_key` of its deploymentID, in the table's order.

    Coordinates are rounded to `decimals`. Raises `BadInput` for a table without COLUMNS or rows,
    for a location that stands twice, and for what is no coordinate or no time zone.
    """
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or "it is no CSV in UTF-8"
        raise BadInput(f"deployments.table: {table}: {why}; give {WANTED}") from None
    if missing := [name for name in COLUMNS if name not in (rows[0] if rows else {})]:
        raise BadInput(f"deployments.table: {table} has no {missing[0]}; give {WANTED}")
    found: dict[str, Deployment] = {}
    for row in rows:
        row = {name: (row.get(name) or "").strip() for name in (*COLUMNS, "timezone")} | {
            "coordinateUncertainty": (row.get("coordinateUncertainty") or "").strip()
        }
        name = row["deploymentID"]
        if name in NO_NAMES:
            raise BadInput(
                f"{table}: a deploymentID is {shown(name)}, which Camtrap DP reads as none"
            )
        if location_key(name) in found:
            raise BadInput(f"{table}: location {shown(name)} stands twice")
        found[location_key(name)] = _deployment(row, table, decimals)
    return found


def _deployment(row: dict[str, str], table: Path, decimals: int | None) -> Deployment:
    degrees = {}
    for axis, most in LIMITS.items():
        value = _number(row[axis])
        if value is None or abs(value) > most:
            raise BadInput(
                f"{table}: location {shown(row['deploymentID'])}: {axis} {shown(row[axis])} is no "
                f"number of degrees from -{most} to {most}, such as 34.0167"
            )
        degrees[axis] = value if decimals is None else round(value, decimals) + 0.0  # no -0.0
    own = _number(row["coordinateUncertainty"]) or 0.0
    lost = own + (0.0 if decimals is None else rounding_radius(degrees["latitude"], decimals))
    return Deployment(
        name=row["deploymentID"],
        **degrees,
        uncertainty=max(1, math.ceil(lost)) if lost else None,
        start=row["deploymentStart"],
        end=row["deploymentEnd"],
        zone=_zone(row, table),
        table=table,
    )


def rounding_radius(latitude: float, decimals: int) -> float:
    """Metres by which a place is off, at most, whose degrees are rounded to so many decimals."""
    half = DEGREE * 10.0**-decimals / 2
    return half * math.hypot(1, math.cos(math.radians(latitude)))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _zone(row: dict[str, str], table: Path) -> tzinfo | None:
    """The time zone of a row, None where it names none."""
    text = row["timezone"]
    if not text:
        return None
    if match := re.fullmatch(r"([+-])(\d\d):?([0-5]\d)", text, re.ASCII):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if offset <= timedelta(hours=15):
            return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(text)
    except (ValueError, KeyError, OSError):
        raise BadInput(
            f"{table}: location {shown(row['deploymentID'])}: no time zone is called "
            f"{shown(text)}; name one such as America/Los_Angeles or -08:00"
        ) from None

"""The times of photos: what has one meaning is read, what has two is asked for, nothing guessed."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from typing import NamedTuple

from stowaway.core.names import clean_text, shown
from stowaway.core.script import BadInput

_EXIF = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)", re.ASCII)
FIELDS = ("datetime", "date_captured", "DateTimeOriginal", "timestamp")  # first that can be read
YEARS = range(1900, 2100)  # of a time that is written out
FIRST_EPOCH = 631_152_000  # 1990, in seconds since 1970: a number is a time from then to tomorrow
# What clocks and databases write for no time; years before are none.
NO_TIME = {datetime(year, 1, 1) for year in (1900, 1970, 2000)}
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAY, MINUTE, SECOND = 86_400, 60, 1  # seconds for which a time stands, as precisely as it is listed

_NAME = (
    "(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = "(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?[,. ]+)?"
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[ap])\.? ?m\b\.?)?(?: ?(?P<zone>z|utc|gmt|[+-]\d\d(?::?\d\d)?))?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_DATES = (
    r"(?P<year>\d{4})(?P<sep>[-:/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})",
    r"(?P<first>\d{1,2})(?P<sep>[-:/.])(?P<other>\d{1,2})(?P=sep)(?P<year>\d{4}|\d\d)",
    rf"(?P<year>\d{{4}})[-/. ]{_NAME}[-/. ]{_DAY}",
    rf"{_WEEKDAY}{_DAY}[-/., ]+{_NAME}[-/., ]+(?P<year>\d{{4}}|\d\d)",
    rf"{_WEEKDAY}{_NAME}[-/. ]+{_DAY}[-/., ]+(?P<year>\d{{4}})",
)
_FORMS = [
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        *(rf"{date}(?:(?:t|,? |, ?|_|-| at ){_CLOCK})?" for date in _DATES),
        rf"{_WEEKDAY}{_NAME} {_DAY} {_CLOCK} (?P<year>\d{{4}})",  # as C's asctime writes it
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
        r"(?:[t _-]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(?P<zone>z)?)?",
    )
]


class Moment(NamedTuple):
    """A time as listed: its ISO text, the clock in seconds, the offset to UTC if listed.

    `clock` counts from 1970 by the wall clock; `clock - offset` is the time in UTC. The photo may
    be from up to `span` seconds later, exclusive.
    """

    text: str
    clock: float
    offset: int | None
    span: int


class Unclear(NamedTuple):
    """A time with two meanings; `style` is what decides for all times that are written like it."""

    style: tuple[str, str]
    text: str


@dataclass
class _Votes:
    """What the times of one style say about its order; each example is a value with its image."""

    day_first: str = ""
    month_first: str = ""
    unclear: int = 0
    example: str = ""


def exif_time(original: object, fraction: object, offset: object) -> tuple[str, str]:
    """The time and the offset of EXIF's DateTimeOriginal, SubSecTimeOriginal, OffsetTimeOriginal.

    The time is in ISO 8601 where it has EXIF's form, else as it stands; what is no text is blank,
    and so is an offset that is none.
    """
    text, fraction, offset = (
        clean_text(part) if isinstance(part, str) else "" for part in (original, fraction, offset)
    )
    if match := _EXIF.fullmatch(text):
        text = "{}-{}-{}T{}".format(*match.groups())
        text += f".{fraction[:6]}" if re.fullmatch(r"\d+", fraction, re.ASCII) else ""
    return text[:64], offset if re.fullmatch(r"[+-]\d\d:\d\d", offset, re.ASCII) else ""


class TimeReader:
    """Reads the times of a COCO's images, of which some decide what others mean.

    `declared` is the config's `events.datetime_format`: None, `day_first`, `month_first`, or a
    pattern of `strptime`, which is then tried first; `source` is the config's key of the file.
    `6/10/2011` is unclear. In a column where some first part is over 12 the day comes first, where
    some second part is over 12 the month. `first_unread` is the first time that cannot be read,
    with its image.
    """

    def __init__(self, declared: str | None = None, source: str = "coco") -> None:
        self.source = source
        self.order = declared if declared in ("day_first", "month_first") else None
        self.pattern = None if self.order else declared
        self.pattern_span = _span_of(self.pattern) if self.pattern else SECOND
        self.first_unread: str | None = None
        self._votes: dict[tuple[str, str], _Votes] = defaultdict(_Votes)

    def read(self, image: dict) -> tuple[bool, Moment | Unclear | None]:
        """Whether a time is listed, and the time, if it can be read."""
        unread = ""
        for field in FIELDS:
            value = image.get(field)
            if value is None or isinstance(value, str) and not clean_text(value):
                continue
            text = " ".join(clean_text(value).split()) if isinstance(value, str) else value
            if moment := self._parse(field, text, image):
                return True, moment
            unread = unread or _with_image(value, image)
        self.first_unread = self.first_unread or unread or None
        return bool(unread), None

    def settle(self) -> None:
        """Decide the order of each style. Raises `BadInput` where the times do not decide it."""
        for votes in self._votes.values():
            if votes.unclear and (not votes.day_first) == (not votes.month_first):
                why = "no other time decides"
                if votes.day_first:
                    why = f"the others disagree, as {votes.day_first} and {votes.month_first}"
                raise BadInput(
                    f"{self.source}: {votes.unclear:,} x a time has two meanings, as "
                    f"{votes.example}, and {why}: set events.datetime_format to day_first or "
                    "month_first"
                )

    def decide(self, unclear: Unclear) -> Moment:
        """The time, once `settle` has decided its style."""
        day_first = bool(self._votes[unclear.style].day_first)
        return _built(_match(unclear.text), day_first)

    def _parse(self, field: str, value: object, image: dict) -> Moment | Unclear | None:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        if self.pattern and (moment := self._by_pattern(str(value))):
            return moment
        if not isinstance(value, str):
            return _epoch(value)
        if len(value) > 64:
            return None
        if value[4:5] == value[7:8] == "-" and value[13:14] == value[16:17] == ":":
            try:  # most times, and 20 times as fast
                return _moment(datetime.fromisoformat(value), SECOND)
            except ValueError:
                pass
        if re.fullmatch(r"\d{9,13}(\.\d+)?", value, re.ASCII):
            return _epoch(float(value))
        parts = _match(value)
        if not parts:
            return None
        if "first" not in parts or len(parts["year"]) == 2:
            if len(parts["year"]) == 2:
                if self.pattern or not _may_be_date(parts):
                    return None
                raise BadInput(
                    f"{self.source}: a time has a year of two digits, {_with_image(value, image)}: "
                    "set events.datetime_format to its pattern, such as '%d.%m.%y %H:%M'"
                )
            return _built(parts)
        by_day, by_month = _built(parts, True), _built(parts, False)
        if self.order:
            return by_day if self.order == "day_first" else by_month
        votes = self._votes[field, parts["sep"]]
        if by_day == by_month or not (by_day and by_month):
            if not by_month and by_day:
                votes.day_first = votes.day_first or _with_image(value, image)
            if not by_day and by_month:
                votes.month_first = votes.month_first or _with_image(value, image)
            return by_day or by_month
        if self.pattern:
            return None
        votes.unclear += 1
        votes.example = votes.example or _with_image(value, image)
        return Unclear((field, parts["sep"]), value)

    def _by_pattern(self, text: str) -> Moment | None:
        try:
            return _moment(datetime.strptime(text, self.pattern), self.pattern_span)
        except (ValueError, OverflowError):
            return None


def _match(text: str) -> dict[str, str] | None:
    """The named parts of a time that is written out in one of the known forms."""
    matches = (form.fullmatch(text) for form in _FORMS)
    return next(({k: v for k, v in m.groupdict().items() if v} for m in matches if m), None)


def _built(parts: dict[str, str], day_first: bool = False) -> Moment | None:
    """The time of parts that `_match` found, or None where there is no such day or hour."""
    day, month = parts.get("day"), parts.get("month")
    if "first" in parts:
        day, month = parts["first"], parts["other"]
        day, month = (day, month) if day_first else (month, day)
    elif "name" in parts:
        month = MONTHS.index(parts["name"][:3].lower()) + 1
    hour, half = int(parts.get("hour", 0)), parts.get("half", "").lower()
    if half and hour <= 12:
        if hour == 0 and half == "p":
            return None
        hour = hour % 12 + 12 * (half == "p")
    elif half == "a":
        return None
    zone = None
    if "zone" in parts:
        digits = re.sub(r"\D", "", parts["zone"]).ljust(4, "0")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        if minutes > 15 * 60 or int(digits[2:]) > 59:
            return None
        zone = timezone(timedelta(minutes=-minutes if parts["zone"][0] == "-" else minutes))
    micro = int(parts.get("fraction", "0")[:6].ljust(6, "0"))
    rest = int(parts.get("minute", 0)), int(parts.get("second", 0)), micro
    try:
        moment = datetime(int(parts["year"]), int(month), int(day), hour, *rest, zone)
    except ValueError:
        return None
    return _moment(moment, SECOND if "second" in parts else MINUTE if "minute" in parts else DAY)


def _moment(moment: datetime, span: int) -> Moment | None:
    """The time, or None where it stands for none; midnight is how exports write a date alone."""
    if moment.year not in YEARS:
        return None
    naive = moment.replace(tzinfo=None)
    if NO_TIME & {naive, naive - (moment.utcoffset() or timedelta(0))}:
        return None
    span = DAY if naive.time() == time.min else span
    offset = None if moment.tzinfo is None else int(moment.utcoffset().total_seconds())
    return Moment(moment.isoformat(), moment.replace(tzinfo=UTC).timestamp(), offset, span)


def _epoch(number: float) -> Moment | None:
    """A number of seconds or milliseconds since 1970, which is in UTC.

    One to come is none: 2024030110 is a date and an hour.
    """
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).timestamp()
    for seconds in (number, number / 1000) if abs(number) < 1e15 else ():
        if FIRST_EPOCH <= seconds < tomorrow:
            return _moment(datetime.fromtimestamp(seconds, UTC), SECOND)
    return None


def _may_be_date(parts: dict[str, str]) -> bool:
    """Whether parts with a year of two digits may be a date: a day and a month are in them."""
    if parts.get("sep") == ":":  # it is a clock
        return False
    numbers = [int(parts[part]) for part in ("first", "other", "day", "year") if part in parts]
    months = sum(1 <= number <= 12 for number in numbers) + ("name" in parts)
    days = sum(1 <= number <= 31 for number in numbers)
    return months > 0 and days + ("name" in parts) >= 2


def _span_of(pattern: str) -> int:
    """The seconds for which a time of the pattern stands. Raises `BadInput` for what is none."""
    sample = datetime(2020, 1, 31, 13, 6, 2, tzinfo=UTC)
    try:
        back = datetime.strptime(sample.strftime(pattern), pattern)
    except (ValueError, re.error):
        back = None
    if back is None or back.date() != sample.date():
        raise BadInput(
            f"events.datetime_format: {shown(pattern)} is neither day_first, month_first nor a "
            "pattern with year, month and day, such as '%d.%m.%Y %H:%M'"
        )
    return SECOND if back.second else MINUTE if back.hour else DAY


def _with_image(value: object, image: dict) -> str:
    return f"{shown(value)} of image {shown(image.get('id'))}"

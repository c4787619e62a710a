"""Why a native species has too few groups for a split, and what helps."""

from datetime import datetime

import pandas as pd

from stowaway.annotations.events import UNKNOWN
from stowaway.core.script import BadInput
from stowaway.data.roles import FITTED_ROLES, NATIVE_ROLES, Role

ENOUGH = len(NATIVE_ROLES)  # groups of a species, one for each role
LONG_EVENT = 600  # seconds; a longer one may be several visits
DAY = 86_400


def check_groups(
    events: pd.DataFrame,
    novel: list[str],
    split: dict,
    event_settings: dict,
    per_species: int | None,
    times: str,
) -> None:
    """Raise `BadInput` where a native of `events` (see `assign_roles`) has no group of some role.

    Its one line has the boxes and events of each such species, and the cause. `novel` are the
    species whose groups are all for test. `split`, `event_settings` and `per_species` are the
    config's `split`, `events` and `subset.per_species`; `times` says how many times were read.
    """
    natives = events[events["role"].isin(NATIVE_ROLES)]
    roles = natives.groupby("species")["role"].nunique()
    tested = set(events.loc[events["species"].isin(novel), "group"])
    lines = []
    for species in roles.index[roles < ENOUGH]:
        own = natives[natives["species"] == species]
        alike = events[events["group"].isin(own["group"])]
        cause = (
            _too_little(own, per_species)
            or _unknown(own, alike, split["group"])
            or _few_groups(own, split["group"], event_settings)
            or _uneven_groups(own, tested, split, event_settings)
        )
        boxes = f"{_count(own['boxes'].sum(), 'box', 'es')} of {_count(len(own), 'event')}"
        lines.append(f"'{_short(species)}' has {boxes}: {cause}")
    if lines:
        raise BadInput(
            f"split: {'; '.join(lines)}; {times}; each native needs a group for every role "
            f"({', '.join(NATIVE_ROLES)}): do as said, or take it off species.native"
        )


# Each of these has a native's rows `own`, one per event, and returns the cause, or None where it is
# another one.


def _too_little(own: pd.DataFrame, per_species: int | None) -> str | None:
    if per_species and own["boxes"].sum() >= per_species and own["group"].nunique() < ENOUGH:
        return f"subset.per_species ({per_species}) takes no more; raise it"
    if (photos := own["photos"].sum()) < ENOUGH:
        return f"they are on {_count(photos, 'photo')}; label more of its visits"
    return None


def _unknown(own: pd.DataFrame, alike: pd.DataFrame, unit: str) -> str | None:
    """`alike` has the rows of all species in the native's groups."""
    events = own["event_group"].map(alike.groupby("event_group")["event"].nunique())
    locations = own["group"].map(alike.groupby("group")["location"].nunique())
    untold = events.gt(1) | own["event"].str.endswith(f"@{UNKNOWN}")
    what = "events cannot be told apart"
    if unit == "time":
        untold = locations.gt(1) | own["group"].str.endswith(f"@{UNKNOWN}")
        what = "days are unknown"
    elif unit == "location" and own["event_group"].nunique() >= ENOUGH:
        untold = locations.gt(1)
        what = "locations cannot be told apart"
    if not untold.any() or own.loc[~untold, "group"].nunique() >= ENOUGH:
        return None
    boxes, where = own.loc[untold, "boxes"].sum(), _locations(own[untold])
    return (
        f"{boxes} are at {where} with photos that lack a time, location or sequence, so that their "
        f"{what}; bring what is lacking, or see events.datetime_format"
    )


def _few_groups(own: pd.DataFrame, unit: str, event_settings: dict) -> str | None:
    groups = own["group"].nunique()
    if groups >= ENOUGH:
        return None
    if own["event_group"].nunique() >= ENOUGH:
        where = f"of {_count(groups, 'day')}" if unit == "time" else f"at {_locations(own)}"
        return f"they are {where}; set split.group to sequence"
    return _long_event(own, event_settings, LONG_EVENT) or "too few visits; label more of them"


def _uneven_groups(
    own: pd.DataFrame, tested: set[str], split: dict, event_settings: dict
) -> str | None:
    """`tested` are the groups that are all for test, since a novel species is in them."""
    unit, groups = split["group"], own.drop_duplicates("group")
    total, shared = len(groups), groups["group"].isin(tested).sum()
    long_event = _long_event(own, event_settings, DAY if unit == "time" else LONG_EVENT)
    remedy = long_event or "label more of its visits"
    if unit == "time" and not long_event or unit == "location" and total < len(own):
        remedy = "set split.group to sequence"
    dealt = groups["role"].value_counts().reindex(NATIVE_ROLES, fill_value=0)
    if shared and total - shared < ENOUGH - 1:
        return (
            f"{shared} of its {total} groups are for test, as invasive species share them; {remedy}"
        )
    if unit != "time":
        became = ", ".join(f"{count} {role}" for role, count in dealt.items())
        return f"other natives share its {total} groups, which became {became}; {remedy}"
    percent = {role: round(100 * share) for role, share in split["fractions"].items()}
    latest, fitted = f"{percent[Role.TEST]} %", sum(dealt[role] for role in FITTED_ROLES)
    it_has = []
    if not dealt[Role.TEST]:
        it_has.append(f"no event in the last {latest}")
    if not dealt[Role.CALIBRATION]:
        it_has.append(f"no event in the {percent[Role.CALIBRATION]} % before the last {latest}")
    if not dealt[list(FITTED_ROLES)].all():
        first = sum(percent[role] for role in FITTED_ROLES)
        needed = "where train and val need one each"
        it_has.append(f"{_count(fitted, 'day')} in the first {first} %, {needed}")
    return f"of the days of its locations, it has {' and '.join(it_has)}; {remedy}"


def _long_event(own: pd.DataFrame, settings: dict, seconds: int) -> str | None:
    """What would part the event with most photos, where it lasts so many seconds."""
    event = own.loc[own["photos"].idxmax()]
    if not event["first"]:
        return None
    first, last = (
        datetime.fromisoformat(event[end]).replace(tzinfo=None) for end in ("first", "last")
    )
    span = (last - first).total_seconds()
    if span < seconds:
        return None
    pause = int(span / (event["photos"] - 1))  # some pause is no shorter than the mean
    by = ", with events.by: gap," if settings["by"] != "gap" else ""
    return (
        f"{event['photos']} of its photos are one event of {span / 3600:.1f} h; an events.gap "
        f"under {pause} s{by} would part it (it is {settings['gap']:.10g} s)"
    )


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{plural if number != 1 else ''}"


def _locations(own: pd.DataFrame) -> str:
    names = own["location"].unique()
    return "an unknown location" if list(names) == [UNKNOWN] else _count(len(names), "location")


def _short(name: str) -> str:
    """At most 80 characters of a name, both ends."""
    return name if len(name) <= 80 else f"{name[:39]}…{name[-40:]}"

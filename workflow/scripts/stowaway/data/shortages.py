"""Why a native species has too few groups for a split, and what helps."""

from datetime import datetime

import pandas as pd

from stowaway.annotations.events import UNKNOWN
from stowaway.core.script import BadInput
from stowaway.data.roles import FITTED_ROLES, NATIVE_ROLES, Role

ENOUGH = len(NATIVE_ROLES)  # groups of a species, one for each role
LONG_EVENT = 600  # seconds; a longer one may be several visits
ENDS = ("first", "last")  # times of an event


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
    lines = []
    for species in roles.index[roles < ENOUGH]:
        own = natives[natives["species"] == species]
        cause = (
            _few_groups(own, events, split["group"], event_settings, per_species)
            if own["group"].nunique() < ENOUGH
            else _uneven_groups(own, set(events.loc[events["species"].isin(novel), "group"]), split)
        )
        boxes = f"{_count(own['boxes'].sum(), 'box', 'es')} of {_count(len(own), 'event')}"
        lines.append(f"'{_short(species)}' has {boxes}: {cause}")
    if lines:
        raise BadInput(
            f"split: {'; '.join(lines)}; {times}; each native needs a group for every role "
            f"({', '.join(NATIVE_ROLES)}): do as said, or take it off species.native"
        )


def _few_groups(
    own: pd.DataFrame,
    events: pd.DataFrame,
    unit: str,
    event_settings: dict,
    per_species: int | None,
) -> str:
    """The cause where a native's rows `own` have fewer groups than there are roles."""
    if per_species and own["boxes"].sum() >= per_species:
        return f"subset.per_species ({per_species}) takes no more; raise it"
    if own["photos"].sum() == 1:
        return "all on one photo; label more of its visits"
    groups, apart = own["group"].nunique(), own["event_group"].nunique()
    together = events[events["event_group"].isin(own["event_group"])]
    joined = together.groupby("event_group")["event"].nunique()
    lost = own["event_group"].map(joined).gt(1) | own["event"].str.endswith(f"@{UNKNOWN}")
    if unit == "time":
        lost |= own["group"].str.endswith(f"@{UNKNOWN}")
    if lost.any() and (unit == "time" or apart < ENOUGH):
        what = "their days are unknown" if unit == "time" else "their events cannot be told apart"
        return (
            f"{own.loc[lost, 'boxes'].sum()} are at {_locations(own[lost])} with photos without a "
            f"time or location, so {what}; bring the times, or see events.datetime_format"
        )
    if apart >= ENOUGH:
        where = _count(groups, "day") if unit == "time" else _locations(own)
        return f"they are {'of' if unit == 'time' else 'at'} {where}; set split.group to sequence"
    return _long_event(own, event_settings) or "too few visits; label more of them"


def _long_event(own: pd.DataFrame, settings: dict) -> str | None:
    """What would part the event with most photos, if it is long."""
    event = own.loc[own["photos"].idxmax()]
    if not event["first"]:
        return None
    first, last = (
        datetime.fromisoformat(event[end]).replace(tzinfo=None) for end in ("first", "last")
    )
    span = (last - first).total_seconds()
    if span < LONG_EVENT:
        return None
    pause = int(span / (event["photos"] - 1))  # some pause is no shorter than the mean
    by = ", with events.by: gap," if settings["by"] != "gap" else ""
    return (
        f"{event['photos']} of its photos are one event of {span / 3600:.1f} h; an events.gap "
        f"under {pause} s{by} would part it (it is {settings['gap']:g} s)"
    )


def _uneven_groups(own: pd.DataFrame, novel: set[str], split: dict) -> str:
    """The cause where `own` has a group for each role, and yet none of some role.

    `novel` are the groups that are all for test, since a novel species is in them.
    """
    groups = own.drop_duplicates("group")
    total, shared = len(groups), groups["group"].isin(novel).sum()
    dealt = groups["role"].value_counts().reindex(NATIVE_ROLES, fill_value=0)
    if shared and total - shared < ENOUGH - 1:
        return (
            f"{shared} of its {total} groups are for test, since invasive species are in them; "
            "label more of its visits"
        )
    if split["group"] != "time":
        became = ", ".join(f"{count} {role}" for role, count in dealt.items())
        return f"other natives share its {total} groups, which became {became}"
    shares = {role: round(100 * share) for role, share in split["fractions"].items()}
    of_days = []
    if not dealt[list(FITTED_ROLES)].all():
        fitted, percent = (sum(x[role] for role in FITTED_ROLES) for x in (dealt, shares))
        of_days.append(f"{fitted} in the first {percent} %, where train and val need one each")
    if not dealt[Role.CALIBRATION]:
        of_days.append(f"none in the {shares[Role.CALIBRATION]} % before the test days")
    if not dealt[Role.TEST]:
        of_days.append(f"none in the last {shares[Role.TEST]} %")
    return (
        f"of its {total} days {', '.join(of_days)} of the days of its locations; "
        "set split.group to sequence"
    )


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{plural if number != 1 else ''}"


def _locations(own: pd.DataFrame) -> str:
    names = own["location"].unique()
    return "an unknown location" if list(names) == [UNKNOWN] else _count(len(names), "location")


def _short(name: str) -> str:
    """At most 80 characters of a name, both ends."""
    return name if len(name) <= 80 else f"{name[:39]}…{name[-40:]}"

"""What stays together in a split, and which role each group gets."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter

import pandas as pd

from stowaway.annotations.events import UNKNOWN
from stowaway.data.roles import Role, apportion

Groups = dict[str, Role]  # the role of each group that has one


def groups_of(events: pd.DataFrame, unit: str) -> pd.Series:
    """The group of each row of `events`, by `unit`, the config's `split.group`.

    `events` has `event`, `event_group`, `location` and `first` and `last`, the row's earliest and
    latest local time in ISO 8601, blank where none is known. Events that share an `event_group`
    cannot be told apart, so each of these is within one group. A "sequence" is an `event_group`, a
    "location" is joined with all that share one with it, and "time" takes the days of a location.
    """
    if unit == "sequence":
        return events["event_group"]
    location = _joined_locations(events)
    return location if unit == "location" else _days(events.assign(location=location))


def _joined_locations(events: pd.DataFrame) -> pd.Series:
    """The location, or of those that share events, through others too, the first by name."""
    pairs = events[["event_group", "location"]].drop_duplicates()
    shared = pairs[pairs["event_group"].duplicated(keep=False)]
    joined: dict[str, str] = {}

    def first(location: str) -> str:
        while (nearer := joined.get(location, location)) != location:
            joined[location] = location = joined.get(nearer, nearer)
        return location

    for _, locations in shared.groupby("event_group")["location"]:
        firsts = sorted(map(first, locations))
        joined |= dict.fromkeys(firsts, firsts[0])
    return events["location"].map({name: first(name) for name in events["location"].unique()})


def _days(events: pd.DataFrame) -> pd.Series:
    """`<location>@<first day>` of the days that events join; `@unknown` where an event has no time.

    A location with such an event is one group: the event may be of any of its days.
    """
    timed = events[events["first"] != ""]
    untimed = events.loc[~events["event"].isin(timed["event"]), "location"]
    unknown = events["location"].isin(untimed)
    spans: dict[tuple[str, str], tuple[str, str]] = {}
    rows = timed[["location", "event_group", "first", "last"]].to_numpy()
    for location, group, first, last in rows:
        start, end = spans.get((location, group), (first, last))
        spans[location, group] = min(start, first), max(end, last)
    days, here, until = {}, None, ""
    for location, first, last, group in sorted((k[0], *v, k[1]) for k, v in spans.items()):
        if location != here or first[:10] > until:
            here, until, name = location, "", f"{location}@{first[:10]}"
        days[group], until = name, max(until, last[:10])
    return events["event_group"].map(days).where(~unknown, events["location"] + f"@{UNKNOWN}")


def deal_groups(
    groups_of_species: Mapping[str, Collection[str]],
    dealt: Groups,
    shares: Mapping[Role, float],
    seed: int,
) -> Groups:
    """`dealt`, and the role, one of `shares`, of each other group of the species.

    Species with the fewest groups come first, so that every role gets a group of every species that
    has as many free ones. A species' free groups are ordered by a hash of seed and name, and cut,
    in the order of `shares`, by what each role's share of all its groups still lacks. So roles
    hardly move when data grows: one more group of a species that shares none moves at most one
    group over each of the cuts, to the role beside its own, and another species moves groups only
    of species that it shares some with. Groups count the same whatever their size: a deal that
    evens out the crops gives the long bursts to training, and a test event, scored by its highest
    crop, then looks less novel than a novel one for its shortness alone.
    """
    roles = dict(dealt)
    for _, groups in sorted(groups_of_species.items(), key=lambda item: (len(item[1]), item[0])):
        counts = Counter(roles[group] for group in groups if group in roles)
        free = [group for group in groups if group not in roles]
        free.sort(key=lambda group: _rank(group, seed))
        roles |= zip(free, apportion(len(free), shares, counts), strict=True)
    return roles


def _rank(group: str, seed: int) -> tuple[bytes, str]:
    """Where the group stands in the deal: the same on every machine, whatever else is added."""
    return blake2b(f"{seed}\n{group}".encode(), digest_size=8).digest(), group


def deal_later_days(days: Iterable[str], dealt: Groups, shares: Mapping[Role, float]) -> Groups:
    """`dealt`, and the roles of each location's later `days` (groups of the unit "time").

    The latest days, by their share, are for test, and those before them for calibration; train and
    val are dealt of the rest. A location whose times are unknown is for training. What is dealt
    already stays, so natives of a day with a novel species are tested, whenever it was: they alone
    may lie before days of training. Later days in the data move both cuts forward, so that a day
    comes from test to calibration and to training.
    """
    roles = dict(dealt)
    slices = {
        Role.TRAIN: shares[Role.TRAIN] + shares[Role.VAL],
        Role.CALIBRATION: shares[Role.CALIBRATION],
        Role.TEST: shares[Role.TEST],
    }
    in_order = sorted(day.rpartition("@") for day in days)
    for _, parts in groupby(in_order, key=itemgetter(0)):
        names = ["".join(part) for part in parts]
        for name, role in zip(names, apportion(len(names), slices, {}), strict=True):
            if role != Role.TRAIN or name.endswith(f"@{UNKNOWN}"):
                roles.setdefault(name, role)
    return roles

"""The split: its shares, what stays together, what is refused, and what is a leak."""

import json
import re
import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from split_annotations import split_annotations
from stowaway.annotations.events import UNKNOWN
from stowaway.core.script import BadInput
from stowaway.core.tables import read_table, rows, write_table
from stowaway.data.groups import deal_groups
from stowaway.data.roles import NATIVE_ROLES, QUEUED_ROLES, Role, apportion
from stowaway.data.shortages import check_groups
from stowaway.data.splits import (
    CROP_COLUMNS,
    Leak,
    assign_roles,
    check_no_leak,
    check_species,
    count_boxes,
    load_crops,
    shares_lines,
)

BY_GAP = {"by": "gap", "gap": 60, "datetime_format": None}
FRACTIONS = {"train": 0.5, "val": 0.1, "calibration": 0.2, "test": 0.2}


def boxes(counts: dict[str, list[int]]) -> pd.DataFrame:
    """One event per number of boxes: {"fox": [3, 2]} has two events of fox, of 3 and 2 boxes."""
    lines = [
        (f"{species}{number}", species, f"at {species}{number}", size)
        for species, sizes in counts.items()
        for number, size in enumerate(sizes)
    ]
    return table_of(lines)


def table_of(lines: list[tuple]) -> pd.DataFrame:
    """As `count_boxes`, of lines (event, species, location, boxes) or (…, first, last)."""
    names = "event species location boxes first last".split()
    events = pd.DataFrame(lines, columns=names[: len(lines[0])])
    if "first" not in events:
        events = events.assign(first="2024-03-01T12:00:00", last="2024-03-01T12:00:05")
    return events.assign(event_group=events["event"], photos=events["boxes"])


def split(events, native=("fox", "jay"), novel=("rat",), seed=1, group="sequence", **more):
    settings = {"fractions": FRACTIONS, "group": group, "seed": seed}
    by, cap = more.pop("by", BY_GAP), more.pop("cap", None)
    events = assign_roles(events, list(native), list(novel), settings, **more)
    tested = [] if more.get("left_out") else list(novel)
    check_groups(events, tested, settings, by, cap, "times read 9 of 9")
    check_no_leak(crops_of(events))
    return events


def crops_of(events: pd.DataFrame) -> pd.DataFrame:
    """A row per box, each a crop of an image of its own."""
    crops = events.loc[events.index.repeat(events["boxes"])].reset_index(drop=True)
    numbers = [f"{n:032x}" for n in range(len(crops))]
    return crops.assign(
        crop_id=[f"c{n}" for n in numbers],
        image_id=[f"i{n}" for n in numbers],
        photo_checksum=[f"a{n}" for n in numbers],
        crop_checksum=[f"b{n}" for n in numbers],
    )


def test_shares_of_every_species_come_near_the_fractions():
    rng = np.random.default_rng(0)
    events = split(boxes({s: rng.integers(1, 6, 60) for s in ("fox", "jay")} | {"rat": [4, 4]}))
    for species in ("fox", "jay"):
        groups = events[events["species"] == species].drop_duplicates("group")
        shares = groups["role"].value_counts(normalize=True)
        for role, fraction in FRACTIONS.items():
            assert abs(shares[role] - fraction) < 0.05
    assert set(events[events["species"] == "rat"]["role"]) == {"novel"}


def test_four_groups_are_enough_for_every_role():
    events = split(boxes({"fox": [9, 1, 1, 1], "jay": [1, 1, 1, 1], "rat": [1]}))
    for species in ("fox", "jay"):
        assert set(events[events["species"] == species]["role"]) == set(NATIVE_ROLES)


def test_too_few_groups_are_an_error_with_the_counts():
    with pytest.raises(
        BadInput,
        match="^split: 'jay' has 10 boxes of 2 events: too few visits; label more of them; times "
        "read 9 of 9; each native needs a group for every role",
    ):
        split(boxes({"fox": [3] * 4, "jay": [5, 5], "rat": [1]}))


def test_test_events_are_as_long_as_the_others():
    sizes = [1, 2, 3, 10, 40] * 40
    events = split(boxes({"fox": sizes, "jay": sizes, "rat": [4]}))
    length = events.groupby("role")["boxes"].mean()
    assert 0.7 < length["test"] / length["train"] < 1.4  # by crops it was below 0.5
    events = {"fox0": 1, "fox1": 2, "fox2": 3, "fox3": 10, "fox4": 40}
    tested = []
    for seed in range(200):
        roles = deal(seed, fox=list(events))
        tested.append(sum(size for name, size in events.items() if roles[name] == "test"))
    assert 7 < np.mean(tested) < 16  # one event of five, each as often: 11.2 crops


def test_locations_stay_whole_and_those_of_a_novel_species_go_to_test():
    events = boxes({"fox": [2] * 9, "jay": [2] * 9, "rat": [2, 2]})
    events.loc[events["event"] == "jay0", "location"] = "at fox0"
    events.loc[events["event"] == "rat0", "location"] = "at fox1"
    events = split(events, group="location")
    assert events[events["group"] == "at fox0"]["role"].nunique() == 1
    shared = events[events["group"] == "at fox1"]
    assert dict(zip(shared["species"], shared["role"], strict=True)) == {
        "fox": "test",
        "rat": "novel",
    }


def test_species_of_one_event_have_one_role():
    events = boxes({"fox": [2] * 9, "jay": [2] * 9, "rat": [2, 2]})
    events.loc[events["event"] == "jay0", ["event", "event_group"]] = "fox0"
    events = split(events)
    assert events[events["event"] == "fox0"]["role"].nunique() == 1


def test_a_seed_gives_the_same_split_and_another_one_another():
    events = boxes({"fox": [2] * 30, "jay": [2] * 30, "rat": [1]})
    assert split(events)["role"].equals(split(events)["role"])
    assert not split(events)["role"].equals(split(events, seed=2)["role"])


def test_a_seed_deals_the_same_on_every_machine_and_in_every_version():
    events = split(boxes({"fox": [1] * 9, "jay": [1] * 5, "rat": [1]}))
    dealt = " ".join(role[:2] for role in events["role"])
    assert dealt == "va te tr ca tr te tr ca tr va te ca tr tr no"


def test_counts_of_groups_go_by_the_shares_one_at_a_time():
    """By hand: each to the least of count / share, so one each first, then train at 1 / 0.5."""
    counts = {
        1: (1, 0, 0, 0),
        3: (1, 1, 1, 0),
        4: (1, 1, 1, 1),
        5: (2, 1, 1, 1),  # 1 / 0.5 = 2
        6: (3, 1, 1, 1),  # 2 / 0.5 = 4
        7: (3, 1, 2, 1),  # 1 / 0.2 = 5 before 3 / 0.5 = 6
        8: (3, 1, 2, 2),
        10: (5, 1, 2, 2),  # 3 / 0.5, 4 / 0.5 before 1 / 0.1 = 2 / 0.2 = 10
        14: (6, 2, 3, 3),
        100: (50, 10, 20, 20),
    }
    for groups, expected in counts.items():
        dealt = Counter(apportion(groups, FRACTIONS, {}))
        assert tuple(dealt[role] for role in NATIVE_ROLES) == expected
    assert apportion(3, FRACTIONS, {"test": 3, "novel": 9}) == ["train", "val", "calibration"]
    assert apportion(3, FRACTIONS, {"train": 6, "test": 1}) == ["val", "calibration", "calibration"]


@pytest.mark.parametrize("shares", [(0.5, 0.1, 0.2, 0.2), (0.97, 0.01, 0.01, 0.01), (0.25,) * 4])
def test_one_group_more_is_one_more_in_one_role(shares):
    shares = dict(zip(NATIVE_ROLES, shares, strict=True))
    before = Counter()
    for groups in range(1, 300):
        dealt = Counter(apportion(groups, shares, {}))
        assert before < dealt and dealt.total() == groups
        assert groups < 4 or len(dealt) == 4
        before = dealt


def roles_of(events: pd.DataFrame) -> dict[str, str]:
    """The role of each group."""
    return dict(zip(events["group"], events["role"], strict=True))


def moves(before: dict[str, str], after: dict[str, str]) -> list[tuple[int, int]]:
    """The roles, as positions in NATIVE_ROLES, before and after, of the groups that moved."""
    order = [*NATIVE_ROLES, *QUEUED_ROLES]
    pairs = [(before[name], after[name]) for name in before if before[name] != after[name]]
    return [(order.index(old), order.index(new)) for old, new in pairs]


def deal(seed: int, **groups: list[str]) -> dict[str, str]:
    return deal_groups(groups, {}, FRACTIONS, seed)


def test_one_event_more_moves_at_most_one_over_each_of_the_three_cuts():
    """The deal of an earlier version moved half of the events, to any role: 52 here, on average."""
    moved = []
    for seed in range(20):
        for n in [*range(5, 30), *range(30, 200, 10)]:
            events = [f"L@{number}" for number in range(n + 1)]
            changes = moves(deal(seed, fox=events[:n]), deal(seed, fox=events))
            assert len(changes) <= 3 and len(set(changes)) == len(changes)
            assert all(abs(old - new) == 1 for old, new in changes)  # never train and test
            moved.append(len(changes))
    assert np.mean(moved) < 1.4


def test_one_event_more_moves_few_where_species_share_most():
    """Four species at random ones of the same locations. The earlier deal moved 35, on average."""
    rng, moved, crossed, groups = np.random.default_rng(1), [], 0, 0
    for seed in range(60):
        n = rng.integers(40, 300)
        sizes = zip(("fox", "jay", "hen", "ant"), rng.integers(n // 4, n, 4), strict=True)
        own = {s: [f"L{i}" for i in rng.choice(n, size, replace=False)] for s, size in sizes}
        before = deal(seed, **own)
        changes = moves(before, deal(seed, **own | {"fox": [*own["fox"], "new"]}))
        moved.append(len(changes))
        crossed += sum(set(change) == {0, 3} for change in changes)
        groups += len(before)
    assert np.mean(moved) < 3 and np.median(moved) <= 3
    assert crossed < groups / 1000


def test_as_events_are_added_none_comes_from_test_to_training_at_once():
    for seed in range(5):
        events = [f"L@{number}" for number in range(200)]
        before = {}
        for n in range(5, 200):
            after = deal(seed, fox=events[:n])
            assert not any({before[name], after[name]} == {"train", "test"} for name in before)
            before = after


def test_the_order_of_the_rows_moves_nothing():
    events = boxes({"fox": [1] * 30, "jay": [1] * 30, "rat": [1]})
    assert roles_of(split(events)) == roles_of(split(events.sample(frac=1, random_state=3)))


@pytest.mark.parametrize("added", ["native", "novel"])
def test_another_species_moves_only_groups_where_the_two_share_some(added):
    apart = boxes({"fox": [1] * 30, "jay": [1] * 20, "hen": [1] * 12})
    lists = {"native": ["fox", "jay"], "novel": []}
    more = lists | {added: [*lists[added], "hen"]}
    before = roles_of(split(apart, **lists))
    after = roles_of(split(apart, **more))
    assert all(before[g] == after[g] for g in before if not g.startswith("hen"))
    shared = apart.copy()
    with_fox = shared["event"].isin(["hen0", "hen1"])
    shared.loc[with_fox, ["event", "event_group"]] = [["fox0"] * 2, ["fox1"] * 2]
    before = roles_of(split(shared[shared["species"] != "hen"], **lists))
    after = roles_of(split(shared[shared["species"] != "hen"].merge(shared, "right"), **more))
    changed = {g for g in before if before[g] != after[g]} - {"fox0", "fox1"}
    assert all(g.startswith("fox") for g in changed) and len(changed) <= 2 * 3


def test_events_that_cannot_be_told_apart_lie_on_one_side():
    events = boxes({"fox": [1] * 30, "jay": [1] * 30, "rat": [1]})
    joined = events["event"].isin(["fox3", "fox4", "jay9", "jay20"])
    events.loc[joined, "event_group"] = "fox3"
    for seed in range(9):
        table = split(events, seed=seed)
        assert table.loc[joined, ["group", "role"]].drop_duplicates().shape == (1, 2)
        assert (table.loc[~joined, "group"] == table.loc[~joined, "event"]).all()


def test_locations_that_share_events_are_one_group_through_others_too():
    events = boxes({"fox": [1] * 12, "jay": [1] * 12})
    events.loc[events["event"].isin(["fox3", "jay3"]), "event_group"] = "fox3"
    events.loc[events["event"].isin(["jay4", "jay5"]), "event_group"] = "jay4"
    events.loc[events["event"] == "jay5", "location"] = "at jay3"
    events.loc[events["event"] == "fox6", "location"] = UNKNOWN
    events.loc[events["event"] == "fox7", "location"] = UNKNOWN
    table = split(events, novel=[], group="location").set_index("event")
    assert set(table.loc[["fox3", "jay3", "jay4", "jay5"], "group"]) == {"at fox3"}
    assert set(table.loc[["fox6", "fox7"], "group"]) == {UNKNOWN}
    assert table["group"].nunique() == 12 + 12 - 3 - 1


def seasons(*, locations=3, days=30, seed=0, species=("fox", "jay")) -> pd.DataFrame:
    """Two events of each species on each day at each location, at random hours."""
    rng = np.random.default_rng(seed)
    lines = []
    for n in range(locations):
        for day in range(days):
            for name in species * 2:
                time = pd.Timestamp("2024-02-20") + pd.Timedelta(days=day, hours=rng.integers(24))
                text = time.isoformat()
                lines.append((f"L{n}@{text}#{len(lines)}", name, f"L{n}", 2, text, text))
    return table_of(lines).sample(frac=1, random_state=seed).reset_index(drop=True)


def days_by_role(events: pd.DataFrame, location: str) -> dict[str, list[str]]:
    own = events[events["location"] == location]
    return {role: sorted(set(part["first"].str[:10])) for role, part in own.groupby("role")}


def test_by_time_the_earlier_days_of_each_location_are_fitted_and_the_latest_tested():
    events = split(seasons(), novel=[], group="time")
    for location in ("L0", "L1", "L2"):
        days = days_by_role(events, location)
        fitted = sorted(days["train"] + days.get("val", []))
        assert [len(part) for part in (fitted, days["calibration"], days["test"])] == [18, 6, 6]
        assert fitted[-1] < days["calibration"][0]
        assert days["calibration"][-1] < days["test"][0]
    assert set(events["group"]) == set(events["location"] + "@" + events["first"].str[:10])
    val = events.loc[events["role"] == "val", "group"].nunique()
    assert val == 9  # of 54 days, by 0.1 of 0.6


def test_by_time_the_order_holds_at_locations_of_any_number_of_days():
    events = pd.concat(
        [
            seasons(locations=1, days=days, seed=days).assign(location=f"P{days}")
            for days in (1, 2, 3, 4, 5, 7, 40)
        ]
    ).reset_index(drop=True)
    events["event"] = events["event_group"] = events["location"] + events["event"]
    events = split(events, novel=[], group="time")
    order = {"train": 0, "val": 0, "calibration": 1, "test": 2}
    for _, own in events.sort_values("first").groupby("location"):
        assert own["role"].map(order).is_monotonic_increasing
    assert set(events.loc[events["location"] == "P3", "role"].map(order)) == {0, 1, 2}


def test_by_time_later_days_only_move_roles_forward():
    events = seasons(days=40)
    early = events[events["first"] < "2024-03-20"]
    before, after = (roles_of(split(t, novel=[], group="time")) for t in (early, events))
    order = {"train": 0, "val": 0, "calibration": 1, "test": 2}
    steps = [order[after[group]] - order[before[group]] for group in before]
    assert max(steps) == 0 and min(steps) < 0


def test_by_time_days_that_an_event_or_its_group_spans_are_one_group():
    events = seasons(locations=1)
    events.loc[events["first"].str.startswith("2024-03-01"), "last"] = "2024-03-02T00:00:10"
    pair = [events["first"].str.startswith(day).idxmax() for day in ("2024-03-05", "2024-03-07")]
    events.loc[pair, "event_group"] = events.loc[pair[0], "event"]
    events = split(events, novel=[], group="time")
    named = events.groupby("group")["first"].agg(lambda times: sorted({t[8:10] for t in times}))
    assert named["L0@2024-03-01"] == ["01", "02"]
    assert named["L0@2024-03-05"] == ["05", "06", "07"]
    assert len(named) == 30 - 1 - 2


def test_by_time_a_location_with_an_event_of_unknown_time_is_for_training():
    events = seasons()
    events.loc[events["location"] == "L1", ["first", "last"]] = [
        ("", "") if n == 0 else ("2024-03-01T01:00:00",) * 2
        for n in range((events["location"] == "L1").sum())
    ]
    table = split(events, novel=[], group="time")
    own = table[table["location"] == "L1"]
    assert set(own["group"]) == {"L1@unknown"} and set(own["role"]) == {"train"}


def test_by_time_natives_of_a_day_with_a_novel_species_are_tested_and_it_is_novel_whenever():
    events = seasons(locations=2)
    rat = events.iloc[[events["first"].argmin()]].assign(species="rat", event="r", event_group="r")
    table = split(pd.concat([events, rat], ignore_index=True), group="time")
    same_day = table[table["group"] == table["group"].iloc[-1]]
    assert set(same_day["role"]) == {"test", "novel"}
    others = table[table["group"] != same_day["group"].iloc[0]]
    order = {"train": 0, "val": 0, "calibration": 1, "test": 2}
    for _, own in others.sort_values("first").groupby("location"):
        assert own["role"].map(order).is_monotonic_increasing
    left_out = split(events, native=["fox"], novel=["jay"], group="time", left_out=True)
    assert set(left_out.loc[left_out["species"] == "jay", "role"]) == {"novel", "unlisted"}


def test_by_time_the_cut_is_at_days_of_the_camera_and_offsets_change_no_day():
    events = seasons(locations=1)
    events[["first", "last"]] += "-07:00"
    named = split(events, novel=[], group="time")
    assert set(named["group"]) == set("L0@" + events["first"].str[:10])


def test_other_species_are_unlisted_and_one_native_is_enough():
    events = split(boxes({"fox": [1] * 4, "moth": [2], "rat": [1]}), native=["fox"])
    assert set(events[events["species"] == "moth"]["role"]) == {"unlisted"}
    alone = split(boxes({"fox": [1] * 4}), native=["fox"], novel=[])
    assert set(alone["role"]) == set(NATIVE_ROLES)


UNITS = ["group", "event_group", "event", "image_id", "photo_checksum", "crop_checksum"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("other", ["test", "novel", "val", "calibration"])
def test_the_leak_test_finds_a_planted_leak(unit, other):
    crops = crops_of(split(boxes({"fox": [2] * 9, "jay": [2] * 9, "rat": [2]})))
    train, there = (crops.index[crops["role"] == role][0] for role in ("train", other))
    crops.loc[there, unit] = crops.loc[train, unit]
    with pytest.raises(Leak, match=f"leak: {unit} '{crops.loc[train, unit]}' and 0 more"):
        check_no_leak(crops)


def test_no_leak_by_what_is_unknown_or_unlisted_or_on_one_side():
    crops = crops_of(split(boxes({"fox": [2] * 9, "jay": [2] * 9, "rat": [2], "moth": [1]})))
    for blank in ("", None):
        check_no_leak(crops.assign(photo_checksum=blank, crop_checksum=blank))
    check_no_leak(crops.drop(columns=["photo_checksum", "crop_checksum"]))
    (moth,) = crops.index[crops["role"] == "unlisted"]
    crops.loc[moth, UNITS] = crops.loc[0, UNITS]
    test, novel = (crops.index[crops["role"] == role][0] for role in ("test", "novel"))
    crops.loc[test, UNITS] = crops.loc[novel, UNITS]
    check_no_leak(crops)


def test_the_leak_test_finds_a_novel_species_among_the_natives_and_a_crop_listed_twice():
    crops = crops_of(split(boxes({"fox": [2] * 9, "jay": [2] * 9, "rat": [2]})))
    with pytest.raises(Leak, match="a crop is listed twice"):
        check_no_leak(crops.assign(crop_id="c0"))
    crops.loc[crops.index[crops["species"] == "rat"][0], "role"] = "test"
    with pytest.raises(Leak, match=r"\['rat'\] are native and novel"):
        check_no_leak(crops)


NEEDS = (
    "; times read 9 of 9; each native needs a group for every role (train, val, calibration, "
    "test): do as said, or take it off species.native"
)
UNTOLD = "with photos that lack a time, location or sequence, so that their"
BRING = "bring what is lacking, or see events.datetime_format"


def refusal(events: pd.DataFrame, **settings) -> str:
    """The cause that the refusal of a table of pacas, and of foxes that are enough, gives."""
    with pytest.raises(BadInput) as refused:
        split(events, **{"native": ["paca"], "novel": []} | settings)
    line = str(refused.value)
    assert line.startswith("split: 'paca' has ") and line.endswith(NEEDS)
    return line.removeprefix("split: 'paca' has ").removesuffix(NEEDS)


def pacas(*events: tuple, **columns) -> pd.DataFrame:
    """Events of pacas: (location, boxes, first, last)."""
    lines = [
        (f"{location}@{first or UNKNOWN}", "paca", location, boxes, first, last)
        for location, boxes, first, last in events
    ]
    return table_of(lines).assign(**columns)


SHORT = ("A", 5, "2024-03-01T01:00:00", "2024-03-01T01:00:09")
LONG = ("B", 55, "2024-03-02T01:00:00", "2024-03-02T04:00:00")  # a photo every 200 s


def test_too_few_groups_since_all_is_on_one_photo():
    one = pacas(("A", 60, *SHORT[2:]), photos=1)
    assert refusal(one) == "60 boxes of 1 event: they are on 1 photo; label more of its visits"


def test_too_few_groups_since_there_are_few_visits():
    assert refusal(pacas(SHORT)) == "5 boxes of 1 event: too few visits; label more of them"


def test_too_few_groups_since_the_gap_is_long():
    by_gap = {"by": "gap", "gap": 3600}
    cause = "60 boxes of 2 events: 55 of its photos are one event of 3.0 h; an events.gap under "
    assert refusal(pacas(SHORT, LONG), by=by_gap) == (cause + "200 s would part it (it is 3600 s)")
    assert refusal(pacas(SHORT, LONG), by={"by": "seq_id", "gap": 60}) == (
        cause + "200 s, with events.by: gap, would part it (it is 60 s)"
    )


@pytest.mark.parametrize("unit", ["sequence", "location", "time"])
def test_too_few_groups_since_the_times_are_lost(unit):
    lost = pacas(("A", 40, "", ""), SHORT, event_group="A@unknown")
    what = "days are unknown"
    what = what if unit == "time" else "events cannot be told apart"
    expected = f"45 boxes of 2 events: 45 are at 1 location {UNTOLD} {what}; {BRING}"
    assert refusal(lost, group=unit) == expected


def test_too_few_days_since_most_locations_have_no_times():
    lines = [(f"L{n}", 9, "", "") for n in range(20)] + [LONG, SHORT]
    assert refusal(pacas(*lines), group="time") == (
        f"240 boxes of 22 events: 180 are at 20 locations {UNTOLD} days are unknown; {BRING}"
    )


def test_too_few_groups_since_no_location_is_known():
    lost = pacas(*[(UNKNOWN, 9, f"2024-03-0{n}T01:00", "") for n in range(1, 7)])
    lost["last"] = lost["first"]
    assert refusal(lost.assign(event_group="x")) == (
        f"54 boxes of 6 events: 54 are at an unknown location {UNTOLD} events cannot be told "
        f"apart; {BRING}"
    )
    expected = "54 boxes of 6 events: they are at an unknown location; set split.group to sequence"
    assert refusal(lost, group="location") == expected


def test_too_few_groups_since_the_groups_are_large():
    lines = [
        ("A", 9, f"2024-03-0{1 + n // 4}T0{n}:00", f"2024-03-0{1 + n // 4}T0{n}:01")
        for n in range(8)
    ]
    set_to = "; set split.group to sequence"
    boxes = "72 boxes of 8 events: they are "
    assert refusal(pacas(*lines), group="location") == f"{boxes}at 1 location{set_to}"
    assert refusal(pacas(*lines), group="time") == f"{boxes}of 2 days{set_to}"


def test_too_few_groups_since_the_subset_is_small():
    expected = "60 boxes of 2 events: subset.per_species (60) takes no more; raise it"
    assert refusal(pacas(SHORT, LONG), cap=60) == expected
    assert "subset" not in refusal(pacas(SHORT, LONG), cap=61)


def test_uneven_groups_since_invasive_species_are_in_them():
    events = boxes({"paca": [2] * 5, "rat": [1] * 4})
    with_paca = events["species"] == "rat"
    events.loc[with_paca, ["event", "event_group"]] = [[f"paca{n}"] * 2 for n in range(4)]
    assert refusal(events, novel=["rat"]) == (
        "10 boxes of 5 events: 4 of its 5 groups are for test, as invasive species share them; "
        "label more of its visits"
    )


@pytest.mark.parametrize("unit", ["sequence", "location", "time"])
def test_invasive_species_are_in_all_groups_since_events_are_long_or_unknown(unit):
    """By sequence: four events of weeks, in which rats are too; by hand 1,209,600 s in 8 pauses."""
    start, end = "2024-03-01T00:00:00", "2024-03-15T00:00:00"
    events = pacas(*[(f"L{n}", 9, start, end) for n in range(4)])
    events = pd.concat([events, events.assign(species="rat")], ignore_index=True)
    cause = refusal(events, novel=["rat"], group=unit)
    assert cause == (
        "36 boxes of 4 events: 4 of its 4 groups are for test, as invasive species share them; "
        "9 of its photos are one event of 336.0 h; an events.gap under 151200 s would part it "
        "(it is 60 s)"
    )
    events[["first", "last"]] = ""
    events["event"] = events["event_group"] = events["location"] + f"@{UNKNOWN}"
    what = "days are unknown" if unit == "time" else "events cannot be told apart"
    if unit != "location":  # there no time would help
        cause = refusal(events, novel=["rat"], group=unit)
        assert cause == f"36 boxes of 4 events: 36 are at 4 locations {UNTOLD} {what}; {BRING}"


def test_invasive_species_are_at_all_locations():
    lines = [(f"L{n % 5}", 9, f"2024-03-1{n}T01:00", f"2024-03-1{n}T01:01") for n in range(9)]
    events = pd.concat([pacas(*lines), pacas(*lines).assign(species="rat")], ignore_index=True)
    events["event"] = events["event_group"] = events["species"] + events["event"]
    assert refusal(events, novel=["rat"], group="location") == (
        "81 boxes of 9 events: 5 of its 5 groups are for test, as invasive species share them; "
        "set split.group to sequence"
    )


def test_locations_are_one_group_since_some_photos_lack_theirs():
    """A photo of no location may be of the first event of four of six locations."""
    lines = [(f"L{n}", 9, f"2024-03-1{n}T01:00", f"2024-03-1{n}T01:01") for n in range(6)]
    events = pacas(*lines, *lines, (UNKNOWN, 1, *["2024-03-10T01:00"] * 2))
    events["event"] = events["event_group"] = [f"e{n}" for n in range(13)]
    events.loc[[0, 1, 2, 3, 12], "event_group"] = "e0"
    assert refusal(events, group="location") == (
        f"109 boxes of 13 events: 73 are at 5 locations {UNTOLD} locations cannot be told apart; "
        f"{BRING}"
    )


def test_uneven_groups_since_other_natives_share_them():
    """Every ant and every paca share an event with a fox: foxes, bees of 4 events, come first."""
    events = boxes({"paca": [2] * 5, "fox": [1] * 4, "jay": [1] * 4})
    for species, shared in (("fox", (0, 1)), ("jay", (2, 3, 4))):
        for other, n in enumerate(shared):
            of = events["event"] == f"{species}{other}"
            events.loc[of, ["event", "event_group"]] = f"paca{n}"
    causes = set()
    for seed in range(40):
        try:
            split(events, ["paca", "fox", "jay"], [], seed=seed)
        except BadInput as refused:
            causes.add(str(refused).removesuffix(NEEDS))
    told = re.compile(
        r"split: 'paca' has 10 boxes of 5 events: other natives share its 5 groups, which became "
        r"(\d) train, (\d) val, (\d) calibration, (\d) test; label more of its visits"
    )
    assert causes
    for cause in causes:
        counts = [int(count) for count in told.fullmatch(cause).groups()]
        assert sum(counts) == 5 and 0 in counts


def test_uneven_groups_since_the_species_was_not_there_in_the_last_days():
    events = seasons(species=("fox", "paca"))
    gone = (events["species"] == "paca") & (events["first"] > "2024-03-14")
    cause = refusal(events[~gone], native=["fox", "paca"], group="time")
    assert cause == (
        "276 boxes of 138 events: of the days of its locations, it has no event in the last 20 %; "
        "set split.group to sequence"
    )
    early = (events["species"] == "paca") & (events["first"] < "2024-03-15")
    cause = refusal(events[~early], native=["fox", "paca"], group="time")
    assert cause == (
        "72 boxes of 36 events: of the days of its locations, it has no event in the 20 % before "
        "the last 20 % and 0 days in the first 60 %, where train and val need one each; "
        "set split.group to sequence"
    )


def test_every_species_with_too_few_groups_is_named_and_none_at_length():
    names = ["paca", "p" * 300]
    events = pd.concat([pacas(SHORT), pacas(SHORT).assign(species=names[1], event="x")])
    with pytest.raises(BadInput) as refused:
        split(events, names, [])
    line = str(refused.value)
    assert "'paca' has 5 boxes of 1 event: " in line and "p" * 79 not in line
    assert f"; '{'p' * 39}…{'p' * 40}' has 5 boxes of 1 event: " in line


def test_what_few_groups_do_to_the_shares_is_said_with_counts():
    table = split(
        boxes({"fox": [1] * 5, "jay": [3] * 10, "hen": [1] * 30, "rat": [1]}), ["fox", "jay", "hen"]
    )
    asked = "(asked 0.5/0.1/0.2/0.2)"
    few = f"fox: 5 groups: 2 train, 1 val, 1 calibration, 1 test {asked}"
    assert shares_lines(table, FRACTIONS) == [few]
    assert shares_lines(table, FRACTIONS, ["rat"]) == [few]
    untested = table[~((table["species"] == "hen") & (table["role"] == "test"))]
    (line,) = set(shares_lines(untested, FRACTIONS)) - {few}
    assert line == f"hen: 24 groups: 15 train, 3 val, 6 calibration, 0 test {asked}"


def test_a_left_out_native_that_is_nowhere_tested_is_said():
    lines = [(f"{s}{n}", s, f"p{n}", 1) for n in range(12) for s in ("fox", "hare")]
    table = split(table_of(lines), ["fox"], ["hare"], group="location", left_out=True)
    table.loc[table["species"] == "hare", "role"] = Role.UNLISTED
    assert shares_lines(table, FRACTIONS, ["hare"])[-1] == (
        "hare: 12 groups, none on the test side: nothing is measured on it"
    )


def test_a_native_that_is_left_out_may_live_everywhere():
    lines = [
        (f"{species}{n}", species, f"p{n}", 1)
        for n in range(12)
        for species in ("fox", "jay", "hare")
    ]
    events = table_of(lines)
    with pytest.raises(BadInput, match="12 of its 12 groups are for test, as invasive"):
        split(events, novel=["hare"], group="location")
    events = split(events, novel=["hare"], group="location", left_out=True)
    hares = events[events["species"] == "hare"]
    test = set(events.loc[events["role"] == "test", "location"])
    assert set(hares.loc[hares["role"] == "novel", "location"]) == test
    assert set(hares["role"]) == {"novel", "unlisted"}


def test_misspelt_species_name_the_nearest_label():
    with pytest.raises(
        BadInput, match="species.invasive: no box is labelled 'raat'; did you mean 'rat'"
    ):
        check_species({"native": ["fox"], "invasive": ["raat"]}, {"fox", "rat"})
    labels = {"r\x1b[31mat" + "t" * 300, *(f"label {n}" for n in range(100))}
    for name in ("r\x1b[31mat" + "t" * 299, "z" * 300):
        with pytest.raises(BadInput) as error:
            check_species({"native": [name]}, labels)
        assert str(error.value).isprintable() and len(str(error.value)) < 250
    events = boxes({"fox": [1] * 9})
    for left_out, key in ((False, "invasive"), (True, "native")):
        with pytest.raises(BadInput, match=f"species.{key}: no box is labelled 'fax'"):
            split(events, ["fox"], ["fax"], left_out=left_out)


def write_annotations(path, events: pd.DataFrame):
    """An annotations.csv with these events' boxes, mixed; each on a photo of its own."""
    table = (
        crops_of(events)
        .rename(columns={"first": "datetime"})
        .drop(columns="group", errors="ignore")
    )
    table = table.rename(columns={"event_group": "group"})
    names = "crop_id image_id event group species location datetime".split()
    write_table(table[names].sample(frac=1, random_state=0), path)


def test_boxes_are_counted_by_event_and_species_and_unknown_locations_are_one(tmp_path):
    events = boxes({"fox": [3, 1, 2], "jay": [2]})
    events.loc[events["event"] == "jay0", ["event", "event_group"]] = "fox0"
    events.loc[events["event"].isin(["fox1", "fox2"]), "location"] = ""
    write_annotations(tmp_path / "annotations.csv", events)
    counts = count_boxes(rows(tmp_path / "annotations.csv")).set_index(["event", "species"])
    assert counts["boxes"].to_dict() == {
        ("fox0", "fox"): 3,
        ("fox1", "fox"): 1,
        ("fox2", "fox"): 2,
        ("fox0", "jay"): 2,
    }
    assert set(counts["first"]) == {"2024-03-01T12:00:00"} == set(counts["last"])
    assert counts["photos"].equals(counts["boxes"])  # each box is on a photo of its own
    assert counts.loc["fox1", "location"].tolist() == [UNKNOWN]
    assert counts.loc["fox2", "location"].tolist() == [UNKNOWN]


def test_photos_and_times_of_an_event_are_counted_by_species(tmp_path):
    lines = """image_id,event,group,species,location,datetime
i1,e,g,fox,A,2024-03-01T23:59:50-07:00
i1,e,g,jay,A,2024-03-01T23:59:50-07:00
i1,e,g,fox,A,2024-03-01T23:59:50-07:00
i2,e,g,fox,A,
i3,e,g,fox,A,2024-03-02T00:00:10-07:00
i4,f,g,fox,A,
"""
    (tmp_path / "annotations.csv").write_text(lines)
    counts = count_boxes(rows(tmp_path / "annotations.csv"))
    before, after = "2024-03-01T23:59:50-07:00", "2024-03-02T00:00:10-07:00"
    assert counts.to_numpy().tolist() == [
        ["e", "fox", "g", "A", 4, 3, before, after],
        ["e", "jay", "g", "A", 1, 1, before, before],
        ["f", "fox", "g", "A", 1, 1, "", ""],
    ]


def run_split(tmp_path, native=("fox",), novel=("rat",), group="sequence", left_out=False):
    settings = {"fractions": FRACTIONS, "group": group, "seed": 1}
    facts = {"times_read": 3, "images_with_time": 10, "first_unread": "0000:00:00 (a.jpg)"}
    (tmp_path / "index_facts.json").write_text(json.dumps(facts))
    paths = [tmp_path / name for name in ("annotations.csv", "index_facts.json", "splits.csv")]
    split_annotations(*paths, list(native), list(novel), settings, left_out, BY_GAP, None)
    return read_table(paths[2])


def test_the_table_has_a_row_per_event_and_species_and_the_log_counts(tmp_path, capsys):
    events = boxes({"fox": [2, 1, 1, 1, 1], "rat": [3, 1], "moth": [4]})
    write_annotations(tmp_path / "annotations.csv", events)
    table = run_split(tmp_path)
    assert list(table) == ["event", "species", "group", "role", "location", "boxes"]
    assert len(table) == len(events)
    assert table["boxes"].sum() == events["boxes"].sum()
    printed = " ".join(capsys.readouterr().out.split())
    assert "moth unlisted 4 1" in printed
    assert "rat novel 4 2" in printed


def test_no_native_is_refused_with_what_to_do(tmp_path):
    write_annotations(tmp_path / "annotations.csv", boxes({"fox": [1] * 5}))
    with pytest.raises(BadInput, match="species.native: .* ask for .*/species_proposal.yaml first"):
        run_split(tmp_path, native=[])
    assert not (tmp_path / "splits.csv").exists()


def test_the_refusal_says_how_many_times_were_read(tmp_path):
    write_annotations(tmp_path / "annotations.csv", boxes({"fox": [9, 9]}))
    line = "too few visits; label more of them; times read 3 of 10; first unread: 0000:00:00"
    with pytest.raises(BadInput, match=f"^split: 'fox' has 18 boxes of 2 events: {line}"):
        run_split(tmp_path, novel=[])
    assert not (tmp_path / "splits.csv").exists()


def test_events_that_cannot_be_told_apart_are_in_the_leak_test_of_the_split(tmp_path, monkeypatch):
    events = boxes({"fox": [2] * 9})
    events.loc[events["event"].isin([f"fox{n}" for n in range(6)]), "event_group"] = "fox0"
    write_annotations(tmp_path / "annotations.csv", events)
    assert run_split(tmp_path, novel=[])["group"].nunique() == 4
    monkeypatch.setattr("stowaway.data.splits.groups_of", lambda events, unit: events["event"])
    with pytest.raises(Leak, match="leak: event_group 'fox0'"):
        run_split(tmp_path, novel=[])


def test_a_misspelt_species_among_many_boxes_is_refused_in_seconds(tmp_path):
    lines = [
        f"i{n},e{n // 3},e{n // 3},{'fox' if n % 3 else 'jay'},p{n // 900}," for n in range(100_000)
    ]
    text = "image_id,event,group,species,location,datetime\n" + "\n".join(lines) + "\n"
    (tmp_path / "annotations.csv").write_text(text)
    start = time.perf_counter()
    with pytest.raises(BadInput, match="'foxx'.*did you mean 'fox'"):
        run_split(tmp_path, native=["foxx", "jay"], novel=[])
    assert time.perf_counter() - start < 4


@pytest.fixture
def labelled(tmp_path):
    """Paths of a labels.csv and of the splits.csv of its boxes, and the table of its crops."""
    events = boxes({"fox": [2] * 6, "jay": [1] * 6, "rat": [2]})
    events.loc[events["event"] == "jay0", ["event", "event_group"]] = "fox0"
    events.loc[events["event"] == "fox0", "location"] = ""
    write_annotations(tmp_path / "annotations.csv", events)
    run_split(tmp_path, ["fox", "jay"], ["rat"])
    labels = crops_of(events).rename(columns={"species": "species_label"})
    labels = labels.drop(columns="boxes").sample(frac=1, random_state=1)
    labels = labels.assign(image_path="x", datetime="", crop_width=3, crop_height=4, label="raw")
    labels = labels.assign(x=0, y=0, photo_width=9, photo_height=9)
    labels = labels.drop(columns=["event_group", "first", "last"])
    write_table(labels, tmp_path / "labels.csv")
    return tmp_path / "labels.csv", tmp_path / "splits.csv", labels


def test_crops_are_loaded_in_the_order_of_the_labels_each_with_its_role(labelled):
    labels, splits, table = labelled
    crops = load_crops(labels, splits)
    assert list(crops) == CROP_COLUMNS
    assert crops["row"].tolist() == list(range(len(table)))
    assert crops["crop_id"].tolist() == table["crop_id"].tolist()
    assert crops["species"].tolist() == table["species_label"].tolist()
    role_of = {(r.event, r.species): r.role for r in read_table(splits).itertuples()}
    assert [role_of[c.event, c.species] for c in crops.itertuples()] == crops["role"].tolist()
    assert set(crops.loc[crops["event"] == "fox0", "location"]) == {UNKNOWN}
    assert set(crops["role"]) == {*NATIVE_ROLES, Role.NOVEL}


def test_a_split_of_other_annotations_is_refused(labelled):
    labels, splits, _ = labelled
    roles = read_table(splits)
    write_table(roles[roles["event"] != "fox0"], splits)
    with pytest.raises(BadInput, match="event 'fox0' with '(fox|jay)'"):
        load_crops(labels, splits)


def test_a_native_that_lost_its_crops_of_a_role_is_refused(labelled):
    labels, splits, table = labelled
    crops = load_crops(labels, splits)
    lost = (crops["species"] == "jay") & (crops["role"] == Role.VAL)
    write_table(table[~lost.to_numpy()], labels)
    with pytest.raises(BadInput, match="'jay' has no crop left for the role val; rejected_crops"):
        load_crops(labels, splits)


@pytest.mark.parametrize("unit", ["image_id", "photo_checksum", "crop_checksum"])
def test_a_leak_ends_the_loading(labelled, unit):
    labels, splits, table = labelled
    crops = load_crops(labels, splits)
    train, test = ((crops["role"] == role).idxmax() for role in ("train", "test"))
    column = table.columns.get_loc(unit)
    table.iloc[test, column] = table.iloc[train, column]
    write_table(table, labels)
    with pytest.raises(Leak, match=f"leak: {unit}"):
        load_crops(labels, splits)


def test_checksums_that_look_like_numbers_stay_text(labelled):
    labels, splits, table = labelled
    table["crop_checksum"] = [f"{n}e1".rjust(32, "0") for n in range(len(table))]
    write_table(table, labels)
    assert load_crops(labels, splits)["crop_checksum"].tolist() == table["crop_checksum"].tolist()

import numpy as np
import pandas as pd
import pytest

from stowaway.core.script import BadInput
from stowaway.data.splits import (
    ROLES,
    Leak,
    check_no_leak,
    check_species,
    group_of,
    split_groups,
    with_roles,
)

FRACTIONS = {"train": 0.5, "val": 0.1, "calibration": 0.2, "test": 0.2}


def crops(counts: dict[str, list[int]]) -> pd.DataFrame:
    """One group per number of crops: {"fox": [3, 2]} has two groups of fox, of 3 and 2 crops."""
    lines = [
        {"species": species, "event": f"{species}{number}"}
        for species, sizes in counts.items()
        for number, size in enumerate(sizes)
        for _ in range(size)
    ]
    table = pd.DataFrame(lines)
    table["crop_id"] = [f"c{n}" for n in range(len(table))]
    table["image_id"] = [f"i{n}" for n in range(len(table))]
    table["location"] = ""
    return table.assign(group=table["event"])


def split(table, native=("fox", "jay"), invasive=("rat",), seed=1):
    table = table.copy()
    table["role"] = split_groups(table, list(native), list(invasive), FRACTIONS, seed)
    check_no_leak(table, list(native), list(invasive))
    return table


def test_shares_of_every_species_come_near_the_fractions():
    rng = np.random.default_rng(0)
    table = split(crops({s: rng.integers(1, 6, 60) for s in ("fox", "jay")} | {"rat": [4, 4]}))
    for species in ("fox", "jay"):
        groups = table[table["species"] == species].drop_duplicates("group")
        shares = groups["role"].value_counts(normalize=True)
        for role, fraction in FRACTIONS.items():
            assert abs(shares[role] - fraction) < 0.05
    assert set(table[table["species"] == "rat"]["role"]) == {"invasive"}


def test_four_groups_are_enough_for_every_role():
    table = split(crops({"fox": [9, 1, 1, 1], "jay": [1, 1, 1, 1], "rat": [1]}))
    for species in ("fox", "jay"):
        assert set(table[table["species"] == species]["role"]) == set(ROLES)


def test_too_few_groups_are_an_error_with_the_counts():
    with pytest.raises(
        BadInput, match="'jay' has 2 group\\(s\\): 1 train, 1 val, 0 calibration, 0 test"
    ):
        split(crops({"fox": [3] * 4, "jay": [5, 5], "rat": [1]}))


def test_test_events_are_as_long_as_the_others():
    sizes = [1, 2, 3, 10, 40] * 40
    table = split(crops({"fox": sizes, "jay": sizes, "rat": [4]}))
    length = table.groupby(["role", "event"]).size().groupby("role").mean()
    assert 0.7 < length["test"] / length["train"] < 1.4  # by crops it was below 0.5
    few = [
        split(crops({"fox": [1, 2, 3, 10, 40], "rat": [1]}), ["fox"], seed=seed)["role"]
        .eq("test")
        .sum()
        for seed in range(60)
    ]
    assert 7 < np.mean(few) < 16  # one event of five, each as often: 11.2 crops


def test_groups_shared_by_species_stay_whole_and_invaded_ones_go_to_test():
    table = crops({"fox": [2] * 9, "jay": [2] * 9, "rat": [2, 2]})
    table.loc[table["event"] == "jay0", "group"] = "fox0"
    table.loc[table["event"] == "rat0", "group"] = "fox1"
    table = split(table)
    assert table[table["group"] == "fox0"]["role"].nunique() == 1
    invaded = table[table["group"] == "fox1"]
    assert dict(zip(invaded["species"], invaded["role"], strict=True)) == {
        "fox": "test",
        "rat": "invasive",
    }


def test_a_seed_gives_the_same_split_and_another_one_another():
    table = crops({"fox": [2] * 30, "jay": [2] * 30, "rat": [1]})
    assert split(table)["role"].equals(split(table)["role"])
    assert not split(table)["role"].equals(split(table, seed=2)["role"])


def test_other_species_are_unlisted_and_one_native_is_enough():
    table = split(crops({"fox": [1] * 4, "moth": [2], "rat": [1]}), native=["fox"])
    assert set(table[table["species"] == "moth"]["role"]) == {"unlisted"}
    alone = split(crops({"fox": [1] * 4}), native=["fox"], invasive=[])
    assert set(alone["role"]) == set(ROLES)


@pytest.mark.parametrize("unit", ["group", "event", "image_id"])
def test_the_leak_check_finds_a_planted_leak(unit):
    table = split(crops({"fox": [2] * 9, "jay": [2] * 9, "rat": [2]}))
    train, test = (table.index[table["role"] == role][0] for role in ("train", "test"))
    table.loc[test, unit] = table.loc[train, unit]
    with pytest.raises(Leak, match=f"leak: {unit}"):
        check_no_leak(table, ["fox", "jay"], ["rat"])


def test_the_leak_check_finds_an_invader_among_the_natives():
    table = split(crops({"fox": [2] * 9, "jay": [2] * 9, "rat": [2]}))
    table.loc[table["species"] == "rat", "role"] = "test"
    with pytest.raises(Leak, match="rat"):
        check_no_leak(table, ["fox", "jay"], ["rat"])


def test_a_native_that_plays_novel_may_live_everywhere():
    places = 12
    lines = [(s, f"p{n}", f"{s}{n}") for n in range(places) for s in ("fox", "jay", "hare")]
    table = pd.DataFrame(lines, columns=["species", "location", "event"])
    table["crop_id"] = table["image_id"] = table["event"]
    species = {"native": ["fox", "jay"], "invasive": ["hare"]}
    split = {"fractions": FRACTIONS, "group": "location", "seed": 1}
    with pytest.raises(BadInput):
        with_roles(table, species, split)
    roles = with_roles(table, species, split, played=True)
    check_no_leak(roles, ["fox", "jay"], ["hare"])
    hares = roles[roles["species"] == "hare"]
    test = set(roles.loc[roles["role"] == "test", "location"])
    assert set(hares.loc[hares["role"] == "invasive", "location"]) == test
    assert set(hares["role"]) == {"invasive", "unlisted"}


def test_misspelt_species_name_the_nearest_label():
    with pytest.raises(
        BadInput, match="species.invasive: no crop is labelled 'raat'; did you mean 'rat'"
    ):
        check_species({"native": ["fox"], "invasive": ["raat"]}, {"fox", "rat"})


def test_unknown_locations_are_one_group():
    table = pd.DataFrame({"event": ["a", "b", "c"], "location": ["x", "", ""]})
    assert group_of(table, "location").tolist() == ["x", "unknown", "unknown"]
    assert group_of(table, "sequence").tolist() == ["a", "b", "c"]

"""Split natives by group, so that no burst and no place is on two sides, and prove it."""

import difflib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.core.script import BadInput
from stowaway.data.copies import joined
from stowaway.data.events import UNKNOWN

ROLES = ("train", "val", "calibration", "test")


class Leak(BadInput):
    """Something is on two sides of the split: nothing that is measured on it can be trusted."""


def check_species(listed: dict[str, list[str]], present: set[str]) -> None:
    """Raise `BadInput` for a listed species that no crop has, naming the nearest label."""
    for side, names in listed.items():
        for name in names:
            if name not in present:
                near = difflib.get_close_matches(name, present, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"labels: {sorted(present)}"
                raise BadInput(f"species.{side}: no crop is labelled '{name}'; {hint}")


def split_groups(
    table: pd.DataFrame,
    native: list[str],
    invasive: list[str],
    fractions: dict[str, float],
    seed: int,
) -> pd.Series:
    """The role of each crop: one of ROLES for natives; invasive; unlisted for the others.

    `table` has a row per crop with `species` and `group`. Whole groups go to one side, those in
    which an invasive crop lies too to the test side. Species with the fewest groups are dealt out
    first, in random order, each group to the role that is furthest behind its share of that
    species' groups, so that every role gets a group of every species that has four free ones.
    Groups count the same whatever their size: a deal that evens out the crops gives the long
    bursts to training, and a test event, scored by its highest crop, then looks less novel than
    a novel one for its shortness alone. Raises `BadInput` where a native species ends without a
    group in some role.
    """
    groups: dict[str, set] = defaultdict(set)
    for species, group in zip(table["species"], table["group"], strict=True):
        groups[group].add(species)
    role = {g: "test" for g, found in groups.items() if not found.isdisjoint(invasive)}
    having = {s: sorted(g for g, found in groups.items() if s in found) for s in native}
    for number, species in enumerate(sorted(native, key=lambda s: (len(having[s]), s))):
        done = Counter(role[g] for g in having[species] if g in role)
        free = np.array([g for g in having[species] if g not in role], dtype=object)
        np.random.default_rng([seed, number]).shuffle(free)
        for group in free:
            role[group] = min(ROLES, key=lambda r: done[r] / fractions[r])
            done[role[group]] += 1
    short = [line for s in native if (line := _too_few(s, having[s], role))]
    if short:
        raise BadInput(
            "split: " + "; ".join(short) + "; each role needs at least one: take the species "
            "off species.native, or, where split.group is location, set it to sequence"
        )
    side = table["species"].map(
        dict.fromkeys(native, "native") | dict.fromkeys(invasive, "invasive")
    )
    roles = table["group"].map(role).where(side == "native", side)
    return roles.fillna("unlisted").rename("role")


def _too_few(species: str, groups: list[str], role: dict[str, str]) -> str | None:
    counts = Counter(role[group] for group in groups)
    if all(counts[r] for r in ROLES):
        return None
    shared = ", ".join(f"{counts[r]} {r}" for r in ROLES)
    return f"'{species}' has {len(groups)} group(s): {shared}"


def group_of(table: pd.DataFrame, by: str) -> pd.Series:
    """Each crop's group: its event, or its location, where all unknown locations are one group."""
    if by == "sequence":
        return table["event"].rename("group")
    return table["location"].replace("", UNKNOWN).rename("group")


def with_roles(
    table: pd.DataFrame, species: dict[str, list[str]], split: dict, played: bool = False
) -> pd.DataFrame:
    """The table with its `group` and `role` columns, by the config's `species` and `split`.

    Where it has a column `copy`, equal for near-copies, groups that share one are one group. Raises
    `BadInput` for a listed species that is not there, or has too few groups. Where a native is only
    `played` novel, it may live in most places: groups are dealt as if it were not there, and its
    crops in groups of other roles than test are unlisted.
    """
    check_species(species, set(table["species"]))
    table = table.assign(group=group_of(table, split["group"]))
    if "copy" in table:
        table["group"] = joined(table["group"].to_numpy(str), table["copy"].to_numpy())
    native, invasive = species["native"], species["invasive"]
    sides = native, [] if played else invasive
    table["role"] = split_groups(table, *sides, split["fractions"], split["seed"])
    if played:
        dealt = table[table["species"].isin(native)].groupby("group")["role"].first()
        free = table["group"].map(dealt).fillna("test") == "test"
        table.loc[table["species"].isin(invasive) & free, "role"] = "invasive"
    return table


def check_no_leak(table: pd.DataFrame, native: list[str], invasive: list[str]) -> None:
    """Raise `Leak` if anything is on two sides.

    The sides are train, val, calibration, and test with invasive. Groups, events, images
    and near-copies (the column `copy`) may lie on one of them only; invasive species are nowhere
    but in their role, natives nowhere in it.
    """
    used = table[table["role"] != "unlisted"]
    side = used["role"].replace("invasive", "test")
    for unit in ("group", "event", "image_id", *(["copy"] if "copy" in used else [])):
        sides = side.groupby(used[unit]).nunique()
        leaks = sides.index[sides > 1].tolist()
        if leaks:
            raise Leak(f"leak: {unit} {leaks[0]!r} and {len(leaks) - 1} more are on two sides")
    right = (
        used["species"]
        .isin(invasive)
        .where(used["role"] == "invasive", used["species"].isin(native))
    )
    if not right.all():
        raise Leak(f"leak: {used.loc[~right, 'species'].unique().tolist()} in a wrong role")
    if not table["crop_id"].is_unique:
        raise Leak("leak: a crop is listed twice")


def load_crops(labels: Path, splits: Path) -> pd.DataFrame:
    """Each crop of labels.csv with its group and role in a fold, after the leak test.

    A row per crop in the order of the labels: `row` (its position there, and in every pack),
    `crop_id, species, event, group, role, location, datetime, image_path, image_id, crop_width,
    crop_height, photo_checksum, crop_checksum`. An unknown location is UNKNOWN, never blank.
    Raises `BadInput` where the split lacks an event and species, and `Leak` (`check_no_leak`).
    """
    raise NotImplementedError

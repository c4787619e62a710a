"""The role of each event and species, and the proof that nothing lies on two sides."""

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.annotations.events import UNKNOWN
from stowaway.core.script import BadInput
from stowaway.core.tables import read_table
from stowaway.data.groups import deal_groups, deal_later_days, groups_of
from stowaway.data.roles import FITTED_ROLES, NATIVE_ROLES, Role

# Each lies on one side only.
UNITS = ("group", "event_group", "event", "image_id", "photo_checksum", "crop_checksum")
LABELS = (
    "image_path species_label window_path crop_id event location datetime crop_width crop_height "
    "image_id label photo_checksum crop_checksum clipped file_name photo_path x y photo_width "
    "photo_height confidence"
).split()  # columns of labels.csv
COUNTS = "event species event_group location boxes photos first last".split()
CROP_COLUMNS = (
    "row crop_id species event group role location datetime image_path image_id "
    "x y crop_width crop_height photo_width photo_height photo_checksum crop_checksum"
).split()


class Leak(BadInput):
    """Something is on two sides of the split: nothing that is measured on it can be trusted."""


def count_boxes(boxes: Iterable[dict[str, str]]) -> pd.DataFrame:
    """A row per event and species, in order of appearance, with the columns COUNTS.

    `boxes` are rows of annotations.csv; `event_group` is their `group`: events that share one
    cannot be told apart. An unknown location is UNKNOWN. `first` and `last` are the earliest and
    latest local time in ISO 8601, blank where none is known. The boxes of a photo follow each
    other. Memory grows with the events, not with the boxes.
    """
    place, counts = {}, {}
    image, labelled = None, set()
    for row in boxes:
        if row["image_id"] != image:
            image, labelled = row["image_id"], set()
        event, species, time = row["event"], row["species"], row["datetime"]
        place.setdefault(event, (row["group"], row["location"] or UNKNOWN))
        count = counts.setdefault((event, species), [0, 0, "", ""])
        count[0] += 1
        count[1] += species not in labelled
        labelled.add(species)
        if time:
            count[2:] = min(count[2] or time, time), max(count[3], time)
    return pd.DataFrame(
        ((*key, *place[key[0]], *count) for key, count in counts.items()), columns=COUNTS
    )


def check_species(listed: dict[str, list[str]], labels: set[str]) -> None:
    """Raise `BadInput` for a listed species that no box has, naming the nearest label."""
    for key, names in listed.items():
        for name in names:
            if name not in labels:
                near = difflib.get_close_matches(name, labels, 1)
                hint = (
                    f"did you mean {near[0]!r:.80}?" if near else f"labels: {sorted(labels)!r:.80}"
                )
                raise BadInput(f"species.{key}: no box is labelled {name!r:.80}; {hint}")


def assign_roles(
    events: pd.DataFrame, native: list[str], novel: list[str], split: dict, left_out: bool = False
) -> pd.DataFrame:
    """The table of `count_boxes` with two more columns, `group` and `role` (see `Role`).

    `split` is the config's; `groups_of` says what a group is, `deal_groups` and, for the unit time,
    `deal_later_days` how it gets its role. A novel species keeps its groups' natives on the test
    side. A `left_out` native is novel too, but may live at most locations, so groups are dealt as
    if it were not there: it is novel in groups of the test side or without another native, and
    unlisted in the others. Raises `BadInput` for a species that no box has. A native may end
    without a group of some role: `check_groups` says why.
    """
    listed = {"native": native + novel} if left_out else {"native": native, "invasive": novel}
    check_species(listed, set(events["species"]))
    events = events.assign(group=groups_of(events, split["group"]))
    tested = [] if left_out else novel
    dealt = dict.fromkeys(events.loc[events["species"].isin(tested), "group"], Role.TEST)
    natives = events[events["species"].isin(native)]
    shares = {role: split["fractions"][role] for role in NATIVE_ROLES}
    if split["group"] == "time":
        dealt = deal_later_days(natives["group"].unique(), dealt, shares)
        shares = {role: shares[role] for role in FITTED_ROLES}
    groups = {name: own.unique().tolist() for name, own in natives.groupby("species")["group"]}
    roles = deal_groups(groups, dealt, shares, split["seed"])
    group_role = events["group"].map(roles)
    is_novel = events["species"].isin(novel) & group_role.fillna(Role.TEST).eq(Role.TEST)
    role = group_role.where(events["species"].isin(native), Role.UNLISTED)
    return events.assign(role=role.mask(is_novel, Role.NOVEL))


def shares_lines(
    splits: pd.DataFrame, fractions: dict[str, float], novel: Sequence[str] = ()
) -> list[str]:
    """What few groups did to the shares: a line per species of `splits` that it happened to.

    A native has a line where a role has five percent of its groups more or less than the asked
    `fractions`, for fewer than 20 groups, and where no group is for calibration or test. A `novel`
    species has one where none of its groups is on the test side, so that nothing is measured on it.
    """
    groups = splits.drop_duplicates(["species", "group"])
    lines = []
    for species, own in groups[groups["role"].isin(NATIVE_ROLES)].groupby("species"):
        counts, total = Counter(own["role"]), len(own)
        off = max(abs(counts[role] / total - fractions[role]) for role in NATIVE_ROLES)
        if (total < 20 and off >= 0.05) or not (counts[Role.CALIBRATION] and counts[Role.TEST]):
            dealt = ", ".join(f"{counts[role]} {role}" for role in NATIVE_ROLES)
            asked = "/".join(f"{fractions[role]:g}" for role in NATIVE_ROLES)
            lines.append(f"{species}: {total} groups: {dealt} (asked {asked})")
    tested = set(splits.loc[splits["role"] == Role.NOVEL, "species"])
    for species in sorted(set(novel) - tested):
        total = (groups["species"] == species).sum()
        lines.append(f"{species}: {total} groups, none on the test side: nothing is measured on it")
    return lines


def load_crops(labels: Path | str, splits: Path | str | list) -> pd.DataFrame:
    """Each crop of labels.csv with its group and role in a fold, after the leak test.

    Without `splits`, an empty list, all are new, and each event is a group.

    A row per crop in the order of the labels, with CROP_COLUMNS as far as the labels have them:
    `row` is its position there and in every pack, `location` is UNKNOWN where it is unknown.
    Raises `BadInput` where the split lacks a crop's event and species, or where a native species
    has lost all its crops of a role, as to failed downloads; `Leak` as `check_no_leak`.
    """
    crops = read_table(labels, needed=["crop_id", "species_label", "event"])
    crops = crops.rename(columns={"species_label": "species"})
    if not splits:
        crops["location"] = crops["location"].replace("", UNKNOWN)
        crops = crops.assign(group=crops["event"], role=Role.NEW.value, row=np.arange(len(crops)))
        return crops[[name for name in CROP_COLUMNS if name in crops]]
    crops = crops.drop(columns="location", errors="ignore")
    roles = read_table(splits, "event species group role location".split())
    crops = crops.merge(roles, "left", ["event", "species"], validate="many_to_one")
    crops["row"] = np.arange(len(crops))
    if (lost := crops[crops["role"].isna()]).size:
        event, species = lost.iloc[0][["event", "species"]]
        raise BadInput(
            f"{splits}: event '{event}' with '{species}' of {labels} is not in it; "
            "delete it, it is made again"
        )
    natives = roles[roles["role"].isin(NATIVE_ROLES)]
    dealt, left = (set(zip(x["species"], x["role"], strict=True)) for x in (natives, crops))
    for species, role in sorted(dealt - left):
        raise BadInput(
            f"{labels}: '{species}' has no crop left for the role {role}; rejected_crops.csv says "
            "why: bring its photos back, or take it off species.native"
        )
    check_no_leak(crops)
    return crops[[name for name in CROP_COLUMNS if name in crops]]


def check_no_leak(crops: pd.DataFrame) -> None:
    """Raise `Leak` if anything is on two sides, as `check_sides`, or a crop is listed twice."""
    check_sides(crops)
    if not crops["crop_id"].is_unique:
        raise Leak("leak: a crop is listed twice")


def check_sides(table: pd.DataFrame) -> None:
    """Raise `Leak` if anything in a table of events or crops with their roles is on two sides.

    The sides are train, val, calibration, and test with novel. A group, events that cannot be told
    apart, an event, an image, the bytes of a photo and the pixels of a crop (by checksums), as far
    as the table has them, lie on one of them only, and a species is not both native and novel.
    """
    used = table[table["role"] != Role.UNLISTED]
    side = used["role"].replace(Role.NOVEL, Role.TEST)
    for unit in (name for name in UNITS if name in used):
        known = used[unit].notna() & (used[unit] != "")
        sides = pd.DataFrame({"unit": used[unit], "side": side})[known].drop_duplicates()
        leaks = sides.loc[sides["unit"].duplicated(), "unit"].unique()
        if len(leaks):
            raise Leak(f"leak: {unit} '{leaks[0]}' and {len(leaks) - 1} more are on two sides")
    is_novel = used["role"] == Role.NOVEL
    both = set(used.loc[is_novel, "species"]) & set(used.loc[~is_novel, "species"])
    if both:
        raise Leak(f"leak: {sorted(both)} are native and novel")

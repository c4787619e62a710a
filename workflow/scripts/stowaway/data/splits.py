"""Deal whole groups of natives out to the roles, and prove that nothing lies on two sides."""

import difflib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from stowaway.annotations.events import UNKNOWN
from stowaway.core.script import BadInput
from stowaway.core.tables import read_table, rows
from stowaway.data.roles import NATIVE_ROLES, Role

UNITS = ("group", "event", "image_id", "photo_checksum", "crop_checksum")  # each on one side only
CROP_COLUMNS = (
    "row crop_id species event group role location datetime image_path image_id "
    "crop_width crop_height photo_checksum crop_checksum"
).split()


class Leak(BadInput):
    """Something is on two sides of the split: nothing that is measured on it can be trusted."""


def count_boxes(annotations: Path) -> pd.DataFrame:
    """A row per event and species, in order of appearance: `event species location boxes`.

    An unknown location is UNKNOWN. Memory grows with the events, not with the boxes.
    """
    boxes, location = Counter(), {}
    for row in rows(annotations):
        boxes[row["event"], row["species"]] += 1
        location.setdefault(row["event"], row["location"] or UNKNOWN)
    table = pd.DataFrame(boxes.keys(), columns=["event", "species"], dtype=str)
    return table.assign(location=table["event"].map(location), boxes=list(boxes.values()))


def check_species(listed: dict[str, list[str]], labels: set[str]) -> None:
    """Raise `BadInput` for a listed species that no box has, naming the nearest label."""
    for key, names in listed.items():
        for name in names:
            if name not in labels:
                near = difflib.get_close_matches(name, labels, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"labels: {sorted(labels)}"
                raise BadInput(f"species.{key}: no box is labelled '{name}'; {hint}")


def assign_roles(
    events: pd.DataFrame, native: list[str], novel: list[str], split: dict, left_out: bool = False
) -> pd.DataFrame:
    """The table of events and species with two more columns, `group` and `role` (see `Role`).

    `events` has `event`, `species` and `location`; `split` is the config's. A group is an event or
    a location, and all unknown locations are one group. A novel species keeps its groups' natives
    on the test side. A `left_out` native is novel too, but may live at most locations, so groups
    are dealt as if it were not there: it is novel in groups of the test side or without another
    native, and unlisted in the others. Raises `BadInput` for a species that no box has, or one
    with too few groups.
    """
    listed = {"native": native + novel} if left_out else {"native": native, "invasive": novel}
    check_species(listed, set(events["species"]))
    group = events["event"] if split["group"] == "sequence" else events["location"]
    events = events.assign(group=group)
    tested = [] if left_out else novel
    roles = deal_groups(events, native, tested, split["fractions"], split["seed"])
    group_role = events["group"].map(roles)
    is_novel = events["species"].isin(novel) & group_role.fillna(Role.TEST).eq(Role.TEST)
    role = group_role.where(events["species"].isin(native), Role.UNLISTED)
    return events.assign(role=role.mask(is_novel, Role.NOVEL))


def deal_groups(
    table: pd.DataFrame,
    native: list[str],
    novel: list[str],
    fractions: dict[str, float],
    seed: int,
) -> dict[str, Role]:
    """The role, one of NATIVE_ROLES, of each group in which a native or a novel species lies.

    `table` has `species` and `group`. Groups with a novel species go to the test side. Species
    with the fewest groups are dealt out first, in random order, each group to the role that is
    furthest behind its share of that species' groups, so that every role gets a group of every
    species that has four free ones. Groups count the same whatever their size: a deal that evens
    out the crops gives the long bursts to training, and a test event, scored by its highest crop,
    then looks less novel than a novel one for its shortness alone. Raises `BadInput` where a native
    species ends without a group in some role.
    """
    species_of: dict[str, set] = defaultdict(set)
    for species, group in zip(table["species"], table["group"], strict=True):
        species_of[group].add(species)
    roles = {g: Role.TEST for g, names in species_of.items() if not names.isdisjoint(novel)}
    groups_of = {s: sorted(g for g, names in species_of.items() if s in names) for s in native}
    for number, species in enumerate(sorted(native, key=lambda s: (len(groups_of[s]), s))):
        dealt = Counter(roles[g] for g in groups_of[species] if g in roles)
        free = np.array([g for g in groups_of[species] if g not in roles], dtype=object)
        np.random.default_rng([seed, number]).shuffle(free)
        for group in free:
            roles[group] = min(NATIVE_ROLES, key=lambda role: dealt[role] / fractions[role])
            dealt[roles[group]] += 1
    counts = {s: Counter(roles[group] for group in groups_of[s]) for s in native}
    short = [_in_words(s, counts[s]) for s in native if len(counts[s]) < len(NATIVE_ROLES)]
    if short:
        raise BadInput(
            "split: " + "; ".join(short) + "; each role needs at least one: take the species "
            "off species.native, or, where split.group is location, set it to sequence"
        )
    return roles


def _in_words(species: str, groups: Counter) -> str:
    roles = ", ".join(f"{groups[role]} {role}" for role in NATIVE_ROLES)
    return f"'{species}' has {groups.total()} group(s): {roles}"


def load_crops(labels: Path | str, splits: Path | str) -> pd.DataFrame:
    """Each crop of labels.csv with its group and role in a fold, after the leak test.

    A row per crop in the order of the labels, with CROP_COLUMNS as far as the labels have them:
    `row` is its position there and in every pack, `location` is UNKNOWN where it is unknown.
    Raises `BadInput` where the split lacks a crop's event and species, or where a native species
    has lost all its crops of a role, as to failed downloads; `Leak` as `check_no_leak`.
    """
    crops = read_table(labels, needed=["crop_id", "species_label", "event"])
    crops = crops.rename(columns={"species_label": "species"})
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
    """Raise `Leak` if anything is on two sides.

    The sides are train, val, calibration, and test with novel. A group, an event, an image, the
    bytes of a photo and the pixels of a crop (by checksums, where there are any) lie on one of them
    only, a species is not both native and novel, and no crop is listed twice.
    """
    used = crops[crops["role"] != Role.UNLISTED]
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
    if not crops["crop_id"].is_unique:
        raise Leak("leak: a crop is listed twice")

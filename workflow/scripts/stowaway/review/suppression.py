"""What stays off the page, and why; and boxes that repeat at one place, as a branch's do."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stowaway.annotations.events import UNKNOWN
from stowaway.core.names import clean_label, location_key
from stowaway.data.photos import BOX
from stowaway.evaluation.metrics import Floats
from stowaway.review.decisions import KEEP, SUPPRESS, crops_of_groups, decided_events

COLUMNS = ("event location reason group occurrences crop_id image_path score p_value alarm").split()
PERSON = "a person or a vehicle in a photo"
REVIEWED = "already reviewed"
MUTED_LOCATION = "muted location"
REPEATED = "the same box many times at one place"
SET_BACK = REPEATED + "; the event is queued by its other boxes"
MUTED_SPECIES = "muted species"

# Those of MegaDetector's repeat-detection elimination.
SAME, MOST_AREA = 0.9, 0.2  # intersection over union; share of the photo
_ROUNDING = 1e-9
_STEP = -2 * np.log(SAME)  # of the sides' logarithms: alike ones are within half of it
_REACH = 0.5 + _ROUNDING


def reasons(
    queue: pd.DataFrame, people: Collection[str], decided: Collection[str], mute: dict
) -> pd.Series:
    """Why each event of the queue is left out, '' where it is not: the first reason that holds.

    `queue` has `event`, `location`, `predicted`, `alarm` and `repeat`, the group of an event that
    holds nothing but repeated boxes; `people` are events, `decided` events and groups, `mute` is
    the config's. A muted species leaves out no alarm.
    """
    locations = {location_key(name) for name in mute["locations"]}
    species = {clean_label(name) for name in mute["species"]}
    why = {
        PERSON: queue["event"].isin(people),
        REVIEWED: queue["event"].isin(decided) | queue["repeat"].isin(decided),
        MUTED_LOCATION: queue["location"].map(location_key).isin(locations),
        REPEATED: queue["repeat"] != "",
        MUTED_SPECIES: queue["predicted"].isin(species) & (queue["alarm"] == "no"),
    }
    chosen = np.select(list(why.values()), list(why), "")
    return pd.Series(chosen, queue.index, object)


def decided_on(
    crops: pd.DataFrame, decisions: Path | list, run: str, checksums: Collection[str]
) -> tuple[set[str], set[str]]:
    """The events and groups of boxes that people decided on, and the groups that they want to see.

    `crops` has `crop_id`, `event`, `repeat` and `crop_checksum`; `decisions` is decisions.csv, if
    there is one, `checksums` are those of crops that were decided on in any run. An event of such
    crops is decided on if it has no other: what is new in it was never seen.
    """
    known = crops["crop_checksum"].isin(checksums).groupby(crops["event"]).all()
    events = decided_events(decisions, run) | set(known.index[known])

    def groups(decision: str) -> set[str]:
        stood = crops["crop_id"].isin(crops_of_groups(decisions, run, decision))
        return set(crops.loc[stood, "repeat"]) - {""}

    return events | groups(SUPPRESS), groups(KEEP)


def repeat_groups(boxes: pd.DataFrame, least: int | None) -> pd.DataFrame:
    """The columns `repeat` and `occurrences` of each box: '' and 0 where it does not repeat.

    `boxes` has `image_id`, `location` and the columns BOX, in pixels, and an index without
    repetition. A group is named `repeat:<location>:<n>`; its occurrences are photos, `least` or
    more of them. Boxes of more than MOST_AREA of the photo, or of an unknown location, are in none.
    """
    found = pd.DataFrame({"repeat": "", "occurrences": 0}, boxes.index)
    if least is None:
        return found
    size = boxes[["photo_width", "photo_height"] * 2].to_numpy(float)
    shares = boxes[BOX[:4]].to_numpy(float) / size
    usable = (shares[:, 2] * shares[:, 3] <= MOST_AREA) & (boxes["location"] != UNKNOWN)
    places = pd.Series(np.arange(len(boxes)))[usable.to_numpy()]
    for location, own in places.groupby(boxes["location"].to_numpy()[places]):
        photos = boxes["image_id"].iloc[own]
        group = pd.Series(_alike(shares[own], photos.to_numpy(), least), photos.index)
        group = group[group > 0]
        found.loc[group.index, "repeat"] = f"repeat:{location}:" + group.astype(str)
        found.loc[group.index, "occurrences"] = (
            photos.groupby(group).nunique().loc[group].to_numpy()
        )
    return found


def _alike(boxes: Floats, photos: NDArray, least: int) -> NDArray[np.intp]:
    """The group of each of `boxes` (n, 4), left, top, width and height; 0 for none.

    Box by box, those that have an intersection over union of SAME or more with it, and are in no
    group yet, become one where they are of `least` photos. They are sought in the cells of a grid
    that is wider for larger boxes. Where many boxes repeat, they are grouped and done with; where
    none does, a cell holds few: so the cost is linear in the boxes.
    """
    across, down = (_cells(boxes[:, axis], boxes[:, axis + 2]) for axis in (0, 1))
    own = across[0] << 31 | down[0]
    order = np.argsort(own, kind="stable")
    cells = (across[1][:, :, None] << 31 | down[1][:, None, :]).reshape(-1, 16)
    known = (across[1][:, :, None] >= 0) & (down[1][:, None, :] >= 0)
    starts, ends = (np.searchsorted(own[order], cells, side) for side in ("left", "right"))
    ends = np.where(known.reshape(-1, 16), ends, starts)
    group, groups = np.zeros(len(boxes), int), 0
    for box in np.flatnonzero((ends - starts).sum(1) >= least):
        if group[box]:
            continue
        near = zip(starts[box], ends[box], strict=True)
        near = np.concatenate([order[start:end] for start, end in near if start < end])
        near = near[group[near] == 0]
        near = near[_intersection_over_union(boxes[box], boxes[near]) >= SAME - _ROUNDING]
        if len(near) >= least and len(np.unique(photos[near])) >= least:
            groups += 1
            group[near] = groups
    return group


def _cells(start: Floats, side: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cells of one axis by the box's edge and side: its own (n,), and all with alike ones (n, 4).

    Twice the same is -1 the second time. Alike sides have logarithms within half a step, and alike
    edges are at most half a place's width from each other.
    """
    size = np.log(side) / _STEP
    own, cells = None, []
    for size_cell in (np.floor(size), np.floor(size - _REACH), np.floor(size + _REACH)):
        width = 2 * (1 / SAME - 1) * np.exp((size_cell + 1) * _STEP)
        number = (size_cell + 64).astype(np.int64) << 24
        if own is None:
            own = number | np.floor(start / width).astype(np.int64) + 1
            continue
        for reach in (-_REACH, _REACH):
            cells.append(number | np.floor(start / width + reach).astype(np.int64) + 1)
    cells = np.stack(cells, 1)
    again = [(cells[:, [i]] == cells[:, :i]).any(1) for i in range(4)]
    return own, np.where(np.stack(again, 1), -1, cells)


def _intersection_over_union(one: Floats, others: Floats) -> Floats:
    """That of a box (4,) and each of others (n, 4)."""
    starts = np.maximum(one[:2], others[:, :2])
    ends = np.minimum(one[:2] + one[2:], others[:, :2] + others[:, 2:])
    common = np.prod(np.maximum(ends - starts, 0), axis=1)
    return common / (one[2] * one[3] + others[:, 2] * others[:, 3] - common)

"""The scores of a fold and seed, the facts of each crop beside them, and strata of crops."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stowaway.annotations.events import UNKNOWN
from stowaway.data.roles import Role
from stowaway.evaluation.exposure import native_density, tested_days
from stowaway.evaluation.metrics import Flags, Floats, highest_crops

LISTED, LEFT_OUT = "listed", "leave_out"  # kinds of folds, as the tables name them
SEEN = "seen_in_training"  # models that were trained on the novel species too
SHORTCUT = "shortcut_"  # how the columns of shortcut baselines begin
# What is compared where examples of a novel species are given.
NOVELTY, WATCH_LIST, SHORTCUTS = "novelty", "watch list", "shortcuts"
ELSEWHERE = "watch list, examples from "  # and the name of the other run
ORIGINALS = ["basic_original", "cae"]  # the detectors of the study that this project rebuilds
INFRARED = 2.0  # colourfulness: 0 in grey photos, a little more where a camera tints or JPEG blurs
SIZES = [0, 100, 250, np.inf]  # longer side of the crop in pixels
SIZE_NAMES = ["up to 100 px", "100 to 250 px", "over 250 px"]
LEVELS = ("crop", "event")
EVALUATED_ROLES = (Role.TEST, Role.NOVEL)


def crop_facts(labels: pd.DataFrame, shortcuts: pd.DataFrame) -> pd.DataFrame:
    """By crop_id: species, event, location, date ('' if unknown), image_id, `light` and `size`."""
    facts = labels.set_index("crop_id")[["location", "image_id", "event"]].copy()
    facts["species"] = labels["species_label"].to_numpy()
    facts["location"] = facts["location"].fillna("").replace("", UNKNOWN)
    facts["date"] = labels["datetime"].fillna("").str[:10].to_numpy()
    longer = labels[["crop_width", "crop_height"]].max(axis=1)
    facts["size"] = pd.cut(longer, SIZES, labels=SIZE_NAMES).astype(str).to_numpy()
    colour = shortcuts.set_index("crop_id")["colourfulness"].reindex(facts.index)
    facts["light"] = np.where(colour < INFRARED, "infrared", "day")
    return facts


@dataclass
class Run:
    """One fold and seed.

    `kind` is LISTED, LEFT_OUT or SEEN. `crops` has the columns of `crop_facts`, `crop_id`, `group`,
    `role`, `novel`, `predicted`, and a column of scores for each of `detectors`; an `event` and a
    `group` are numbers, the same in all runs. `density` is that of the fold's natives
    (`native_density`), `days` are the camera-days.
    """

    kind: str
    fold: str
    crops: pd.DataFrame
    detectors: list[str]
    density: dict[str, float]
    days: pd.DataFrame

    @cached_property
    def queue(self) -> pd.DataFrame:
        """Test natives and novel crops."""
        return self.crops[self.crops["role"].isin(EVALUATED_ROLES)]

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """Natives of the role calibration, which no detector is fitted on."""
        return self.crops[self.crops["role"] == Role.CALIBRATION]


def load_runs(
    tables: dict[tuple[str, str], pd.DataFrame],
    facts: pd.DataFrame,
    days: pd.DataFrame,
    detectors: dict[str, str],
    by_time: bool = False,
) -> tuple[list[Run], int]:
    """The runs of score tables by (fold, seed), and the number of events of all their queues.

    `days` are the camera-days, a row per `location` and `date` with a photo. Of each table the
    columns of `detectors` (name -> its `train_on`) and of the shortcuts are taken. A detector that
    is not trained on "natives" has runs of the kind SEEN. Where the split goes `by_time`, a queue
    is of the `tested_days`. Events of queues have the lowest numbers, in the order of their names.
    """
    every = pd.concat([table[["event", "group", "role"]] for table in tables.values()])
    queued = set(every.loc[every["role"].isin(EVALUATED_ROLES), "event"])
    order = sorted(queued) + sorted(set(every["event"]) - queued)
    number = {event: i for i, event in enumerate(order)}
    group_number = {group: i for i, group in enumerate(sorted(set(every["group"])))}
    runs = []
    for (fold, _), table in tables.items():
        native = table.loc[table["role"].isin([Role.CALIBRATION, Role.TEST]), "species"].unique()
        density = native_density(facts[facts["species"].isin(native)], days)
        own = table.drop(columns=["event", "species", "location"])
        crops = own.join(facts, on="crop_id").assign(event=table["event"].map(number))
        crops["group"] = table["group"].map(group_number)
        crops["novel"] = crops["role"] == Role.NOVEL
        watched = tested_days(days, crops) if by_time else days
        names = [name for name in table if name in detectors or name.startswith(SHORTCUT)]
        seen = [name for name in names if detectors.get(name, "natives") != "natives"]
        kind = LISTED if fold == LISTED else LEFT_OUT
        for of_kind, columns in ((kind, [n for n in names if n not in seen]), (SEEN, seen)):
            if columns:
                runs.append(Run(of_kind, fold, crops, columns, density, watched))
    return runs, len(queued)


def units_of(crops: pd.DataFrame, detector: str, level: str) -> tuple[Floats, Flags, NDArray]:
    """(scores, novel, events) of the crops, or of the events by their highest crop."""
    units = tuple(crops[name].to_numpy() for name in (detector, "novel", "event"))
    if level == "crop":
        return units
    rows = highest_crops(units[0], units[2], units[1])
    return tuple(values[rows] for values in units)


def by_kind(runs: list[Run]) -> dict[str, list[Run]]:
    """The runs of each kind, in the order of the kinds' first runs."""
    kinds = dict.fromkeys(run.kind for run in runs)
    return {kind: [run for run in runs if run.kind == kind] for kind in kinds}


def strata_of(queue: pd.DataFrame, groups: dict[str, str]) -> Iterator[tuple[str, Flags]]:
    """Yield (name, which crops) of each stratum of a queue that has natives and novel crops.

    Light, size and location hold natives and novel crops alike; taxonomy and species divide the
    novel crops, against all natives. A novel species is near when a native of this fold shares its
    group in `groups` (species -> group), far when none does, and unknown when it is in no group.
    """
    novel, species = queue["novel"].to_numpy(), queue["species"].to_numpy(str)
    yield "all", np.ones(len(queue), bool)
    for column in ("light", "size", "location"):
        values = queue[column].to_numpy(str)
        for value in np.unique(values[novel]):
            if value != UNKNOWN and not novel[values == value].all():
                yield f"{column}={value}", values == value
    native_groups = {groups.get(name) for name in np.unique(species[~novel])} - {None}
    kinship = {name: _kinship(groups.get(name), native_groups) for name in np.unique(species)}
    nearness = np.array([kinship[name] for name in species], str)
    for column, values in (("taxonomy", nearness), ("species", species)):
        for value in np.unique(values[novel]):
            yield f"{column}={value}", ~novel | (values == value)


def _kinship(group: str | None, native_groups: set[str]) -> str:
    if group is None:
        return UNKNOWN
    return "near" if group in native_groups else "far"

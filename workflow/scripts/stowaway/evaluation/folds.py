"""The scores of a fold and seed, the facts of each crop beside them, and strata of crops."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stowaway.data.events import UNKNOWN
from stowaway.data.roles import Role
from stowaway.evaluation.counts import Flags, Floats, highest_crops
from stowaway.evaluation.exposure import native_density

LISTED, LEFT_OUT = "listed", "leave_out"  # kinds of folds, as the tables name them
SEEN = "seen_in_training"  # models that were trained on the novel species too
SHORTCUT = "shortcut_"
INFRARED = 2.0  # colourfulness: 0 in grey photos, a little more where a camera tints or JPEG blurs
SIZES = [0, 100, 250, np.inf]  # longer side of the crop in pixels
SIZE_NAMES = ["up to 100 px", "100 to 250 px", "over 250 px"]
LEVELS = ("crop", "event")


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
class ScoredCrops:
    """Crops of one fold and seed: row i of everything is the same crop.

    `facts` has the columns of `crop_facts`, `role` and `predicted`, where `event` is a number that
    is the same in all runs; `scores` has an array per detector.
    """

    facts: pd.DataFrame
    scores: dict[str, Floats]

    @property
    def events(self) -> NDArray[np.int64]:
        """The number of each crop's event."""
        return self.facts["event"].to_numpy()

    @cached_property
    def novel(self) -> Flags:
        """Whether each crop is of a novel species."""
        return (self.facts["role"] == Role.NOVEL).to_numpy()

    def subset(self, mask: Flags) -> "ScoredCrops":
        """The crops where `mask` is true."""
        scores = {name: values[mask] for name, values in self.scores.items()}
        return ScoredCrops(self.facts[mask], scores)

    def units(self, detector: str, level: str) -> tuple[Floats, Flags, NDArray]:
        """(scores, novel, events) of the crops, or of the events by their highest crop."""
        units = self.scores[detector], self.novel, self.events
        if level == "crop":
            return units
        rows = highest_crops(units[0], self.events, self.novel)
        return tuple(values[rows] for values in units)

    def table(self, detector: str) -> pd.DataFrame:
        """The facts of the crops with the `score` of one detector."""
        return self.facts.assign(score=self.scores[detector])


@dataclass
class Run:
    """One fold and seed, `kind` one of LISTED, LEFT_OUT and SEEN; `density` of its natives."""

    kind: str
    fold: str
    crops: ScoredCrops
    density: dict[str, float]

    @cached_property
    def queue(self) -> ScoredCrops:
        """Test natives and novel crops."""
        return self._with_role(Role.TEST, Role.NOVEL)

    @cached_property
    def calibration(self) -> ScoredCrops:
        """Natives of the role calibration, which no detector is fitted on."""
        return self._with_role(Role.CALIBRATION)

    def _with_role(self, *roles: Role) -> ScoredCrops:
        return self.crops.subset(self.crops.facts["role"].isin(roles).to_numpy())


def load_runs(
    tables: dict[tuple[str, str], pd.DataFrame], facts: pd.DataFrame, detectors: dict[str, str]
) -> tuple[list[Run], int]:
    """The runs of score tables by (fold, seed), and the number of events of all their queues.

    Of each table the columns of `detectors` (name -> its `train_on`) and of the shortcuts are
    taken. A detector that is not trained on "natives" has runs of the kind SEEN. Events of queues
    have the lowest numbers, in the order of their names.
    """
    queued = {
        event
        for table in tables.values()
        for event in table.loc[table["role"].isin([Role.TEST, Role.NOVEL]), "event"]
    }
    others = {event for table in tables.values() for event in table["event"]} - queued
    number = {event: i for i, event in enumerate(sorted(queued) + sorted(others))}
    seen = {name for name, train_on in detectors.items() if train_on != "natives"}
    runs = []
    for (fold, _), table in tables.items():
        crops = facts.loc[table["crop_id"]].reset_index()
        crops["role"], crops["predicted"] = table["role"].array, table["predicted"].array
        native = table.loc[table["role"].isin([Role.CALIBRATION, Role.TEST]), "species"].unique()
        density = native_density(facts[facts["species"].isin(native)])
        crops["event"] = table["event"].map(number).array
        names = [name for name in table if name in detectors or name.startswith(SHORTCUT)]
        kind = LISTED if fold == LISTED else LEFT_OUT
        for of_kind, columns in (
            (kind, [name for name in names if name not in seen]),
            (SEEN, [name for name in names if name in seen]),
        ):
            scores = {name: table[name].to_numpy(float) for name in columns}
            if scores:
                runs.append(Run(of_kind, fold, ScoredCrops(crops, scores), density))
    return runs, len(queued)


def by_kind(runs: list[Run]) -> dict[str, list[Run]]:
    """The runs of each kind, in the order of the kinds' first runs."""
    kinds = dict.fromkeys(run.kind for run in runs)
    return {kind: [run for run in runs if run.kind == kind] for kind in kinds}


def strata_of(queue: ScoredCrops, groups: dict[str, str]) -> Iterator[tuple[str, Flags]]:
    """Yield (name, which crops) of each stratum of a queue that has natives and novel crops.

    Light, size and location hold natives and novel crops alike; taxonomy and species divide the
    novel crops, against all natives. A novel species is near when a native of this fold shares its
    group in `groups` (species -> group), far when none does, and unknown when it is in no group.
    """
    yield "all", np.ones(len(queue.novel), bool)
    facts, novel = queue.facts, queue.novel
    for column in ("light", "size", "location"):
        values = facts[column].to_numpy(str)
        for value in np.unique(values[novel]):
            if value != UNKNOWN and not novel[values == value].all():
                yield f"{column}={value}", values == value
    species = facts["species"].to_numpy(str)
    native_groups = {groups[name] for name in np.unique(species[~novel]) if name in groups}
    kinship = {name: _kinship(groups.get(name), native_groups) for name in np.unique(species)}
    nearness = np.array([kinship[name] for name in species], str)
    for column, values in (("taxonomy", nearness), ("species", species)):
        for value in np.unique(values[novel]):
            yield f"{column}={value}", ~novel | (values == value)


def _kinship(group: str | None, native_groups: set[str]) -> str:
    if group is None:
        return UNKNOWN
    return "near" if group in native_groups else "far"

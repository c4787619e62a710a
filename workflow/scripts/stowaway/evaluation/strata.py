"""Parts of a run's queue that are judged apart: light, crop size, location, taxonomy, species."""

from collections.abc import Iterator

import numpy as np

from stowaway.data.events import UNKNOWN
from stowaway.evaluation.counts import Flags
from stowaway.evaluation.folds import Part


def strata_of(queue: Part, groups: dict[str, str]) -> Iterator[tuple[str, Flags]]:
    """Yield (name, which crops) of each stratum of a queue that has natives and novel crops.

    Light, size and location hold natives and novel crops alike; taxonomy and species divide the
    novel crops, against all natives. A novel species is near when a native of this arm shares its
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

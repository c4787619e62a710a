"""Natives of a run's models and examples of watched species -> the head that tells them apart."""

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from stowaway.core.files import replacing
from stowaway.core.script import BadInput, run_rule, say
from stowaway.detectors.watch import WatchHead
from stowaway.review import examples as listed
from stowaway.review import trained


def fit_watch_list(
    models: Path, arrays: Path, examples: list[Path], natives: list[str], watch: Path, threads: int
) -> None:
    """Write the arrays of a `WatchHead`; no array at all where there is no example.

    Raises `BadInput` where the species of an example is one of the `natives`.
    """
    known, found = trained.load(arrays, models).gallery, listed.load(examples)
    if own := sorted({*found.species.tolist()} & {*natives}):
        raise BadInput(f"watch: {own[0]:.80} is native; take it off species.native, or off watch")
    fitted = {}
    if len(found.species):
        features = np.concatenate([known.features, found.features])
        species = np.concatenate([known.species, found.species])
        events = np.concatenate([known.events, found.event])
        watched = np.arange(len(species)) >= len(known.species)
        with threadpool_limits(threads):
            head = WatchHead().fit(features, species, events, watched)
        fitted = head.arrays()
        say(f"watch list: {', '.join(head.watched.tolist()):.80}; strength {head.strength:g}")
    with replacing(watch, "wb") as file:
        np.savez(file, **fitted)


if __name__ == "__main__":
    run_rule(fit_watch_list, snakemake)

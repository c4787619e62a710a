"""Confirmed and marked crops, and the config's watch list -> examples.npz, with their features."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stowaway.core.progress import progress
from stowaway.core.script import BadInput, run_rule, say
from stowaway.data.packs import Features, Form, batches, decode_crop, pack_crop
from stowaway.data.splits import load_crops
from stowaway.models.backbones import BATCH, open_backbone
from stowaway.models.device import Device
from stowaway.models.facts import read_backbone
from stowaway.review import examples as listed
from stowaway.review import trained
from stowaway.review.pictures import PICTURE


def gather_examples(
    labels: Path,
    features: Path,
    facts: Path,
    splits: Path | list,
    decided_crops: Path | list,
    models: Path | list,
    arrays: Path | list,
    examples: Path,
    run: str,
    watch: dict,
    native: list[str],
    backbone: dict,
    form: str,
    settings: dict,
    threads: int,
    config: dict,
) -> None:
    """Write the examples of all species, maybe none.

    Crops of the run have their features; those of other runs and of photos are computed in the same
    `form` and precision. For `settings` see `listed.of_photos`; they have `max_side` too, of a
    saved crop. A batch has the `models` and `arrays` that score it; else they are []. Raises
    `BadInput` as the functions of `listed`, and for a run without natives.
    """
    crops = load_crops(labels, splits)
    known = Features(features, len(crops))
    found = [*listed.of_reviewers(decided_crops, crops, run), *listed.of_run(crops, watch)]
    failures = examples.with_suffix(".failed.csv")
    for name, sources in watch.items():
        if sources["photos"]:
            with TemporaryDirectory(dir=examples.parent) as work:
                found += listed.of_photos(name, sources, settings, config, Path(work), failures)
    if found and not native:
        raise BadInput("watch: a watch list needs natives; name them as species.native")
    found, values, pictures = listed.choose(found), {}, {}

    def square(place: int) -> np.ndarray:
        if not (example := found[place]).folder:
            return pack_crop(example.window if shape.aspect == "window" else example.path, shape)
        photo = listed.open_example(example, config["limits"], settings["max_side"])
        pictures[place] = listed.picture(photo.cut(example.box)[1])
        return listed.packed_example(photo, example.box, shape)

    shape, others = Form.named(form), [n for n, one in enumerate(found) if one.row is None]
    if others:
        about = read_backbone(facts)
        device = Device.choose(about["precision"], threads)
        network = open_backbone(
            backbone["name"], backbone["weights"], backbone["layer"], shape.size
        )
        if network.checksum() != about["weights_sha256"]:
            raise BadInput(f"{facts}: of other weights; run again with --forcerun extract_features")
        network.features.to(device.device)
        for places in progress(batches(np.array(others), BATCH), "examples", "batches"):
            images = device.images(np.stack([square(place) for place in places]))
            with device.autocast():
                values |= zip(places, network(images).float().cpu().numpy(), strict=True)
    listed.check_edges(found)
    of_models = {}
    if models:
        site = trained.load(arrays, models)
        of_models = {"calibration": site.calibration, "run": site.facts["run"]}
    kept = listed.usable(found, crops, **of_models)
    for place in kept:
        if place not in pictures:  # its crop is saved
            pictures[place] = listed.picture(decode_crop(found[place].path, PICTURE)[0])
        if (row := found[place].row) is not None:
            values[place] = known[np.array([row])][0]
    chosen = [found[place] for place in kept]
    columns = {name: np.array([getattr(one, name) for one in chosen], str) for name in listed.TEXTS}
    features = np.array([values[place] for place in kept], np.float32)
    columns["features"] = features.reshape(-1, known.shape[1])  # also of none
    columns["pictures"] = np.array([pictures[place] for place in kept], bytes)
    listed.save(listed.Examples(**columns), examples)
    for species, count in Counter(one.species for one in chosen).items():
        own = [one for one in chosen if one.species == species]
        events = len({one.event for one in own})
        sources = Counter(one.source for one in own)
        what = ", ".join(f"{n:,} {source}" for source, n in sources.items())
        say(f"examples: {count:,} of {species:.80}, of {events:,} events ({what})")


if __name__ == "__main__":
    run_rule(gather_examples, snakemake)

"""The shown events of the queue -> where each crop is strange, and which natives are near it."""

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from stowaway.core.files import reading, replacing
from stowaway.core.script import run_rule
from stowaway.core.tables import read_sheet
from stowaway.data.packs import Features, Form, Pack
from stowaway.data.splits import load_crops
from stowaway.models.backbones import open_backbone
from stowaway.models.device import Device
from stowaway.review import examples as listed
from stowaway.review import trained
from stowaway.review.explanations import boxes_in_pack, maps_of, nearest_natives, strangeness


def explain_queue(
    queue: Path,
    labels: Path,
    splits: Path | list,
    features: Path,
    pack: Path,
    models: Path,
    arrays: Path,
    examples: list[Path],
    explanations: Path,
    backbone: dict,
    threads: int,
) -> None:
    """Write a row per event of the queue that is shown, in its order, as an .npz.

    `crops` (n, size, size, 3) are its highest crops in the backbone's form and `box` (n, 4) where
    in them the animal's box lies (`boxes_in_pack`), which alone is shown to people; `natives` (n,
    k) the training natives nearest to it as JPEGs, with `native_species` and `cosine` (n, k);
    `heat` (n, height, width) how strange each cell of the backbone's map is, which a backbone
    without maps has not. Where there are examples of watched species, `examples` (n,) are the JPEGs
    of the nearest one, of another event, with `example_species` and `example_cosine` (n,), which is
    -1 where there is no other event.
    """
    with threadpool_limits(threads):
        crops, known = load_crops(labels, splits), trained.load(arrays, models)
        head = read_sheet(queue)
        head = head[head["sampled"] != ""]
        with reading(queue):
            chosen = crops.set_index("crop_id").loc[head["crop_id"]]
        values, pixels = Features(features, len(crops)), Pack(pack, len(crops))
        rows, gallery, form = chosen["row"].to_numpy(), known.gallery, Form.named(pack.stem)
        indices, cosine = nearest_natives(
            values[rows], gallery.features, gallery.events, head["event"].to_numpy(str)
        )
        saved = {name: head[name].to_numpy(str) for name in ("event", "crop_id", "role", "species")}
        saved |= {"crops": pixels[rows], "box": boxes_in_pack(chosen, form)}
        saved |= {"natives": gallery.pictures[indices], "cosine": cosine}
        saved |= {"native_species": gallery.species[indices]}
        saved |= {"alarm": head["alarm"].to_numpy() == "yes"}
        saved |= {"p_value": head["p_value"].to_numpy(float)}
        found = listed.load(examples)
        if len(found.species):
            nearest, cosine = nearest_natives(
                values[rows], found.features, found.events_in(crops), head["event"].to_numpy(str)
            )
            saved |= {"examples": found.pictures[nearest[:, 0]], "example_cosine": cosine[:, 0]}
            saved["example_species"] = found.species[nearest[:, 0]]
        if known.cells:
            device = Device.choose("float32", threads)
            network = open_backbone(**backbone, image_size=form.size)
            network.features.to(device.device)
            saved["heat"] = strangeness(
                maps_of(network, device, pixels, rows), known.cells, known.usual
            )
        with replacing(explanations, "wb") as file:
            np.savez(file, **saved)


if __name__ == "__main__":
    run_rule(explain_queue, snakemake)

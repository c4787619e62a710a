"""The head of the queue -> where each crop is strange, and which natives it is nearest to."""

from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from stowaway.core.files import reading, replacing
from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import read_sheet
from stowaway.data.packs import Features, Form, Pack, batches
from stowaway.data.roles import Role
from stowaway.data.splits import load_crops
from stowaway.models.backbones import Backbone, open_backbone
from stowaway.models.device import INFERENCE_BATCH, Device
from stowaway.review.explanations import cells_inside, nearest_natives, padded_boxes, strangeness

MAPPED_NATIVES = 100  # native crops that the heat maps compare with: thousands of cells
COMPARED = 20_000  # native crops among which the nearest are sought
SIZE = ["crop_width", "crop_height"]


def explain_queue(
    queue: Path,
    labels: Path,
    splits: Path,
    features: Path,
    pack: Path,
    explanations: Path,
    backbone: dict,
    explained: int,
    seed: int,
    threads: int,
) -> None:
    """Write a row per event at the head of the queue, `explained` of them, as an .npz.

    `crops` (n, size, size, 3) are its highest crops and `box` (n, 4) where in them the animal's
    box lies (`padded_boxes`); `natives` (n, k, size, size, 3) the training natives nearest to it,
    with `native_species` and `cosine` (n, k); `heat` (n, height, width) how strange each cell of
    the backbone's map is, which a backbone without maps has not.
    """
    with threadpool_limits(threads):
        head, crops = read_sheet(queue).head(explained), load_crops(labels, splits)
        with reading(queue):
            chosen = crops.set_index("crop_id").loc[head["crop_id"]]
        natives = crops[crops["role"] == Role.TRAIN]
        natives = natives.sample(min(COMPARED, len(natives)), random_state=seed)
        values, pixels = Features(features, len(crops)), Pack(pack, len(crops))
        form = Form.named(pack.stem)
        rows, known = chosen["row"].to_numpy(), natives["row"].to_numpy()
        events = natives["event"].to_numpy(str)
        indices, cosine = nearest_natives(values[rows], values[known], events)
        arrays = {name: head[name].to_numpy(str) for name in ("event", "role", "species")}
        arrays |= {"crops": pixels[rows], "box": padded_boxes(chosen[SIZE].to_numpy(), form)}
        arrays |= {"natives": pixels[known[indices]], "cosine": cosine}
        arrays |= {"native_species": natives["species"].to_numpy(str)[indices]}
        arrays |= {"alarm": head["alarm"].to_numpy() == "yes"}
        arrays |= {"p_value": head["p_value"].to_numpy()}
        device = Device.choose("float32", threads)
        network = open_backbone(backbone["name"], backbone["weights"], backbone["layer"])
        network.features.to(device.device)
        # one crop of each event first
        mapped = pd.concat([natives.drop_duplicates("event"), natives]).drop_duplicates("crop_id")
        mapped = mapped.head(MAPPED_NATIVES)
        try:
            cells = cells_of(network, device, pixels, mapped["row"].to_numpy())
            boxes = padded_boxes(mapped[SIZE].to_numpy(), form)
            native_cells = cells[cells_inside(boxes, form.size, cells.shape[1:3])]
            arrays["heat"] = strangeness(cells_of(network, device, pixels, rows), native_cells)
        except BadInput as error:  # a network without maps
            print(f"no heat maps: {error}")
        with replacing(explanations, "wb") as file:
            np.savez(file, **arrays)


def cells_of(network: Backbone, device: Device, pixels: Pack, rows: np.ndarray) -> np.ndarray:
    """Features of each cell of the backbone's map: (n, height, width, dimensions)."""
    maps = [
        network.maps(device.images(pixels[batch])).float().cpu().numpy()
        for batch in batches(rows, INFERENCE_BATCH)
    ]
    return np.concatenate(maps).transpose(0, 2, 3, 1)


if __name__ == "__main__":
    run_rule(explain_queue, snakemake)

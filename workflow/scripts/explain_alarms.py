"""The head of the queue -> where each crop is strange, and which natives it is nearest to."""

from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from stowaway.core.files import replacing
from stowaway.core.script import BadInput, rule_log
from stowaway.core.tables import read_table
from stowaway.data.packs import batches, open_pack
from stowaway.detectors.feature_methods import Gaussian
from stowaway.models.backbones import Backbone, open_backbone
from stowaway.models.device import INFERENCE_BATCH, Device

NEAREST = 3
SHOWN_TO = 100  # native crops that the heat maps compare with: thousands of cells
COMPARED = 20_000  # native crops among which the nearest are sought


def cells_of(network: Backbone, backend: Device, pixels: np.ndarray, rows: np.ndarray):
    """Features of each cell of the backbone's map: (n, height, width, dimensions)."""
    parts = [
        network.maps(backend.images(pixels[some])).float().cpu().numpy()
        for some in batches(rows, INFERENCE_BATCH)
    ]
    return np.concatenate(parts).transpose(0, 2, 3, 1)


def heat(cells: np.ndarray, natives: np.ndarray) -> np.ndarray:
    """The share of the natives' cells that are less strange than each cell: (n, height, width).

    Strange is far in the Mahalanobis distance to all native cells, wherever in the crop they are:
    animals move. After PaDiM (Defard et al., ICPR 2021), whose Gaussian is one per place.
    """
    known = natives.reshape(-1, natives.shape[-1])
    cloud = Gaussian().fit(known, np.zeros(len(known)), np.arange(len(known)))
    reference = np.sort(cloud.score(known))
    strange = cloud.score(cells.reshape(-1, cells.shape[-1])).reshape(cells.shape[:-1])
    return np.searchsorted(reference, strange) / len(reference)


def nearest(features: np.ndarray, known: np.ndarray, events: np.ndarray) -> tuple:
    """For each of `features`, the NEAREST of `known`, one per event: (indices, cosine), (n, k)."""
    unit, others = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (features, known))
    likeness = unit @ others.T
    found = []
    for row in likeness:
        order = np.argsort(-row, kind="stable")
        _, first = np.unique(events[order], return_index=True)  # the likest of each event
        found.append(order[np.sort(first)[:NEAREST]])
    found = np.array(found)
    return found, np.take_along_axis(likeness, found, 1)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]), threadpool_limits(snakemake.threads):
        backend = Device.choose("float32", snakemake.threads)
        chosen = read_table(snakemake.input.queue).head(snakemake.params.explained)
        splits = read_table(snakemake.input.splits, ["crop_id", "species", "role", "event"])
        natives = splits[splits["role"] == "train"]
        natives = natives.sample(min(COMPARED, len(natives)), random_state=snakemake.params.seed)
        pixels, row_of = open_pack(snakemake.input.pack, snakemake.input.index)
        features = np.load(snakemake.input.features, mmap_mode="r")
        rows = chosen["crop_id"].map(row_of).to_numpy(int)
        known = natives["crop_id"].map(row_of).to_numpy(int)
        index, cosine = nearest(features[rows], features[known], natives["event"].to_numpy(str))
        made = {}
        backbone = snakemake.params.backbone
        network = open_backbone(backbone["name"], backbone["weights"], backbone["layer"])
        network.features.to(backend.device)
        try:
            varied = pd.concat(
                [natives.drop_duplicates("event"), natives]
            )  # one of each event first
            some = varied.drop_duplicates("crop_id").head(SHOWN_TO)["crop_id"]
            some = some.map(row_of).to_numpy(int)
            compared = cells_of(network, backend, pixels, some)
            made["heat"] = heat(cells_of(network, backend, pixels, rows), compared)
        except BadInput as error:  # a network without maps
            print(f"no heat maps: {error}")
        with replacing(Path(snakemake.output.explained), "wb") as file:
            np.savez(
                file,
                crops=pixels[rows],
                natives=pixels[known[index]],
                native_species=natives["species"].to_numpy(str)[index],
                cosine=cosine,
                **{name: chosen[name].to_numpy(str) for name in ("event", "role", "species")},
                alarm=chosen["alarm"].to_numpy(str) == "yes",
                p_value=chosen["p_value"].to_numpy(float),
                **made,
            )

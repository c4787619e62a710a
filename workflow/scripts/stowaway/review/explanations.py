"""Why a crop is suspicious: where it is unlike the natives, and which natives it is nearest to."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stowaway.core.script import BadInput
from stowaway.data.packs import Form, Pack, batches
from stowaway.data.photos import BOX, window_of
from stowaway.detectors.feature_methods import Floats, Gaussian
from stowaway.models.backbones import BATCH, Backbone
from stowaway.models.device import Device

NEAREST = 3  # natives beside each crop
MAPPED_NATIVES = 100  # native crops that the heat maps compare with: thousands of cells


def boxes_in_pack(crops: pd.DataFrame, form: Form) -> NDArray[np.int64]:
    """Where animals' boxes lie in the squares of a pack: (n, 4) of left, top, width and height.

    `crops` are those of `load_crops`. The rest of a square is padding, or a window's surroundings.
    """
    around = boxes = crops[BOX[:4]].to_numpy(int)
    if form.aspect == "window":
        photos = crops[BOX[4:]].to_numpy(int)
        pairs = zip(boxes.tolist(), photos.tolist(), strict=True)
        around = np.array([window_of(*pair) for pair in pairs], int).reshape(-1, 4)
    placed = np.array([form.place(size) for size in around[:, 2:].tolist()], int).reshape(-1, 4)
    scale, start = placed[:, 2:] / around[:, 2:], boxes[:, :2] - around[:, :2]
    low = np.minimum(np.rint(start * scale), placed[:, 2:] - 1)  # a pixel of it, at least
    high = np.maximum(np.rint((start + boxes[:, 2:]) * scale), low + 1)
    return np.hstack([placed[:, :2] + low, high - low]).astype(int)


def cells_inside(boxes: NDArray, size: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether the centre of each cell of a map lies in the animal's box and not beside it.

    `boxes` (n, 4) are those of `boxes_in_pack` in squares of `size` pixels, `shape` the map's
    height and width; the result is (n, height, width). A box narrower than a cell has the middle
    ones.
    """
    inside = []
    for axis, cells in ((1, shape[0]), (0, shape[1])):
        centres = (np.arange(cells) + 0.5) * size / cells
        middle = boxes[:, axis] + boxes[:, axis + 2] / 2
        half = np.maximum(boxes[:, axis + 2], size / cells) / 2
        inside.append(np.abs(centres - middle[:, None]) <= half[:, None] + 0.5)
    return inside[0][:, :, None] & inside[1][:, None, :]


def maps_of(network: Backbone, device: Device, pixels: Pack, rows: NDArray) -> Floats:
    """Features of each cell of the backbone's maps: (n, height, width, dimensions)."""
    maps = [
        network.maps(device.images(pixels[batch])).float().cpu().numpy()
        for batch in batches(rows, BATCH) or [rows]
    ]
    return np.concatenate(maps).transpose(0, 2, 3, 1)


def native_cells(
    network: Backbone, device: Device, pixels: Pack, form: Form, natives: pd.DataFrame
) -> tuple[Gaussian | None, float]:
    """The cloud of the cells of natives' maps, and the distance that 95 % of them keep to it.

    Of `natives`, crops of `load_crops`, the first MAPPED_NATIVES are taken, inside their boxes.
    A backbone without maps has neither: None, NaN.
    """
    natives = natives.head(MAPPED_NATIVES)
    try:
        cells = maps_of(network, device, pixels, natives["row"].to_numpy())
    except BadInput as error:
        print(f"no heat maps: {error}")
        return None, np.nan
    boxes = boxes_in_pack(natives, form)
    cells = cells[cells_inside(boxes, form.size, cells.shape[1:3])]
    cloud = Gaussian().fit(cells, np.zeros(len(cells)), np.arange(len(cells)))
    return cloud, float(np.quantile(cloud.score(cells), 0.95))


def strangeness(cells: Floats, cloud: Gaussian, usual: float) -> Floats:
    """How unlike natives each cell is: (n, height, width), 1 where 95 % of native cells are less.

    `cells` (n, height, width, dimensions) are features of a backbone's map, `cloud` and `usual` are
    those of `native_cells`. It is the Mahalanobis distance to all native cells, wherever in the
    crop they are (animals move), over `usual`. After PaDiM (Defard et al., ICPR 2021), whose
    Gaussian is one per position.
    """
    distance = cloud.score(cells.reshape(-1, cells.shape[-1])).reshape(cells.shape[:-1])
    return distance / usual


def nearest_natives(
    features: Floats, natives: Floats, events: NDArray, own: NDArray
) -> tuple[NDArray, Floats]:
    """The NEAREST natives of each crop, at most one per event: (indices, cosines), each (n, k).

    `features` (n, dimensions) and `own` (n,), their events, are the crops'; `natives` (m,
    dimensions) and `events` (m,) the natives'. Frames of a crop's own event come last, as if they
    were its opposite: they may be the crop itself, where natives that were fitted on are queued.
    """
    unit, others = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (features, natives))
    cosines = np.where(own[:, None] == events, -1, unit @ others.T)
    indices = []
    for row in cosines:
        order = np.argsort(-row, kind="stable")
        _, first = np.unique(events[order], return_index=True)  # the nearest of each event
        indices.append(order[np.sort(first)[:NEAREST]])
    k = min(NEAREST, len(np.unique(events)))
    indices = np.array(indices, int).reshape(-1, k)  # also of no crop
    return indices, np.take_along_axis(cosines, indices, 1)

"""Why a crop is suspicious: where it is unlike the natives, and which natives it is nearest to."""

import numpy as np
from numpy.typing import NDArray

from stowaway.data.packs import Form
from stowaway.detectors.feature_methods import Floats, Gaussian

NEAREST = 3  # natives beside each crop


def padded_boxes(sizes: NDArray, form: Form) -> NDArray[np.int64]:
    """Where crops lie in the squares of a pack: (n, 4) pixels of left, top, width and height.

    `sizes` (n, 2) are the crops' widths and heights; the rest of a square is padding.
    """
    return np.array([form.place(size) for size in sizes.tolist()], int).reshape(-1, 4)


def cells_inside(boxes: NDArray, size: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether the centre of each cell of a map lies in the crop and not in the padding.

    `boxes` (n, 4) are those of `padded_boxes` in squares of `size` pixels, `shape` the map's height
    and width; the result is (n, height, width). A crop narrower than a cell has the middle ones.
    """
    inside = []
    for axis, cells in ((1, shape[0]), (0, shape[1])):
        centres = (np.arange(cells) + 0.5) * size / cells
        middle = boxes[:, axis] + boxes[:, axis + 2] / 2
        half = np.maximum(boxes[:, axis + 2], size / cells) / 2
        inside.append(np.abs(centres - middle[:, None]) <= half[:, None] + 0.5)
    return inside[0][:, :, None] & inside[1][:, None, :]


def strangeness(cells: Floats, native_cells: Floats) -> Floats:
    """How unlike natives each cell is: (n, height, width), 1 where 95 % of native cells are less.

    `cells` (n, height, width, dimensions) are features of a backbone's map, `native_cells` (m,
    dimensions) those of native crops, without padding. It is the Mahalanobis distance to all native
    cells, wherever in the crop they are (animals move), over that distance's 95 % quantile among
    them. After PaDiM (Defard et al., ICPR 2021), whose Gaussian is one per position.
    """
    n = len(native_cells)
    cloud = Gaussian().fit(native_cells, np.zeros(n), np.arange(n))
    distance = cloud.score(cells.reshape(-1, cells.shape[-1])).reshape(cells.shape[:-1])
    return distance / np.quantile(cloud.score(native_cells), 0.95)


def nearest_natives(features: Floats, natives: Floats, events: NDArray) -> tuple[NDArray, Floats]:
    """The NEAREST natives of each crop, at most one per event: (indices, cosines), each (n, k).

    `features` (n, dimensions) are the crops', `natives` (m, dimensions) and `events` (m,) the
    natives'.
    """
    unit, others = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (features, natives))
    cosines = unit @ others.T
    indices = []
    for row in cosines:
        order = np.argsort(-row, kind="stable")
        _, first = np.unique(events[order], return_index=True)  # the nearest of each event
        indices.append(order[np.sort(first)[:NEAREST]])
    indices = np.array(indices)
    return indices, np.take_along_axis(cosines, indices, 1)

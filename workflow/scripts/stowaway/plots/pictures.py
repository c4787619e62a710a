"""How crops are shown: without padding, with more contrast in the dark, and strange cells marked.

What is done here is for viewing only: it changes copies, and no number.
"""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from stowaway.data.packs import GREY
from stowaway.review.pictures import viewable

Pixels = NDArray[np.uint8]
STRANGEST = 0.75  # quantile of the crop's strangeness above which it is marked
MARK = "#FFE600"


def padding_box(pixels: Pixels) -> tuple[int, int, int, int]:
    """(left, top, width, height) of a square crop less its edges of the padding's colour."""
    inside = (pixels != np.array(GREY, np.uint8)).any(2)
    sides = []
    for filled in (inside.any(0), inside.any(1)):
        (places,) = np.nonzero(filled)
        first, last = (places[0], places[-1]) if len(places) else (0, len(filled) - 1)
        sides.append((int(first), int(last - first + 1)))
    (left, width), (top, height) = sides
    return left, top, width, height


def show_crop(axes: Axes, pixels: Pixels, box: tuple[int, int, int, int] | None = None) -> None:
    """Draw the part of a square crop in `box`; without one, all but its padding."""
    left, top, width, height = padding_box(pixels) if box is None else box
    inside = pixels[top : top + height, left : left + width]
    axes.imshow(viewable(inside), extent=(left, left + width, top + height, top))


def mark_strangest(axes: Axes, heat: NDArray, box: tuple[int, int, int, int], size: int) -> None:
    """Outline the strangest quarter of a crop, as far as it is stranger than natives are.

    `heat` (rows, columns) are the cells of a square of `size` pixels, 1 where 95 % of the natives'
    cells are less strange. Cells in the padding count for nothing.
    """
    left, top, width, height = box
    smooth = _smooth(_smooth(heat, top, height, size).T, left, width, size).T
    level = max(1.0, float(np.quantile(smooth, STRANGEST)))
    if min(smooth.shape) > 1 and smooth.max() > level:
        x, y = left + np.arange(width) + 0.5, top + np.arange(height) + 0.5
        axes.contourf(x, y, smooth, [level, np.inf], colors=[MARK], alpha=0.12)
        axes.contour(x, y, smooth, [level], colors=[MARK], linewidths=1.8)


def _smooth(cells: NDArray, start: int, extent: int, size: int) -> NDArray:
    """Values of the pixels from `start` on, between the rows of `cells` (n, m): (extent, m).

    Rows that lie by more than half outside take no part, unless all do.
    """
    step = size / len(cells)
    edges = step * np.arange(len(cells) + 1)
    overlap = np.minimum(start + extent, edges[1:]) - np.maximum(start, edges[:-1])
    inside = overlap >= min(step / 2, overlap.max())
    centres, pixels = (edges[:-1] + step / 2)[inside], start + np.arange(extent) + 0.5
    return np.stack([np.interp(pixels, centres, column) for column in cells[inside].T], axis=1)

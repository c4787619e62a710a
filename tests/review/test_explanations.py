"""Heat maps, the boxes in padded squares, and the nearest natives, against hand counts."""

import numpy as np
import pytest
from PIL import Image

from stowaway.data.packs import GREY, Form, pack_crop
from stowaway.detectors.feature_methods import Gaussian
from stowaway.review.explanations import (
    cells_inside,
    nearest_natives,
    padded_boxes,
    strangeness,
)


def test_nearest_natives_are_of_different_events():
    known = np.array([[1.0, 0], [0.99, 0.01], [0.5, 0.5], [0, 1]])
    index, cosine = nearest_natives(
        np.array([[2.0, 0]]), known, np.array(list("aabc")), np.array(["x"])
    )
    assert index.tolist() == [[0, 2, 3]]
    none = nearest_natives(np.empty((0, 2)), known, np.array(list("aabc")), np.array([], str))
    assert none[0].shape == none[1].shape == (0, 3) and known[none[0]].shape == (0, 3, 2)
    assert cosine[0].tolist() == pytest.approx([1, np.sqrt(0.5), 0])


def test_strangeness_is_highest_where_a_cell_is_unlike_all_natives():
    rng = np.random.default_rng(0)
    natives, cells = rng.normal(size=(480, 6)), rng.normal(size=(1, 4, 4, 6))
    cells[0, 1, 2] += 9
    cloud = Gaussian().fit(natives, np.zeros(480), np.arange(480))
    usual = np.quantile(cloud.score(natives), 0.95)
    heat = strangeness(cells, cloud, usual)
    assert heat.shape == (1, 4, 4) and np.unravel_index(heat[0].argmax(), (4, 4)) == (1, 2)
    assert heat[0, 1, 2] > 5 and np.median(heat) < 1
    of_natives = strangeness(natives.reshape(1, 20, 24, 6), cloud, usual)
    assert (of_natives > 1).mean() == pytest.approx(0.05, abs=0.003)


@pytest.mark.parametrize("size", [(40, 20), (20, 40), (31, 30), (40, 1), (24, 24)])
def test_boxes_are_where_a_pack_has_the_crop(size, tmp_path):
    Image.new("RGB", size, (255, 0, 0)).save(tmp_path / "x.jpg")
    for form in (Form(32, pad=True), Form(32, pad=False)):
        packed = pack_crop(tmp_path / "x.jpg", form).astype(int)
        red = np.abs(packed - np.array(GREY)).max(2) > 50
        rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
        expected = [columns[0], rows[0], len(columns), len(rows)]
        assert padded_boxes(np.array([size]), form).tolist() == [expected]


def test_cells_in_the_padding_are_outside():
    boxes = np.array([[0, 8, 32, 16], [0, 0, 32, 32], [15, 0, 2, 32]])  # wide, square, a strip
    inside = cells_inside(boxes, 32, (4, 4))
    assert inside[0].tolist() == [[False] * 4, [True] * 4, [True] * 4, [False] * 4]
    assert inside[1].all()
    assert inside[2].tolist() == [[False, True, True, False]] * 4  # never none

"""Heat maps, the boxes in padded squares, and the nearest natives, against hand counts."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stowaway.data.packs import GREY, Form, pack_crop
from stowaway.data.photos import BOX, window_of
from stowaway.detectors.feature_methods import Gaussian
from stowaway.review.explanations import (
    boxes_in_pack,
    cells_inside,
    nearest_natives,
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
    crops = pd.DataFrame([[5, 7, *size, 90, 80]], columns=BOX)
    for form in (Form(32, "pad"), Form(32, "squeeze")):
        packed = pack_crop(tmp_path / "x.jpg", form).astype(int)
        red = np.abs(packed - np.array(GREY)).max(2) > 50
        rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
        expected = [columns[0], rows[0], len(columns), len(rows)]
        assert boxes_in_pack(crops, form).tolist() == [expected]


WINDOWS = {  # box and photo; where the box lies in a window's square of 56 pixels
    "middle": (
        (86, 40, 20, 10, 200, 100),
        [8, 18, 40, 20],
    ),  # window 82, 31, 28, 28: twice as large
    "corner": ((180, 90, 20, 10, 200, 100), [16, 36, 40, 20]),
    "no square": ((30, 20, 100, 50, 200, 100), [8, 16, 40, 20]),  # 10, 0, 140, 100: 56 x 40
    "whole photo": ((0, 0, 200, 100, 200, 100), [0, 14, 56, 28]),
    "a pixel": ((3, 9, 1, 1, 200, 100), [0, 0, 56, 56]),
    "a thin one at the edge": ((0, 99, 200, 1, 200, 100), [0, 41, 56, 1]),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_boxes_in_windows_by_hand(name):
    crop, expected = WINDOWS[name]
    crops = pd.DataFrame([crop], columns=BOX)
    assert boxes_in_pack(crops, Form(56, "window")).tolist() == [expected]
    assert boxes_in_pack(crops.head(0), Form(56, "window")).shape == (0, 4)


@pytest.mark.parametrize(
    "box", [(20, 20, 20, 12), (0, 0, 30, 20), (70, 10, 10, 40), (5, 5, 70, 30), (0, 0, 80, 60)]
)
def test_boxes_are_where_a_pack_has_the_animal_of_a_window(box, tmp_path):
    photo, (x, y, w, h) = Image.new("RGB", (80, 60), GREY), box
    photo.paste((255, 0, 0), (x, y, x + w, y + h))
    left, top, width, height = window_of(box, photo.size)
    part = photo.crop((left, top, left + width, top + height))
    part.save(tmp_path / "x.jpg", quality=100, subsampling=0)
    packed = pack_crop(tmp_path / "x.jpg", Form(224, "window")).astype(int)
    red = (packed - np.array(GREY))[..., 0] > 65  # half of the difference
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    seen = [columns[0], rows[0], len(columns), len(rows)]
    crops = pd.DataFrame([[*box, *photo.size]], columns=BOX)
    assert boxes_in_pack(crops, Form(224, "window"))[0].tolist() == pytest.approx(seen, abs=2)


def test_cells_in_the_padding_are_outside():
    boxes = np.array([[0, 8, 32, 16], [0, 0, 32, 32], [15, 0, 2, 32]])  # wide, square, a strip
    inside = cells_inside(boxes, 32, (4, 4))
    assert inside[0].tolist() == [[False] * 4, [True] * 4, [True] * 4, [False] * 4]
    assert inside[1].all()
    assert inside[2].tolist() == [[False, True, True, False]] * 4  # never none

"""Crops as they are shown: without padding, dark infrared ones stretched, strange cells marked."""

import numpy as np
import pytest

from stowaway.data.packs import GREY
from stowaway.plots.pictures import mark_strangest, padding_box, show_crop, viewable
from stowaway.plots.style import plt

SIZE = 56
BOX = 0, 16, 56, 24  # of a crop that is wider than high


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def padded(value: int = 200) -> np.ndarray:
    pixels = np.full((SIZE, SIZE, 3), GREY, np.uint8)
    pixels[16:40] = value
    return pixels


def marked(axes) -> np.ndarray:
    """The corners of everything that is outlined or filled."""
    paths = [path for artist in axes.collections for path in artist.get_paths()]
    return np.concatenate([path.vertices for path in paths]) if paths else np.zeros((0, 2))


def test_padding_is_found_and_not_shown(axes):
    assert padding_box(padded()) == BOX
    assert padding_box(padded()[16:40]) == (0, 0, 56, 24)
    assert padding_box(np.full((4, 4, 3), GREY, np.uint8)) == (0, 0, 4, 4)  # nothing but grey
    show_crop(axes, padded())
    (image,) = axes.get_images()
    assert image.get_array().shape == (24, 56, 3)
    assert image.get_extent() == [0, 56, 40, 16]
    assert (image.get_array() == 200).all()


def test_strange_padding_is_not_marked(axes):
    heat = np.full((7, 7), 0.5)
    heat[:2] = heat[5:] = 50.0  # above and below the crop
    mark_strangest(axes, heat, BOX, SIZE)
    assert not len(marked(axes))


def test_the_strangest_cells_are_outlined_within_the_crop(axes):
    heat = np.full((7, 7), 0.5)
    heat[:2] = heat[5:] = 50.0
    heat[3, 3] = 4.0  # the cell in the middle: 24 to 32 of 56 pixels
    mark_strangest(axes, heat, BOX, SIZE)
    corners = marked(axes)
    assert len(corners)
    assert (corners[:, 0] > 16).all() and (corners[:, 0] < 40).all()
    assert (corners[:, 1] > 16).all() and (corners[:, 1] < 40).all()
    assert np.allclose(corners.mean(0), 28, atol=2)


def test_nothing_is_marked_where_natives_are_as_strange(axes):
    heat = np.linspace(0, 0.99, 49).reshape(7, 7)
    mark_strangest(axes, heat, BOX, SIZE)
    assert not len(marked(axes))


@pytest.mark.parametrize("box", [(0, 27, 56, 2), (27, 0, 2, 56), (28, 28, 1, 1)])
@pytest.mark.parametrize("cells", [7, 8])
def test_a_crop_thinner_than_a_cell(axes, box, cells):
    mark_strangest(axes, np.random.default_rng(0).random((cells, cells)) * 9, box, SIZE)


def test_a_dark_infrared_crop_is_stretched_in_a_copy():
    dark = np.random.default_rng(0).integers(10, 40, (20, 20, 1)).astype(np.uint8).repeat(3, 2)
    before = dark.copy()
    shown = viewable(dark)
    assert (dark == before).all()
    assert shown.min() == 0 and shown.max() == 255
    order = np.argsort(dark[..., 0].ravel(), kind="stable")
    assert (np.diff(shown[..., 0].ravel()[order].astype(int)) >= 0).all()


def test_bright_and_coloured_crops_are_shown_as_they_are():
    bright = np.full((20, 20, 3), 150, np.uint8)
    coloured = np.full((20, 20, 3), (60, 20, 10), np.uint8)
    assert viewable(bright) is bright
    assert viewable(coloured) is coloured

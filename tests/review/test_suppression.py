"""Boxes that repeat at one place, against counts by hand and box by box."""

import time

import numpy as np
import pandas as pd
import pytest

from stowaway.data.photos import BOX
from stowaway.review.suppression import repeat_groups


def boxes(rows: list[tuple], location: str = "cam", size: tuple = (1000, 500)) -> pd.DataFrame:
    """Boxes (x, y, width, height), each in a photo of its own."""
    table = pd.DataFrame([(*row, *size) for row in rows], columns=BOX)
    photos = [f"{location}{n}" for n in range(len(rows))]
    return table.assign(location=location, image_id=photos)


def test_a_box_that_comes_again_in_enough_photos_is_a_group():
    stone, fox = (100, 100, 100, 100), (400, 100, 100, 100)
    table = boxes([stone, fox, (105, 100, 100, 100), (400, 110, 90, 100), stone])
    found = repeat_groups(table, 3)
    assert found["repeat"].tolist() == ["repeat:cam:1", "", "repeat:cam:1", "", "repeat:cam:1"]
    assert found["occurrences"].tolist() == [3, 0, 3, 0, 3]
    assert set(repeat_groups(table, 4)["repeat"]) == {""}
    assert set(repeat_groups(table, None)["repeat"]) == {""}


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        ((100, 100, 90, 100), True),  # 0.9
        ((100, 100, 89, 100), False),
        ((105, 100, 100, 100), True),  # 95 / 105 = 0.905
        ((106, 100, 100, 100), False),  # 94 / 106 = 0.887
        ((103, 102, 100, 100), True),  # 97 x 98 / (20000 - 97 x 98) = 0.906
    ],
)
def test_alike_is_an_intersection_over_union_of_nine_tenths(other, alike):
    found = repeat_groups(boxes([(100, 100, 100, 100), other]), 2)
    assert (found["occurrences"] == 2).tolist() == [alike, alike]


def test_photos_are_counted_and_locations_apart_and_large_or_unplaced_boxes_do_not_repeat():
    stone = (100, 100, 100, 100)
    twice = boxes([stone, stone, stone]).assign(image_id=["a", "a", "b"])
    assert set(repeat_groups(twice, 3)["repeat"]) == {""}
    assert set(repeat_groups(twice, 2)["occurrences"]) == {2}
    apart = pd.concat([boxes([stone]), boxes([stone], "west")], ignore_index=True)
    assert set(repeat_groups(apart, 2)["repeat"]) == {""}
    assert set(repeat_groups(boxes([stone] * 2, "unknown"), 2)["repeat"]) == {""}
    assert set(repeat_groups(boxes([(0, 0, 500, 200)] * 2), 2)["repeat"]) == {"repeat:cam:1"}
    assert set(repeat_groups(boxes([(0, 0, 501, 200)] * 2), 2)["repeat"]) == {""}
    # a photo of half the size has the box at the same place
    halves = boxes([(50, 50, 50, 50)], size=(500, 250)).assign(image_id="half")
    mixed = pd.concat([boxes([stone]), halves], ignore_index=True)
    assert set(repeat_groups(mixed, 2)["occurrences"]) == {2}
    assert len(repeat_groups(boxes([]), 2)) == 0


def one_by_one(table: pd.DataFrame, least: int) -> list[int]:
    """The groups, each box against all others."""
    corners = table[BOX[:4]].to_numpy(float)
    group, groups = np.zeros(len(corners), int), 0
    for place, (x, y, w, h) in enumerate(corners):
        across = np.minimum(x + w, corners[:, 0] + corners[:, 2]) - np.maximum(x, corners[:, 0])
        down = np.minimum(y + h, corners[:, 1] + corners[:, 3]) - np.maximum(y, corners[:, 1])
        common = across.clip(0) * down.clip(0)
        alike = common / (w * h + corners[:, 2] * corners[:, 3] - common) >= 0.9 - 1e-9
        alike &= group == 0
        if not group[place] and alike.sum() >= least:
            groups += 1
            group[alike] = groups
    return group.tolist()


def test_the_grid_misses_no_box():
    for seed in range(12):
        rng = np.random.default_rng(seed)
        size = rng.choice([10, 60, 200])
        corner = 300 + size * rng.choice([0.05, 0.2]) * rng.normal(size=(300, 2))
        sides = size * np.exp(rng.normal(scale=rng.choice([0.03, 0.1]), size=(300, 2)))
        table = boxes(np.c_[corner, sides].round(1).tolist(), size=(2000, 2000))
        found = repeat_groups(table, 4)["repeat"].str.rpartition(":")[2].replace("", 0)
        assert found.astype(int).tolist() == one_by_one(table, 4)


def test_many_boxes_of_one_location_take_linear_time():
    rng = np.random.default_rng(0)
    fine = np.array([100, 100, 200, 200]) + rng.integers(-2, 3, (20_000, 4))
    wide = np.c_[rng.integers(0, 700, (5_000, 2)), rng.integers(20, 200, (5_000, 2))]
    table = boxes(np.concatenate([fine, wide]).tolist(), size=(1000, 1000))
    start = time.process_time()
    found = repeat_groups(table, 20)
    assert time.process_time() - start < 3
    assert found["occurrences"].max() >= 19_000

"""Near-copies: found whatever their size and quality, and kept on one side of the split."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stowaway.data.copies import APART, clusters, fingerprint, joined
from stowaway.data.splits import Leak, check_no_leak, with_roles

RNG = np.random.default_rng(0)


def photo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    return Image.fromarray(coarse).resize((200, 160), Image.Resampling.BICUBIC)


def test_a_copy_of_another_size_and_quality_is_one_and_another_photo_is_not(tmp_path):
    photo(1).resize((90, 80)).save(tmp_path / "copy.jpg", quality=30)
    with Image.open(tmp_path / "copy.jpg") as copy:
        prints = np.stack([fingerprint(p) for p in (photo(1), copy, photo(2), photo(1))])
    assert np.bitwise_count(prints[0] ^ prints[1]).sum() <= APART
    found = clusters(prints, np.full(4, 40.0))
    assert found[0] == found[1] == found[3] != found[2]


def test_clusters_are_those_of_all_pairs():
    base = RNG.integers(0, 2, (40, 256), dtype=np.uint8)
    noisy = base[RNG.integers(0, 40, 300)] ^ (RNG.random((300, 256)) < 0.02)
    prints = np.packbits(noisy, axis=1).view(np.uint64)
    found = clusters(prints, np.full(300, 40.0))
    apart = (noisy[:, None] != noisy[None]).sum(2)
    naive = np.arange(300)
    for one in range(300):  # everything within reach takes the lowest number, again and again
        for other in np.flatnonzero(apart[one] <= APART):
            naive[naive == naive[other]] = naive[one]
    assert (found[:, None] == found[None]).tolist() == (naive[:, None] == naive[None]).tolist()


def test_flat_crops_are_nobodys_copies_and_none_is_no_error():
    assert len(set(clusters(np.zeros((5, 4), np.uint64), np.zeros(5)))) == 5
    assert len(clusters(np.empty((0, 4), np.uint64), np.empty(0))) == 0


def test_groups_that_share_a_copy_are_one():
    groups = np.array(["a", "b", "b", "c", "d"])
    assert joined(groups, np.array([0, 0, 1, 1, 2])).tolist() == ["a", "a", "a", "a", "d"]


def test_copies_of_one_photo_in_two_events_stay_on_one_side():
    lines = [(f"c{n}", f"e{n}", "", f"i{n}", "fox", n) for n in range(40)]
    table = pd.DataFrame(lines, columns="crop_id event location image_id species copy".split())
    table.loc[table.index % 10 == 3, "copy"] = 3  # e3, e13, e23, e33
    split = {"fractions": {"train": 0.4, "val": 0.2, "calibration": 0.2, "test": 0.2}}
    species = {"native": ["fox"], "invasive": []}
    for seed in range(5):
        roles = with_roles(table, species, split | {"group": "sequence", "seed": seed})
        check_no_leak(roles, ["fox"], [])
        assert roles.loc[roles["copy"] == 3, "role"].nunique() == 1
    roles["copy"] = 0
    with pytest.raises(Leak, match="leak: copy"):
        check_no_leak(roles, ["fox"], [])


def test_many_copies_of_one_picture_take_little_memory():
    prints = np.repeat(RNG.integers(0, 2**63, (1, 4)).astype(np.uint64), 20_000, 0)
    tracemalloc.start()
    found = clusters(prints, np.full(20_000, 40.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(found)) == 1
    assert peak < 20_000 * 1000  # bytes; all pairs that are compared would be 300 MB

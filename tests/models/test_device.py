"""Reading packed rows in batches, and joining what was computed of each."""

import numpy as np
import torch

from stowaway.models import device
from stowaway.models.device import Device, join_batches

CPU = Device(torch.device("cpu"), torch.float32)


def test_packed_rows_are_read_in_their_order(moving_squares, monkeypatch):
    monkeypatch.setattr(device, "INFERENCE_BATCH", 4)
    rows = np.array([9, 2, 63, 0, 9, 30])
    read = list(CPU.read_rows(moving_squares, rows, "reading"))
    assert [len(images) for images in read] == [4, 2]
    expected = moving_squares[rows].transpose(0, 3, 1, 2) / np.float32(255)
    np.testing.assert_allclose(torch.cat(read).numpy(), expected, rtol=1e-6)
    assert read[0].is_contiguous(memory_format=torch.channels_last)


def test_results_of_batches_are_joined():
    whole = {"a": torch.arange(7.0), "b": torch.arange(21).view(7, 3).bfloat16()}
    parts = ({name: t[i : i + 3] for name, t in whole.items()} for i in range(0, 7, 3))
    joined = join_batches(parts, 7)
    for name, values in whole.items():
        assert joined[name].dtype == np.float32
        np.testing.assert_array_equal(joined[name], values.float().numpy())


def test_no_rows_give_empty_results_of_the_same_shape(moving_squares):
    none = np.arange(0)
    results = ({"mean": x.mean((2, 3))} for x in CPU.read_rows(moving_squares, none, "reading"))
    assert join_batches(results, 0)["mean"].shape == (0, 3)

"""Random changes of training crops: their range, their seed, their shares."""

import numpy as np
import pytest
import torch

from stowaway.models.augmentation import augment

RNG = np.random.default_rng(0)


def random(*shape) -> torch.Tensor:
    return torch.tensor(RNG.random(shape), dtype=torch.float32)


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_augmentation_keeps_shape_and_range_and_follows_its_seed():
    images = random(16, 3, 24, 24)
    changed = augment(images, seeded())
    assert changed.shape == images.shape and changed.dtype == torch.float32
    assert changed.min() >= 0 and changed.max() <= 1
    assert torch.equal(changed, augment(images, seeded()))
    assert not torch.allclose(changed, augment(images, seeded(2)))
    assert (changed - images).abs().flatten(1).amax(1).min() > 0.01
    assert augment(images[:1], seeded()).shape == (1, 3, 24, 24)


def test_augmentation_makes_a_third_infrared_and_mirrors_a_half():
    images = torch.zeros(600, 3, 12, 12)
    images[:, 0, :, 6:] = 0.5  # red on the right
    changed = augment(images, seeded())
    grey = (changed[:, 0] - changed[:, 1]).abs().amax((1, 2)) < 1e-5
    assert grey.float().mean().item() == pytest.approx(1 / 3, abs=0.07)
    left = changed[:, 0, :, :2].sum((1, 2)) > changed[:, 0, :, -2:].sum((1, 2))
    assert left.float().mean().item() == pytest.approx(0.5, abs=0.08)


def test_augmentation_of_a_flat_crop_changes_its_light_alone():
    changed = augment(torch.full((40, 3, 8, 8), 0.5), seeded())
    assert changed.flatten(1).std(1).max() < 1e-5
    assert 0.34 < changed.min() < 0.45 and 0.55 < changed.max() < 0.66

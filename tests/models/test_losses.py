"""Losses and measures against values by hand, numpy and naive loops."""

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr

from stowaway.models.losses import (
    C1,
    C2,
    LOSSES,
    complexity_of,
    correlation_of,
    error_of,
    similarity_of,
)

RNG = np.random.default_rng(0)


def random(*shape) -> torch.Tensor:
    return torch.tensor(RNG.random(shape), dtype=torch.float32)


def test_error_and_correlation_are_numpys_and_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 5, 3, 8, 8), dtype=np.float32)
    errors = error_of(torch.tensor(a), torch.tensor(b))
    correlations = correlation_of(torch.tensor(a), torch.tensor(b))
    for n in range(5):
        assert errors[n].item() == pytest.approx(((a[n] - b[n]) ** 2).mean(), rel=1e-5)
        assert correlations[n].item() == pytest.approx(
            pearsonr(a[n].ravel(), b[n].ravel())[0], abs=1e-5
        )


def test_flat_crops_have_no_correlation_and_a_score():
    flat = torch.full((2, 3, 8, 8), 0.5)
    assert correlation_of(flat, torch.rand(2, 3, 8, 8)).tolist() == [0, 0]
    assert error_of(flat, flat).tolist() == [0, 0]


def test_similarity_of_equal_crops_is_one():
    images = random(3, 3, 16, 16)
    torch.testing.assert_close(similarity_of(images, images), torch.ones(3))
    assert error_of(images, images, "ssim").abs().max() < 1e-6


def test_similarity_of_flat_crops_is_that_of_their_light():
    a, b = torch.full((1, 3, 16, 16), 0.3), torch.full((1, 3, 16, 16), 0.7)
    expected = (2 * 0.3 * 0.7 + C1) / (0.3**2 + 0.7**2 + C1)
    assert similarity_of(a, b).item() == pytest.approx(expected, abs=1e-3)
    assert error_of(a, b, "ssim").item() == pytest.approx((1 - expected) / 2 + 0.4, abs=1e-3)


@pytest.mark.parametrize("side", [14, 8])
def test_similarity_as_a_loop_over_windows_finds_it(side):
    a, b = RNG.random((2, 3, side, side))
    window, values = min(11, side), []
    for c, y, x in np.ndindex(3, side - window + 1, side - window + 1):
        p, q = (image[c, y : y + window, x : x + window].ravel() for image in (a, b))
        covariance = np.cov(p, q, ddof=0)
        light = (2 * p.mean() * q.mean() + C1) / (p.mean() ** 2 + q.mean() ** 2 + C1)
        values.append(light * (2 * covariance[0, 1] + C2) / (covariance.trace() + C2))
    tensors = (torch.tensor(image, dtype=torch.float32)[None] for image in (a, b))
    assert similarity_of(*tensors).item() == pytest.approx(np.mean(values), abs=1e-4)


def test_the_ssim_loss_is_the_mean_error_and_has_a_gradient_at_flat_crops():
    images, outputs = random(4, 3, 16, 16), torch.full((4, 3, 16, 16), 0.5, requires_grad=True)
    loss = LOSSES["ssim"](outputs, images)
    assert loss.item() == pytest.approx(error_of(images, outputs, "ssim").mean().item())
    loss.backward()
    assert outputs.grad.isfinite().all() and outputs.grad.abs().max() > 0


def test_complexity_by_hand():
    images = torch.zeros(2, 3, 4, 4)
    images[1, :, :, 2:] = 0.5  # one step of 0.5 among the three between the columns
    flat, edge = complexity_of(images).tolist()
    assert 0 < flat < 1e-6
    assert edge == pytest.approx(0.25 / 3, rel=1e-4)

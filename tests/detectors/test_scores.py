"""Losses, scores and augmentation against values by hand, numpy and naive loops."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax
from torch import nn

from stowaway.detectors.reconstruction import FITS, score_of
from stowaway.models.augmentation import augment
from stowaway.models.losses import C1, C2, LOSSES, complexity_of, error_of, similarity_of

RNG = np.random.default_rng(0)


def random(*shape) -> torch.Tensor:
    return torch.tensor(RNG.random(shape), dtype=torch.float32)


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


def test_the_complexity_score_is_the_residual_of_numpys_line():
    seen = {"complexity": random(50) + 0.01, "error": random(50) + 0.01}
    x, y = (np.log(seen[key].numpy().astype(float)) for key in ("complexity", "error"))
    fitted = FITS["complexity"](seen, None)
    expected = y - np.polyval(np.polyfit(x, y, 1), x)
    np.testing.assert_allclose(score_of(seen, "complexity", fitted), expected, atol=1e-5)


def test_equally_complex_crops_are_ordered_by_their_error():
    seen = {"complexity": torch.full((9,), 0.1), "error": random(9)}
    score = score_of(seen, "complexity", FITS["complexity"](seen, None))
    assert torch.equal(score.argsort(), seen["error"].argsort())


@pytest.mark.parametrize("n", [40, 3])
def test_latent_neighbours_as_a_loop_finds_them(n):
    natives, fresh = random(n, 6), random(7, 6)
    fitted = FITS["latent_knn"]({"code": natives}, None)
    scale = natives.numpy().std(0)
    naive = [
        sorted(np.linalg.norm((a - b) / scale) for b in natives.numpy())[min(5, n) - 1]
        for a in fresh.numpy()
    ]
    score = score_of({"code": fresh}, "latent_knn", fitted)
    np.testing.assert_allclose(score, naive, rtol=1e-4)


def test_scores_of_logits_are_numpys():
    seen = {"logits": random(8, 5) * 6}
    logits = seen["logits"].numpy()
    found = {name: score_of(seen, name, {}).numpy() for name in ("energy", "logit", "msp")}
    np.testing.assert_allclose(found["energy"], -logsumexp(logits, axis=1), rtol=1e-5)
    np.testing.assert_allclose(found["logit"], -logits.max(1))
    np.testing.assert_allclose(found["msp"], 1 - softmax(logits, axis=1).max(1), atol=1e-6)


def test_vim_is_the_papers():
    """The residual outside the largest half of the directions, by an explicit projection."""
    model = nn.Module()
    model.head = nn.Linear(6, 3)
    natives, fresh = random(50, 6), random(9, 6)
    with torch.no_grad():
        fitted = FITS["vim"]({"code": natives, "logits": model.head(natives)}, model)
        seen = {"code": fresh, "logits": model.head(fresh)}
        logits = model.head(natives).numpy()
    w, b = (p.detach().numpy().astype(float) for p in model.head.parameters())
    origin = -np.linalg.pinv(w) @ b
    values, vectors = np.linalg.eigh((natives.numpy() - origin).T @ (natives.numpy() - origin))
    principal = vectors[:, np.argsort(values)[::-1][:3]]

    def residual(x):
        away = x.numpy() - origin
        return np.linalg.norm(away - away @ principal @ principal.T, axis=1)

    alpha = logits.max(1).mean() / residual(natives).mean()
    expected = alpha * residual(fresh) - logsumexp(seen["logits"].numpy(), axis=1)
    np.testing.assert_allclose(score_of(seen, "vim", fitted), expected, atol=1e-4)


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

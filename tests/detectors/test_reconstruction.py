"""Scores of an autoencoder against numpy and naive loops."""

import numpy as np
import pytest
import torch

from stowaway.detectors import reconstruction
from stowaway.detectors.reconstruction import FITS, fit_score, measure_rows, score_of
from stowaway.models.checkpoint import build
from stowaway.models.device import Device
from stowaway.models.losses import correlation_of, error_of

CPU = Device(torch.device("cpu"), torch.float32)
RNG = np.random.default_rng(0)


def random(*shape) -> torch.Tensor:
    return torch.tensor(RNG.random(shape), dtype=torch.float32)


def test_the_complexity_score_is_the_residual_of_numpys_line():
    measures = {"complexity": random(50) + 0.01, "error": random(50) + 0.01}
    x, y = (np.log(measures[key].numpy().astype(float)) for key in ("complexity", "error"))
    fitted = FITS["complexity"](measures)
    expected = y - np.polyval(np.polyfit(x, y, 1), x)
    np.testing.assert_allclose(score_of(measures, "complexity", fitted), expected, atol=1e-5)


def test_equally_complex_crops_are_ordered_by_their_error():
    measures = {"complexity": torch.full((9,), 0.1), "error": random(9)}
    score = score_of(measures, "complexity", FITS["complexity"](measures))
    assert torch.equal(score.argsort(), measures["error"].argsort())


@pytest.mark.parametrize("n", [40, 3])
def test_latent_neighbours_as_a_loop_finds_them(n):
    natives, fresh = random(n, 6), random(7, 6)
    fitted = FITS["latent_knn"]({"code": natives})
    scale = natives.numpy().std(0)
    naive = [
        sorted(np.linalg.norm((a - b) / scale) for b in natives.numpy())[min(5, n) - 1]
        for a in fresh.numpy()
    ]
    score = score_of({"code": fresh}, "latent_knn", fitted)
    np.testing.assert_allclose(score, naive, rtol=1e-4)


def test_the_plain_scores_are_the_measures():
    measures = {"error": random(5), "correlation": random(5)}
    assert torch.equal(score_of(measures, "error", {}), measures["error"])
    assert torch.equal(score_of(measures, "correlation", {}), 1 - measures["correlation"])


SETTINGS = {"kind": "convolutional", "image_size": 16, "layers": [8, 4], "output": "sigmoid"}
SETTINGS |= {"loss": "mse", "score": "complexity", "seed": 3}


def test_measures_of_packed_rows_are_those_of_the_whole(moving_squares, monkeypatch):
    monkeypatch.setattr("stowaway.models.device.INFERENCE_BATCH", 5)
    model, rows = build(SETTINGS).eval(), np.array([3, 1, 60, 2, 9, 33, 7])
    parts = list(measure_rows(model, moving_squares, rows, SETTINGS, CPU))
    assert [len(part["error"]) for part in parts] == [5, 2]
    with torch.no_grad():
        images = CPU.images(moving_squares[rows])
        codes, outputs = model.encode(images).mean((2, 3)), model(images)
    whole = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    assert set(whole) == {"code", "error", "correlation", "complexity"}
    torch.testing.assert_close(whole["code"], codes)
    torch.testing.assert_close(whole["error"], error_of(images, outputs))
    torch.testing.assert_close(whole["correlation"], correlation_of(images, outputs))


def test_a_score_is_fitted_on_a_sample_of_the_training_crops(moving_squares, monkeypatch):
    monkeypatch.setattr(reconstruction, "MOST_CROPS_FOR_SCORE", 10)
    settings = SETTINGS | {"score": "latent_knn"}
    fitted = fit_score(build(settings), moving_squares, np.arange(64), settings, CPU)
    assert fitted["codes"].shape == (10, 4)
    torch.testing.assert_close(fitted["codes"].std(0, correction=0), torch.ones(4))
    assert fit_score(None, moving_squares, np.arange(64), settings | {"score": "error"}, CPU) == {}

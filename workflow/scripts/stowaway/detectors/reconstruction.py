"""The scores of an autoencoder: how far it fails to reconstruct a crop; higher is more novel.

Each crop passes the network once. A score is one of these measures, or compares them
with what `fit_score` took from the training natives, which is saved with the network.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from stowaway.models.device import Device, Pixels, join_batches
from stowaway.models.losses import complexity_of, correlation_of, error_of

MOST_CROPS_FOR_SCORE = 5_000  # training crops that a score is fitted on, drawn from all
NEIGHBOURS = 5

Measures = dict[str, Tensor]


@torch.inference_mode()
def measure(images: Tensor, latents: Tensor, reconstructions: Tensor, settings: dict) -> Measures:
    """How the network sees (n, 3, size, size) pixels, by `Device.reconstruct`: a row per crop.

    `code` (n, values) is the bottleneck, its maps pooled; `error` and `correlation` (n,) compare
    the reconstruction with the crop; `complexity` (n,) is there where the score is made of it.
    """
    measures = {
        "code": latents.mean((2, 3)) if latents.ndim == 4 else latents,
        "error": error_of(images, reconstructions, settings["loss"]),
        "correlation": correlation_of(images, reconstructions),
    }
    if settings["score"] == "complexity":
        measures["complexity"] = complexity_of(images)
    return measures


def measure_rows(
    model: nn.Module, pixels: Pixels, rows: np.ndarray, settings: dict, device: Device
) -> Iterator[Measures]:
    """Yield `measure` of these rows of packed pixels, batch after batch."""
    for images in device.read_rows(pixels, rows, "scoring"):
        yield measure(images, *device.reconstruct(model, images), settings)


def fit_score(
    model: nn.Module, pixels: Pixels, rows: np.ndarray, settings: dict, device: Device
) -> dict[str, Tensor]:
    """What the score in `settings` needs of the training crops `rows`; nothing for most scores."""
    if settings["score"] not in FITS:
        return {}
    if len(rows) > MOST_CROPS_FOR_SCORE:
        generator = np.random.default_rng(settings["seed"])
        rows = generator.choice(rows, MOST_CROPS_FOR_SCORE, replace=False)
    measures = join_batches(measure_rows(model.eval(), pixels, rows, settings, device), len(rows))
    return FITS[settings["score"]]({name: torch.from_numpy(m) for name, m in measures.items()})


def score_of(measures: Measures, score: str, fitted: dict[str, Tensor]) -> Tensor:
    """The score (n,) by its name, of the measures and of what was fitted, on one device."""
    return SCORES[score](measures, fitted)


def _fit_complexity(natives: Measures) -> dict[str, Tensor]:
    """The line of the logarithmic error over the logarithmic complexity, by least squares."""
    x = natives["complexity"].log().double()
    y = natives["error"].clamp_min(1e-12).log().double()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum().clamp_min(1e-9)
    return {"slope": slope.float(), "offset": (y.mean() - slope * x.mean()).float()}


def _error_beyond_complexity(measures: Measures, fitted: dict[str, Tensor]) -> Tensor:
    """How far the error lies above that of natives as complex, on a logarithmic scale.

    A busy crop is reconstructed badly whatever it shows; in the spirit of Serra et al., ICLR 2020.
    """
    expected = fitted["offset"] + fitted["slope"] * measures["complexity"].log()
    return measures["error"].clamp_min(1e-12).log() - expected


def _fit_neighbours(natives: Measures) -> dict[str, Tensor]:
    """The codes of natives, each value in its standard deviations."""
    scale = natives["code"].std(0, correction=0).clamp_min(1e-6)
    return {"codes": natives["code"] / scale, "scale": scale}


def _neighbour_distance(measures: Measures, fitted: dict[str, Tensor]) -> Tensor:
    """Distance to the fifth nearest native code, as Sun et al., ICML 2022, on features."""
    distances = torch.cdist(measures["code"] / fitted["scale"], fitted["codes"])
    nearest = distances.topk(min(NEIGHBOURS, len(fitted["codes"])), largest=False).values
    return nearest[:, -1]


FITS = {"complexity": _fit_complexity, "latent_knn": _fit_neighbours}
SCORES = {
    "error": lambda measures, fitted: measures["error"],
    "correlation": lambda measures, fitted: 1 - measures["correlation"],
    "complexity": _error_beyond_complexity,
    "latent_knn": _neighbour_distance,
}

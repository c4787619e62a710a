"""The scores of a detector, in one place: higher = more novel.

A crop is looked at once, `look`; each score is made of what was seen, and some also of what `fit`
kept of the training natives, which lies in the detector's file.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from stowaway.core.progress import progress
from stowaway.data.packs import batches
from stowaway.models.device import INFERENCE_BATCH, Backend
from stowaway.models.losses import complexity_of, correlation_of, error_of

FITTED_ON = 5000  # training crops at most
NEIGHBOURS = 5


def look(model: nn.Module, images: Tensor, settings: dict, backend: Backend) -> dict[str, Tensor]:
    """What a detector sees in (n, 3, size, size) pixels: tensors with a row per crop.

    All give the `code` (n, values), the bottleneck with its maps pooled or the features. An
    autoencoder adds `error` and `correlation`, each (n,), and `complexity` (n,) where its score is
    made of that; a classifier (its loss is cross_entropy) its `logits` (n, species).
    """
    with torch.inference_mode():
        with backend.autocast():
            latents = model.encode(images)
            outputs = model.decode(latents)
        latents, outputs = latents.float(), outputs.float()
        seen = {"code": latents.mean((2, 3)) if latents.ndim == 4 else latents}
        if settings["loss"] == "cross_entropy":
            return seen | {"logits": outputs}
        seen["error"] = error_of(images, outputs, settings["loss"])
        seen["correlation"] = correlation_of(images, outputs)
        if settings["score"] == "complexity":
            seen["complexity"] = complexity_of(images)
        return seen


def looks(model, pixels, rows: np.ndarray, settings: dict, backend: Backend) -> Iterator[dict]:
    """`look` at these rows of packed pixels, batch after batch."""
    every = progress(batches(rows, INFERENCE_BATCH), "scoring", "batches")
    for images in backend.read(pixels, every):
        yield look(model, images, settings, backend)


def fit(
    model: nn.Module, pixels: np.ndarray, rows: np.ndarray, settings: dict, backend: Backend
) -> dict[str, Tensor]:
    """What the score in `settings` needs of the training crops `rows`, of 5,000 drawn of more."""
    if settings["score"] not in FITS:
        return {}
    if len(rows) > FITTED_ON:
        rows = np.random.default_rng(settings["seed"]).choice(rows, FITTED_ON, replace=False)
    seen, done = {}, 0  # made beforehand, as in score_crops
    for part in looks(model.eval(), pixels, rows, settings, backend):
        for key, values in part.items():
            if not done:
                seen[key] = torch.empty(len(rows), *values.shape[1:])
            seen[key][done : done + len(values)] = values
        done += len(values)
    return FITS[settings["score"]](seen, model)


def score_of(seen: dict[str, Tensor], score: str, fitted: dict[str, Tensor]) -> Tensor:
    """The score (n,) by its name, of what was seen and what was fitted, on one device."""
    return SCORES[score](seen, fitted)


def _line(seen: dict, model: nn.Module) -> dict[str, Tensor]:
    x, y = seen["complexity"].log().double(), seen["error"].clamp_min(1e-12).log().double()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum().clamp_min(1e-9)
    return {"slope": slope.float(), "offset": (y.mean() - slope * x.mean()).float()}


def _above_line(seen: dict, fitted: dict) -> Tensor:
    """How far the error lies above that of natives as complex, on a logarithmic scale.

    A busy crop is reconstructed badly whatever it shows; in the spirit of Serra et al., ICLR 2020.
    """
    expected = fitted["offset"] + fitted["slope"] * seen["complexity"].log()
    return seen["error"].clamp_min(1e-12).log() - expected


def _codes(seen: dict, model: nn.Module) -> dict[str, Tensor]:
    scale = seen["code"].std(0, correction=0).clamp_min(1e-6)
    return {"codes": seen["code"] / scale, "scale": scale}


def _nearest(seen: dict, fitted: dict) -> Tensor:
    """Distance to the fifth nearest native code, each value in its standard deviations."""
    away = torch.cdist(seen["code"] / fitted["scale"], fitted["codes"])
    return away.topk(min(NEIGHBOURS, len(fitted["codes"])), largest=False).values[:, -1]


def _null_space(seen: dict, model: nn.Module) -> dict[str, Tensor]:
    """Of the natives' features: what the largest half of their directions leaves over."""
    weight, bias = (part.detach().cpu() for part in (model.head.weight, model.head.bias))
    origin = -torch.linalg.pinv(weight) @ bias
    away = seen["code"] - origin
    directions = torch.linalg.eigh(away.T @ away).eigenvectors  # the smallest first
    null = directions[:, : len(directions) - min(away.shape) // 2]
    residual = (away @ null).norm(dim=1).mean().clamp_min(1e-12)
    return {"origin": origin, "null": null, "alpha": seen["logits"].amax(1).mean() / residual}


def _vim(seen: dict, fitted: dict) -> Tensor:
    """Virtual-logit matching: the residual, scaled as a logit, against the energy of the others.

    Wang et al., CVPR 2022.
    """
    residual = ((seen["code"] - fitted["origin"]) @ fitted["null"]).norm(dim=1)
    return fitted["alpha"] * residual - seen["logits"].logsumexp(1)


FITS = {"complexity": _line, "latent_knn": _codes, "vim": _null_space}
SCORES = {
    "error": lambda seen, fitted: seen["error"],
    "correlation": lambda seen, fitted: 1 - seen["correlation"],
    "complexity": _above_line,
    "latent_knn": _nearest,
    "energy": lambda seen, fitted: -seen["logits"].logsumexp(1),  # Liu et al., NeurIPS 2020
    "logit": lambda seen, fitted: -seen["logits"].amax(1),  # Hendrycks et al., ICML 2022
    "msp": lambda seen, fitted: 1 - seen["logits"].softmax(1).amax(1),  # ICLR 2017
    "vim": _vim,
}

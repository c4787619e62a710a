"""The spaces that maps are made of: a network's latents and outputs, by principal components."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stowaway.core.files import replacing
from stowaway.core.progress import progress
from stowaway.data.packs import batches
from stowaway.models.device import INFERENCE_BATCH, Backend

COMPONENTS = 50
BEYOND = 10  # directions sought beside them, so that the last of them are right too
SPACES = "latent", "reconstruction"
FITTED_ON = 1000  # crops; what principal components need to see does not grow with the data set


class Axes:
    """Principal components of one space: a mean (values,), directions (values, up to 50)."""

    def __init__(self, mean: Tensor, directions: Tensor) -> None:
        self.mean, self.directions = mean, directions

    @classmethod
    def fit(cls, points: Tensor, seed: int) -> "Axes":
        """Of (n, values) float32 points. The sign of each direction is such that its largest
        part is positive, so that a map does not depend on which way the solver came."""
        torch.manual_seed(seed)
        mean = points.mean(0)
        kept = min(COMPONENTS, *points.shape)
        sought = min(kept + BEYOND, *points.shape)
        directions = torch.pca_lowrank(points - mean, sought, center=False, niter=4)[2][:, :kept]
        largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
        return cls(mean, directions * largest.sign())

    def __call__(self, points: Tensor) -> np.ndarray:
        """(n, values) -> (n, up to 50) float32."""
        return ((points - self.mean) @ self.directions).cpu().numpy()


def encode(model, backend: Backend, pixels, rows: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (latents, outputs) of each batch of crops, each as (n, values) float32."""
    every = progress(batches(rows, INFERENCE_BATCH), "encoding", "batches")
    for images in backend.read(pixels, every):
        with torch.inference_mode(), backend.autocast():
            latents = model.encode(images)
            outputs = model.decode(latents)
        yield tuple(x.float().flatten(1) for x in (latents, outputs))


def fit_axes(model, backend: Backend, pixels, rows: np.ndarray, seed: int) -> list[Axes]:
    """The axes of both spaces, fitted on a sample: memory does not grow with the crops."""
    if len(rows) > FITTED_ON:
        rows = np.sort(np.random.default_rng(seed).choice(rows, FITTED_ON, replace=False))
    both = zip(*encode(model, backend, pixels, rows), strict=True)
    return [Axes.fit(torch.cat(space), seed) for space in both]


def project(axes: list[Axes], model, backend: Backend, pixels, rows: np.ndarray) -> list:
    """The crops along each of the axes, those of the first spaces: (n, up to 50) float32 arrays."""
    # made beforehand: what is kept of each batch would lie between large tensors of the next ones
    found = [np.empty((len(rows), along.directions.shape[1]), np.float32) for along in axes]
    done = 0
    for both in encode(model, backend, pixels, rows):
        for space, along, points in zip(found, axes, both, strict=False):
            space[done : done + len(points)] = along(points)
        done += len(points)
    return found


def save_axes(path: Path, axes: list[Axes]) -> None:
    """Write the axes of the spaces, in their order, as plain arrays."""
    parts = [part.cpu().numpy() for along in axes for part in (along.mean, along.directions)]
    with replacing(path, "wb") as file:
        np.savez(file, *parts)


def load_axes(path: Path, backend: Backend) -> list[Axes]:
    with np.load(path) as saved:
        parts = [torch.from_numpy(saved[name]).to(backend.device) for name in saved.files]
    return [Axes(*parts[i : i + 2]) for i in range(0, len(parts), 2)]

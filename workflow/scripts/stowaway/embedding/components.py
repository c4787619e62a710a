"""Principal components of a network's latents and of its reconstructions."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from stowaway.core.files import Damaged, read_arrays, reading, replacing
from stowaway.core.script import BadInput
from stowaway.data.packs import Pack
from stowaway.models.checkpoint import load_detector
from stowaway.models.device import Device, Pixels, join_batches

COMPONENTS = 50
OVERSAMPLING = 10  # more directions than are kept are computed, so that the last kept are exact too
MOST_CROPS_FOR_AXES = 1000  # more of them do not change principal components
SPACES = "latent", "reconstruction"


class PrincipalAxes:
    """Principal components of one space: its mean (values,), directions (values, up to 50)."""

    def __init__(self, mean: Tensor, directions: Tensor) -> None:
        self.mean, self.directions = mean, directions

    @classmethod
    def fit(cls, points: Tensor, seed: int) -> "PrincipalAxes":
        """The axes of (n, values) float32 points.

        The largest part of each direction is positive, so that a map does not depend on the sign
        that the solver happens to return.
        """
        torch.manual_seed(seed)
        mean = points.mean(0)
        kept = min(COMPONENTS, *points.shape)
        computed = min(kept + OVERSAMPLING, *points.shape)
        directions = torch.pca_lowrank(points - mean, computed, center=False, niter=4)[2][:, :kept]
        largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
        return cls(mean, directions * largest.sign())

    def project(self, points: Tensor) -> Tensor:
        """(n, values) -> (n, up to 50) float32."""
        return (points - self.mean) @ self.directions


class Encoder:
    """An autoencoder and the packed crops that it encodes: pixels (n, size, size, 3) uint8."""

    def __init__(self, model: nn.Module, device: Device, pixels: Pixels) -> None:
        self.model, self.device, self.pixels = device.place(model), device, pixels

    @classmethod
    def open(
        cls, model_path: Path, pack: Path, threads: int, crops: int | None = None
    ) -> "Encoder":
        """A saved detector on a pack, of as many `crops` where they are known.

        Raises `BadInput` where either is damaged, or the detector takes crops of another size.
        """
        model, saved = load_detector(model_path)
        settings, pixels = saved["settings"], Pack(pack, crops)
        size = settings["image_size"]
        if pixels.shape[1] != size:
            raise BadInput(f"{model_path}: it takes crops of {size} px; set its image_size to that")
        return cls(model, Device.choose(settings["precision"], threads), pixels)

    def encode(self, rows: np.ndarray) -> Iterator[dict[str, Tensor]]:
        """Yield each batch of crops in both spaces, each as (batch, values) float32."""
        for images in self.device.read_rows(self.pixels, rows, "encoding"):
            both = zip(SPACES, self.device.reconstruct(self.model, images), strict=True)
            yield {space: values.flatten(1) for space, values in both}

    def fit_axes(self, rows: np.ndarray, seed: int) -> dict[str, PrincipalAxes]:
        """The axes of both spaces, from a sample of the crops, so that memory is bounded."""
        if len(rows) > MOST_CROPS_FOR_AXES:
            rows = np.sort(
                np.random.default_rng(seed).choice(rows, MOST_CROPS_FOR_AXES, replace=False)
            )
        encoded = list(self.encode(rows))
        return {
            space: PrincipalAxes.fit(torch.cat([batch[space] for batch in encoded]), seed)
            for space in SPACES
        }

    def project(self, axes: dict[str, PrincipalAxes], rows: np.ndarray) -> dict[str, np.ndarray]:
        """The crops along the axes of each space: (n, up to 50) float32."""
        projected = (
            {space: along.project(batch[space]) for space, along in axes.items()}
            for batch in self.encode(rows)
        )
        return join_batches(projected, len(rows))


def save_axes(path: Path, axes: dict[str, PrincipalAxes]) -> None:
    """Write the axes as plain arrays: `<space>_mean` and `<space>_directions`."""
    arrays = {}
    for space, along in axes.items():
        arrays[f"{space}_mean"] = along.mean.cpu().numpy()
        arrays[f"{space}_directions"] = along.directions.cpu().numpy()
    with replacing(path, "wb") as file:
        np.savez(file, **arrays)


def load_axes(path: Path, device: torch.device) -> dict[str, PrincipalAxes]:
    """The axes that `save_axes` wrote, on a device."""
    arrays = read_arrays(path, finite=True)
    with reading(path):
        tensors = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        axes = {
            space: PrincipalAxes(tensors[f"{space}_mean"], tensors[f"{space}_directions"])
            for space in SPACES
        }
        if any(along.mean.shape != along.directions.shape[:1] for along in axes.values()):
            raise Damaged("its axes are not as long as their mean")
    return axes

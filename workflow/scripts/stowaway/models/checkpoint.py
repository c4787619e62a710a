"""A network that detects: built by its settings, written to a file and read from it."""

import platform
from inspect import signature
from pathlib import Path
from pickle import UnpicklingError  # what torch raises for a file that holds more than tensors
from typing import Any

import torch
from torch import Tensor, nn

from stowaway.core.files import replacing
from stowaway.core.script import BadInput, first_line
from stowaway.models.autoencoders import ConvolutionalAutoencoder, DenseAutoencoder

AUTOENCODERS = {"dense": DenseAutoencoder, "convolutional": ConvolutionalAutoencoder}
PIXEL_RANGE = {"divide_by": 255, "low": 0.0, "high": 1.0}


def build(settings: dict[str, Any]) -> nn.Module:
    """A new network of `settings["kind"]`, its initial weights drawn from `settings["seed"]`.

    The other settings that its constructor knows are `image_size`, `layers` and `output`.
    """
    torch.manual_seed(settings["seed"])
    kind = AUTOENCODERS[settings["kind"]]
    return kind(**{key: settings[key] for key in signature(kind).parameters})


def save(path: Path | str, content: dict[str, Any]) -> None:
    """Write tensors and plain values so that `torch.load(weights_only=True)` reads them."""
    with replacing(path, "wb") as file:
        torch.save(content, file)


def save_detector(
    path: Path | str, model: nn.Module, settings: dict[str, Any], fitted: dict[str, Tensor]
) -> None:
    """Write settings, weights, what the score was fitted to, the range of pixels, and versions."""
    content = {
        "settings": settings,
        "state_dict": model.cpu().state_dict(),
        "fitted": fitted,
        "normalisation": PIXEL_RANGE,
        "versions": {"torch": str(torch.__version__), "python": platform.python_version()},
    }
    save(path, content)


def load_detector(path: Path | str) -> tuple[nn.Module, dict[str, Any]]:
    """The trained network in evaluation mode, and all that was saved with it.

    Raises `BadInput` for a file that `save_detector` did not write.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        model = build(saved["settings"])
        model.load_state_dict(saved["state_dict"])
    except (RuntimeError, KeyError, EOFError, OSError, UnpicklingError) as error:
        why = first_line(error)
        raise BadInput(f"{path}: not a detector of stowaway; train it again ({why})") from None
    return model.eval(), saved

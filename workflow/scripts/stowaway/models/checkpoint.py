"""A network that detects: built by its settings, written to a file and read from it."""

import platform
from inspect import signature
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch
from torch import Tensor, nn

from stowaway.core.files import Damaged, reading, replacing
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

    Raises `BadInput` for a damaged file, and for one that `save_detector` did not write.
    """
    with reading(path):
        saved = load(path, {"settings": dict, "state_dict": dict, "fitted": dict})
        model = build(saved["settings"])
        model.load_state_dict(saved["state_dict"])
    return model.eval(), saved


def load(path: Path | str, kinds: dict[str, type]) -> dict[str, Any]:
    """What `save` wrote: values of these `kinds` by their names. To be called in `reading`.

    Raises `Damaged` where one is missing or of another kind, and for tensors that are not finite.
    """
    if is_zipfile(path):  # as torch writes it, with checksums that it does not read itself
        with ZipFile(path) as archive:
            if archive.testzip():
                raise Damaged("its bytes do not match their checksums")
    saved = torch.load(path, map_location="cpu", weights_only=True)
    for name, kind in kinds.items():
        if not isinstance(saved, dict) or not isinstance(saved.get(name), kind):
            raise Damaged(f"it has no {name}")
    if not all_finite(saved):
        raise Damaged("it has weights that are not finite")
    return saved


def all_finite(content: Any) -> bool:
    """Whether all floats of the tensors in nested dicts and lists are finite."""
    if isinstance(content, Tensor):
        return not content.is_floating_point() or bool(content.isfinite().all())
    if isinstance(content, dict):
        return all(map(all_finite, content.values()))
    return not isinstance(content, list) or all(map(all_finite, content))

"""A detector's file, and the one place where scores are computed (higher = more anomalous)."""

import platform
from pathlib import Path
from pickle import UnpicklingError  # what torch raises for a file that holds more than tensors
from typing import Any

import torch
from torch import Tensor, nn

from .networks import KINDS
from .run import BadInput, replacing

PIXEL_RANGE = {"divide_by": 255, "low": 0.0, "high": 1.0}


def build(settings: dict[str, Any]) -> nn.Module:
    """A new network of `settings["kind"]`, its initial weights drawn from `settings["seed"]`."""
    torch.manual_seed(settings["seed"])
    return KINDS[settings["kind"]](**_arguments(settings))


def _arguments(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in ("image_size", "layers", "output")}


def save(path: Path | str, content: dict[str, Any]) -> None:
    """Write tensors and plain values so that `torch.load(weights_only=True)` reads them."""
    with replacing(path, "wb") as file:
        torch.save(content, file)


def save_detector(path: Path | str, model: nn.Module, settings: dict[str, Any]) -> None:
    """Write weights, constructor arguments, normalisation, settings, seed and versions."""
    save(
        path,
        {
            "kind": settings["kind"],
            "arguments": _arguments(settings),
            "state_dict": model.cpu().state_dict(),
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


def error_of(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean squared error per crop: two (n, 3, size, size) in [0, 1] -> (n,)."""
    return (images - reconstructions).square().flatten(1).mean(1)


def correlation_of(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Pearson correlation over all pixels and channels per crop, -> (n,) in [-1, 1].

    A crop or reconstruction without any variation correlates with nothing: 0.
    """
    a, b = (x.flatten(1) - x.flatten(1).mean(1, keepdim=True) for x in (images, reconstructions))
    norm = a.norm(dim=1) * b.norm(dim=1)
    return torch.where(norm > 0, (a * b).sum(1) / norm.clamp_min(1e-30), 0)


def score_of(error: Tensor, correlation: Tensor, score: str) -> Tensor:
    """The anomaly score, by the detector's setting: the error, or 1 - correlation."""
    return error if score == "error" else 1 - correlation

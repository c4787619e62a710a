"""Train an autoencoder on packed crops: one flat loop, repeatable, and resumable after a kill."""

import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from stowaway.core.files import Damaged, reading
from stowaway.core.progress import progress
from stowaway.core.script import BadInput, say
from stowaway.data.packs import batches
from stowaway.models.augmentation import augment
from stowaway.models.checkpoint import load, save
from stowaway.models.device import Device, Pixels
from stowaway.models.losses import LOSSES

CHECKPOINT = {"fingerprint": str, "model": dict, "optimiser": dict, "state": dict}


@dataclass
class State:
    """What a training carries from epoch to epoch, and a checkpoint holds."""

    epoch: int = 0
    best_epoch: int = 0
    best_loss: float = float("inf")
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


def train(
    model: nn.Module,
    pixels: Pixels,
    train_rows: np.ndarray,
    val_rows: np.ndarray,
    *,
    epochs: int,
    patience: int | None,
    batch_size: int,
    learning_rate: float,
    seed: int,
    device: Device,
    loss: str = "mse",
    augmented: bool = False,
    checkpoint: Path | None = None,
    fingerprint: str = "",
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> list[dict[str, float]]:
    """Fit `model` to reconstruct the rows of `pixels` (n, size, size, 3 uint8) by the least `loss`.

    An epoch is all training rows in a random order; `augmented` changes each crop anew each time.
    Adam; with `patience`, the training stops when the validation loss has not improved for so many
    epochs and leaves the best weights in `model`, else those of the last epoch. Each epoch is
    checkpointed (where writing is slow against an epoch, as many as a tenth of the time allows); a
    checkpoint with the same `fingerprint` is resumed and gives the weights that a training without
    interruption gives. Returns the history: epoch, train_loss, val_loss, seconds. Raises `BadInput`
    where the loss is no longer finite.
    """
    device.place(model)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    state = _resume(checkpoint, fingerprint, model, optimiser) or State()
    mean_loss = partial(_mean_loss, model, device, LOSSES[loss])
    written = writing = 0.0  # when the last checkpoint was written, and the seconds that took
    while state.epoch < epochs and (patience is None or state.epoch - state.best_epoch < patience):
        started = time.perf_counter()
        rng = np.random.default_rng([seed, state.epoch])
        train_batches = batches(rng.permutation(train_rows), batch_size)
        changes = torch.Generator().manual_seed(int(rng.integers(2**62))) if augmented else None
        state.epoch += 1
        row = {"epoch": state.epoch}
        images = device.read(pixels, progress(train_batches, f"epoch {state.epoch}", "batches"))
        row["train_loss"] = mean_loss(images, optimiser, changes)
        row["val_loss"] = mean_loss(device.read(pixels, batches(val_rows, batch_size)))
        if not math.isfinite(row["train_loss"] + row["val_loss"]):
            raise BadInput(f"loss is not finite after epoch {state.epoch}; lower learning_rate")
        row["seconds"] = round(time.perf_counter() - started, 3)
        print(row, flush=True)
        state.history.append(row)
        if patience is not None and row["val_loss"] < state.best_loss:
            state.best_loss, state.best_epoch = row["val_loss"], state.epoch
            state.best_weights = copy.deepcopy(model.state_dict())
        if checkpoint and time.perf_counter() - written > 10 * writing:
            began = time.perf_counter()
            states = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
            save(checkpoint, states | {"fingerprint": fingerprint, "state": vars(state)})
            written = time.perf_counter()
            writing = written - began
        after_epoch(state.epoch)
    if patience is not None:
        model.load_state_dict(state.best_weights)
    return state.history


def _resume(
    checkpoint: Path | None, fingerprint: str, model: nn.Module, optimiser: torch.optim.Optimizer
) -> State | None:
    """The state of a checkpoint of the same fingerprint, with its weights in model and optimiser.

    A damaged checkpoint is said, and leaves both as they are.
    """
    if not checkpoint or not checkpoint.exists():
        return None
    try:
        with reading(checkpoint, "the training starts anew"):
            saved = load(checkpoint, CHECKPOINT)
            if saved["fingerprint"] != fingerprint:
                print(f"{checkpoint} is of other settings or crops: starting anew")
                return None
            if saved["state"].keys() != vars(State()).keys():
                raise Damaged("its state is not that of a training")
            state = State(**saved["state"])
            _check(state, saved["model"], saved["optimiser"]["state"], model)
            optimiser.load_state_dict(saved["optimiser"])
    except BadInput as error:
        say(str(error))
        return None
    model.load_state_dict(saved["model"])
    print(f"resuming after epoch {state.epoch} from {checkpoint}")
    return state


def _check(state: State, weights: dict, moments: dict, model: nn.Module) -> None:
    """Raise `Damaged` where they cannot be of a training of this model."""
    expected = _shapes(model.state_dict())
    if _shapes(weights) != expected or _shapes(state.best_weights or weights) != expected:
        raise Damaged("its weights have other shapes")
    for number, parameter in enumerate(model.parameters()):
        mean, square = (moments[number][name] for name in ("exp_avg", "exp_avg_sq"))
        if not parameter.shape == mean.shape == square.shape:
            raise Damaged("its optimiser has other shapes")
    if state.epoch != len(state.history):
        raise Damaged("its history has other epochs")


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple]:
    return {name: getattr(tensor, "shape", None) for name, tensor in tensors.items()}


def _mean_loss(
    model: nn.Module,
    device: Device,
    loss: Callable[[Tensor, Tensor], Tensor],
    image_batches: Iterable[Tensor],
    optimiser: torch.optim.Optimizer | None = None,
    changes: torch.Generator | None = None,
) -> float:
    """One pass over batches of images, with an optimiser a training pass; the mean per crop.

    `changes` draws the random changes of an augmented training.
    """
    model.train(optimiser is not None)
    total, n = torch.zeros((), device=device.device), 0
    with torch.set_grad_enabled(optimiser is not None):
        for images in image_batches:
            if changes:
                images = augment(images, changes)
            with device.autocast():
                reconstructions = model(images)
            batch_loss = loss(reconstructions.float(), images)
            if optimiser:
                optimiser.zero_grad()
                batch_loss.backward()
                optimiser.step()
            total += batch_loss.detach() * len(images)
            n += len(images)
    return total.item() / n

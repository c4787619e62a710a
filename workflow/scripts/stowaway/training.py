"""Train an autoencoder on packed crops: one flat loop, repeatable, and resumable after a kill."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .backend import Backend
from .detector import save
from .packs import batches
from .run import BadInput, progress


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
    pixels: np.ndarray,
    train_rows: np.ndarray,
    val_rows: np.ndarray,
    *,
    epochs: int,
    patience: int | None,
    batch_size: int,
    learning_rate: float,
    seed: int,
    backend: Backend,
    compile: bool = False,
    checkpoint: Path | None = None,
    fingerprint: str = "",
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> list[dict[str, float]]:
    """Fit `model` to reconstruct rows of `pixels` (n, size, size, 3 uint8) by mean squared error.

    Adam; with `patience`, stops when the validation loss has not improved for so many epochs and
    leaves the best weights in `model`, else those of the last epoch. Each epoch is checkpointed
    (where writing is slow against an epoch, as many as a tenth of the time allows); a checkpoint
    with the same `fingerprint` is resumed and gives the weights that a training without
    interruption gives. Returns the history: epoch, train_loss, val_loss, seconds.
    """
    model.to(backend.device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    state = _resume(checkpoint, fingerprint, model, optimiser) or State()
    run = torch.compile(model) if compile else model
    written = writing = 0.0
    while state.epoch < epochs and not _exhausted(state, patience):
        started = time.perf_counter()
        order = np.random.default_rng([seed, state.epoch]).permutation(train_rows)
        loss = _epoch(
            run, pixels, order, batch_size, backend, optimiser, f"epoch {state.epoch + 1}"
        )
        state.epoch += 1
        row = {"epoch": state.epoch, "train_loss": loss}
        row["val_loss"] = _epoch(run, pixels, val_rows, batch_size, backend)
        if not math.isfinite(row["train_loss"] + row["val_loss"]):
            raise BadInput(f"loss is not finite after epoch {state.epoch}; lower learning_rate")
        row["seconds"] = round(time.perf_counter() - started, 2)
        print(row, flush=True)
        state.history.append(row)
        if patience is not None and row["val_loss"] < state.best_loss:
            state.best_loss, state.best_epoch = row["val_loss"], state.epoch
            state.best_weights = copy.deepcopy(model.state_dict())
        if checkpoint and time.perf_counter() - written > 10 * writing:
            began = time.perf_counter()
            save(
                checkpoint,
                {
                    "fingerprint": fingerprint,
                    "model": model.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "state": vars(state),
                },
            )
            written = time.perf_counter()
            writing = written - began
        after_epoch(state.epoch)
    if patience is not None:
        model.load_state_dict(state.best_weights)
    return state.history


def _exhausted(state: State, patience: int | None) -> bool:
    return patience is not None and state.epoch - state.best_epoch >= patience


def _resume(checkpoint: Path | None, fingerprint: str, model, optimiser) -> State | None:
    if not checkpoint or not checkpoint.exists():
        return None
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if saved["fingerprint"] != fingerprint:
        print(f"{checkpoint} is of other settings or crops: starting anew")
        return None
    model.load_state_dict(saved["model"])
    optimiser.load_state_dict(saved["optimiser"])
    print(f"resuming after epoch {saved['state']['epoch']} from {checkpoint}")
    return State(**saved["state"])


def _epoch(model, pixels, rows, batch_size, backend, optimiser=None, what="") -> float:
    """One pass over `rows`, with an optimiser a training pass; the mean squared error per pixel."""
    model.train(optimiser is not None)
    total = torch.zeros((), device=backend.device)
    steps = batches(rows, batch_size)
    if optimiser:
        steps = progress(steps, what, "batches")
    with torch.set_grad_enabled(optimiser is not None):
        for batch in steps:
            images = backend.images(pixels[batch])
            with backend.autocast():
                output = model(images)
            loss = functional.mse_loss(output.float(), images)
            if optimiser:
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            total += loss.detach() * len(batch)
    return total.item() / len(rows)

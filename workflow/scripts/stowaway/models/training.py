"""Train a network on packed crops: one flat loop, repeatable, and resumable after a kill."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from stowaway.core.progress import progress
from stowaway.core.script import BadInput
from stowaway.data.packs import batches
from stowaway.models.augmentation import augment
from stowaway.models.checkpoint import save
from stowaway.models.device import Backend
from stowaway.models.distributed import first, mean, rank, share, shared
from stowaway.models.losses import LOSSES


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
    loss: str = "mse",
    classes: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    augmented: bool = False,
    compile: bool = False,
    checkpoint: Path | None = None,
    fingerprint: str = "",
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> list[dict[str, float]]:
    """Fit `model` to the rows of `pixels` (n, size, size, 3 uint8) by the least `loss`.

    Its outputs shall be the crops themselves or, where given, the `classes`, a number for each row
    of `pixels`. An epoch is all training rows in a random order or, by the `weights` of
    `train_rows`, as many draws with replacement; `augmented` changes each crop anew each time.
    Adam; with `patience`, stops when the validation loss has not improved for so many epochs and
    leaves the best weights in `model`, else those of the last epoch. Each epoch is checkpointed
    (where writing is slow against an epoch, as many as a tenth of the time allows); a checkpoint
    with the same `fingerprint` is resumed and gives the weights that a training without
    interruption gives. Returns the history: epoch, train_loss, val_loss, seconds.
    """
    model.to(backend.device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    state = _resume(checkpoint, fingerprint, model, optimiser) or State()
    run = shared(model)
    run = torch.compile(run) if compile else run
    once = partial(_epoch, run, pixels, classes, LOSSES[loss], batch_size, backend)
    written = writing = 0.0
    while state.epoch < epochs and (patience is None or state.epoch - state.best_epoch < patience):
        started = time.perf_counter()
        rng = np.random.default_rng([seed, state.epoch])
        if weights is None:
            order = rng.permutation(train_rows)
        else:
            order = rng.choice(train_rows, len(train_rows), p=weights / weights.sum())
        seed_of_changes = int(rng.integers(2**62)) + rank()
        changes = torch.Generator().manual_seed(seed_of_changes) if augmented else None
        state.epoch += 1
        row = {"epoch": state.epoch}
        row["train_loss"] = once(order, optimiser, changes, f"epoch {state.epoch}")
        row["val_loss"] = once(val_rows)
        if not math.isfinite(row["train_loss"] + row["val_loss"]):
            raise BadInput(f"loss is not finite after epoch {state.epoch}; lower learning_rate")
        row["seconds"] = round(time.perf_counter() - started, 3)
        if first():
            print(row, flush=True)
        state.history.append(row)
        if patience is not None and row["val_loss"] < state.best_loss:
            state.best_loss, state.best_epoch = row["val_loss"], state.epoch
            state.best_weights = copy.deepcopy(model.state_dict())
        if checkpoint and first() and time.perf_counter() - written > 10 * writing:
            began = time.perf_counter()
            states = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
            save(checkpoint, states | {"fingerprint": fingerprint, "state": vars(state)})
            written = time.perf_counter()
            writing = written - began
        after_epoch(state.epoch)
    if patience is not None:
        model.load_state_dict(state.best_weights)
    return state.history


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


def _epoch(
    model, pixels, classes, loss, size, backend, rows, optimiser=None, changes=None, what=""
) -> float:
    """One pass over `rows`, with an optimiser a training pass; the mean loss."""
    model.train(optimiser is not None)
    total = torch.zeros((), device=backend.device)
    every = batches(rows, size)
    shares = [share(batch) for batch in every]
    steps = zip(every, shares, backend.read(pixels, [mine for mine, _ in shares]), strict=True)
    if optimiser and first():
        steps = progress(steps, what, "batches", len(every))
    with torch.set_grad_enabled(optimiser is not None):
        for batch, (mine, weight), images in steps:
            if changes:
                images = augment(images, changes)
            wanted = images
            if classes is not None:
                wanted = torch.from_numpy(classes[mine]).to(backend.device)
            with backend.autocast():
                output = model(images)
            found = loss(output.float(), wanted) * weight
            if optimiser:
                optimiser.zero_grad()
                found.backward()
                optimiser.step()
            total += found.detach() * len(batch)
    return mean(total) / len(rows)

"""Two processes on the CPU (gloo), which is what can be had without two GPUs."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from stowaway.core.script import BadInput
from stowaway.models.checkpoint import build
from stowaway.models.device import Backend
from stowaway.models.distributed import first, launch, share
from stowaway.models.training import train

CPU = Backend(torch.device("cpu"), torch.float32)
DENSE = {"kind": "dense", "image_size": 16, "layers": [32, 8, 32], "output": "sigmoid", "seed": 3}
CONVOLUTIONAL = DENSE | {"kind": "convolutional", "layers": [8, 4]}
ROWS = np.arange(45)  # three batches, the last of 13: shares of seven and six
REST = np.arange(45, 60)


def fit(pixels, settings, out):
    """A training as the workflow's, whose first process writes weights and history."""
    torch.set_num_threads(1)
    model = build(settings)
    common = {"epochs": 3, "patience": 2, "batch_size": 16, "learning_rate": 1e-3, "seed": 3}
    found = train(model, pixels, ROWS, REST, **common, backend=CPU, checkpoint=out / "c.pt")
    if first():
        losses = [[row["train_loss"], row["val_loss"]] for row in found]
        torch.save({"weights": model.state_dict(), "losses": losses}, out / "out.pt")


def result(folder):
    saved = torch.load(folder / "out.pt", weights_only=True)
    return saved["weights"], saved["losses"]


def test_two_processes_learn_what_one_learns(moving_squares, tmp_path):
    for name, processes in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        launch(processes, fit, moving_squares, DENSE, tmp_path / name)
    (one, losses), (two, losses_of_two) = result(tmp_path / "one"), result(tmp_path / "two")
    assert losses_of_two == [pytest.approx(pair, rel=1e-4) for pair in losses]
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-3, atol=1e-5)


def by_halves(pixels):
    """A naive loop: the gradient is the mean of two halves', each normalised on its own."""
    model = build(CONVOLUTIONAL).to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for epoch in range(3):
        order = np.random.default_rng([3, epoch]).permutation(ROWS)
        model.train()
        for start in range(0, len(order), 16):
            batch = order[start : start + 16]
            before = copy.deepcopy(model.state_dict())
            gradients = [torch.zeros_like(p) for p in model.parameters()]
            for number in (1, 0):  # the running statistics are those of the first process
                model.load_state_dict(before)
                images = CPU.images(pixels[batch[number::2]])
                model.zero_grad()
                loss = nn.functional.mse_loss(model(images), images)
                (loss * len(images) / len(batch)).backward()
                for sum_, parameter in zip(gradients, model.parameters(), strict=True):
                    sum_ += parameter.grad
            for parameter, sum_ in zip(model.parameters(), gradients, strict=True):
                parameter.grad = sum_
            adam.step()
        with torch.no_grad():
            images = CPU.images(pixels[REST])
            losses.append(nn.functional.mse_loss(model.eval()(images), images).item())
    return model.state_dict(), losses


def test_each_process_of_a_cpu_normalises_its_own_half(moving_squares, tmp_path):
    launch(2, fit, moving_squares, CONVOLUTIONAL, tmp_path)
    found, losses = result(tmp_path)
    wanted, wanted_losses = by_halves(moving_squares)
    assert [val for _, val in losses] == pytest.approx(wanted_losses, rel=1e-3)
    for key, value in wanted.items():
        # a bias before a batch norm has no gradient: Adam makes steps of what is left of rounding
        if value.dim() > 1:
            torch.testing.assert_close(found[key], value, rtol=1e-2, atol=1e-4)


def test_a_single_process_takes_whole_batches():
    assert share(np.arange(5))[1] == 1.0
    assert share(np.arange(5))[0].tolist() == [0, 1, 2, 3, 4]


def test_more_gpus_than_there_are_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    with pytest.raises(BadInput, match="2 GPUs are asked for and 1 are there: set gpu=1"):
        launch(2, print)

"""Trainings: repeatable, resumable, stopped early, saved; against plain reference values."""

import re

import numpy as np
import pytest
import torch

from stowaway.core.script import BadInput
from stowaway.models.checkpoint import build, load_detector, save_detector
from stowaway.models.device import Device
from stowaway.models.losses import error_of
from stowaway.models.training import train

SETTINGS = {
    "kind": "convolutional",
    "image_size": 16,
    "layers": [8, 8],
    "output": "sigmoid",
    "score": "error",
    "seed": 3,
}
CPU = Device(torch.device("cpu"), torch.float32)


def fit(pixels, settings=SETTINGS, **changes):
    chosen = {
        "epochs": 4,
        "patience": None,
        "batch_size": 16,
        "learning_rate": 1e-3,
        "seed": 3,
        "device": CPU,
    }
    torch.set_num_threads(1)
    model = build(settings)
    history = train(model, pixels, np.arange(48), np.arange(48, 64), **(chosen | changes))
    return model, history


def same(a, b):
    return all(
        torch.equal(x, y)
        for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("kind", ["dense", "convolutional"])
def test_one_batch_can_be_learnt_by_heart(moving_squares, kind):
    settings = SETTINGS | {"kind": kind, "layers": [64, 64] if kind == "dense" else [32, 16]}
    model = build(settings)
    rows = np.arange(8)
    chosen = {"epochs": 300, "patience": None, "batch_size": 8, "learning_rate": 5e-3}
    history = train(model, moving_squares, rows, rows, seed=1, device=CPU, **chosen)
    assert history[-1]["train_loss"] < 0.05 * history[0]["train_loss"]


def test_the_original_softmax_cannot_learn_the_brightness(moving_squares):
    """Mistake 2 of the original, which the sigmoid mends."""
    losses = {}
    for output in ("softmax", "sigmoid"):
        settings = SETTINGS | {"kind": "dense", "layers": [64, 32, 64], "output": output}
        _, history = fit(moving_squares, settings, epochs=30)
        losses[output] = [row["train_loss"] for row in history]
    assert losses["softmax"][-1] > 0.95 * losses["softmax"][0]
    assert losses["sigmoid"][-1] < 0.6 * losses["sigmoid"][0]


def test_a_seed_gives_the_same_weights(moving_squares):
    first, history = fit(moving_squares)
    again, history_again = fit(moving_squares)
    other, _ = fit(moving_squares, SETTINGS | {"seed": 4})
    assert same(first, again)
    assert not same(first, other)
    assert [r["val_loss"] for r in history] == [r["val_loss"] for r in history_again]


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    "changes", [{"patience": None}, {"patience": 2}, {"loss": "ssim", "augmented": True}]
)
def test_a_killed_training_resumes_to_the_same_weights(moving_squares, tmp_path, changes, capsys):
    whole, history = fit(moving_squares, **changes)
    path = tmp_path / "checkpoint.pt"

    def kill(epoch):
        if epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        fit(moving_squares, **changes, checkpoint=path, fingerprint="x", after_epoch=kill)
    capsys.readouterr()
    resumed, history_resumed = fit(moving_squares, **changes, checkpoint=path, fingerprint="x")
    assert "resuming after epoch" in capsys.readouterr().out
    assert same(whole, resumed)
    assert [r["val_loss"] for r in history] == [r["val_loss"] for r in history_resumed]


def test_a_checkpoint_of_other_settings_is_not_resumed(moving_squares, tmp_path):
    path = tmp_path / "checkpoint.pt"
    fit(moving_squares, checkpoint=path, fingerprint="old", epochs=1)
    fresh, _ = fit(moving_squares)
    model, history = fit(moving_squares, checkpoint=path, fingerprint="new")
    assert len(history) == 4
    assert same(model, fresh)


def test_early_stopping_keeps_the_best_weights(moving_squares):
    noise = moving_squares.copy()
    noise[48:] = 255 - noise[48:]  # validation gets worse the better the training is learnt
    model, history = fit(noise, epochs=60, patience=3, learning_rate=1e-2)
    losses = [row["val_loss"] for row in history]
    assert len(losses) == int(np.argmin(losses)) + 1 + 3 < 60
    images = CPU.images(noise[48:])
    with torch.no_grad():
        assert error_of(images, model.eval()(images)).mean().item() == pytest.approx(
            min(losses), rel=1e-4
        )


def test_bfloat16_trains_to_nearly_the_same_loss(moving_squares):
    half = Device(torch.device("cpu"), torch.bfloat16)
    full_loss = fit(moving_squares, epochs=15)[1][-1]["val_loss"]
    half_loss = fit(moving_squares, epochs=15, device=half)[1][-1]["val_loss"]
    assert half_loss == pytest.approx(full_loss, rel=0.05)


def test_a_saved_detector_is_the_same_detector(moving_squares, tmp_path):
    model, _ = fit(moving_squares)
    save_detector(tmp_path / "m.pt", model, SETTINGS, {})
    loaded, saved = load_detector(tmp_path / "m.pt")
    assert same(model, loaded)
    assert not loaded.training
    assert saved["settings"] == SETTINGS
    assert saved["normalisation"]["divide_by"] == 255
    assert saved["versions"]["torch"] == str(torch.__version__)


def test_a_damaged_checkpoint_is_said_and_the_training_starts_anew(
    moving_squares, tmp_path, capsys
):
    path = tmp_path / "checkpoint.pt"
    whole, history = fit(moving_squares, epochs=2, patience=2)
    fit(moving_squares, epochs=1, patience=2, checkpoint=path, fingerprint="x")
    content, saved = path.read_bytes(), torch.load(path, weights_only=True)
    weights, state = saved["model"], saved["state"]
    name = next(iter(weights))
    moments = {n: m | {"exp_avg": torch.zeros(1)} for n, m in saved["optimiser"]["state"].items()}
    damages = {
        "is empty": b"",
        "cut short": content[: len(content) // 2],
        "something else": b"nonsense",
        "no fingerprint": torch.zeros(3),
        "no model": {"fingerprint": "x"},
        "not finite": saved | {"model": weights | {name: weights[name] * torch.nan}},
        "weights have other": saved | {"model": weights | {name: torch.zeros(2)}},
        "optimiser has other": saved | {"optimiser": saved["optimiser"] | {"state": moments}},
        "not that of a training": saved | {"state": {"epoch": 1}},
        "other epochs": saved | {"state": state | {"epoch": 7}},
    }
    for why, damage in damages.items():
        if isinstance(damage, bytes):
            path.write_bytes(damage)
        else:
            torch.save(damage, path)
        capsys.readouterr()
        anew, history_anew = fit(
            moving_squares, epochs=2, patience=2, checkpoint=path, fingerprint="x"
        )
        told = capsys.readouterr()
        line = rf"{path}: damaged \(.*{why}.*\); the training starts anew\n"
        assert re.match(line, told.err), why
        assert "weights_only" not in told.out + told.err
        assert same(whole, anew)
        assert [r["val_loss"] for r in history] == [r["val_loss"] for r in history_anew]


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "bad.pt").write_bytes(b"nonsense")
    torch.save({"settings": {"kind": "classifier", "seed": 1}}, tmp_path / "other.pt")
    torch.save(Killed(), tmp_path / "pickle.pt")
    for name in ("bad", "other", "pickle", "none"):
        with pytest.raises(BadInput, match=f"{name}.pt: damaged"):
            load_detector(tmp_path / f"{name}.pt")


def test_identical_crops_train_and_score():
    model, history = fit(np.full((64, 16, 16, 3), 128, np.uint8))
    assert np.isfinite([row["val_loss"] for row in history]).all()
    assert model(torch.full((1, 3, 16, 16), 0.5)).isfinite().all()


def test_a_diverging_training_says_what_to_do(moving_squares):
    with pytest.raises(BadInput, match="lower learning_rate"):
        fit(moving_squares, SETTINGS | {"kind": "dense", "layers": [8]}, learning_rate=1e37)

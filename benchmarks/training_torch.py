"""The original's autoencoders in PyTorch; prints a line of JSON. Run by training.py.

python training_torch.py WHAT DATA ROWS EPOCHS BATCH SEED: trains on the first ROWS crops of DATA, a
pack, the others are for validation. WHAT: `naive` is the convolutional one as one writes it at
first; `decoding ...` the dense one with the original's loop, which opens the JPEGs of DATA, a list
of files, in each epoch; all others name what stowaway trains: its kind and precision.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

sys.path.append(str(Path(__file__).parents[1] / "workflow/scripts"))
from stowaway.models.autoencoders import ConvolutionalAutoencoder, DenseAutoencoder
from stowaway.models.device import Device
from stowaway.models.training import train


def convolutional() -> nn.Module:
    """The network written plainly: contiguous float32, torch's own layers."""
    steps = []
    for i, o in ((3, 64), (64, 32), (32, 16)):
        steps += [nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o), nn.LeakyReLU(0.3)]
    for i, o in ((16, 32), (32, 64), (64, 3)):
        steps += [nn.ConvTranspose2d(i, o, 3, 2, 1, 1), nn.BatchNorm2d(o), nn.LeakyReLU(0.3)]
    return nn.Sequential(*steps, nn.ConvTranspose2d(3, 3, 3, 1, 1), nn.Sigmoid())


class Crops(Dataset):
    """JPEG files, decoded when they are asked for, as flat vectors of 64 x 64 pixels."""

    def __init__(self, files: list[str]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[torch.Tensor]:
        with Image.open(self.files[number]) as image:
            pixels = np.asarray(image.convert("RGB").resize((64, 64)), np.float32) / 255
        return (torch.from_numpy(pixels).flatten(),)


def plainly(model: nn.Module, known: Dataset, unknown: Dataset, epochs: int, batch: int) -> dict:
    """Train with a loader and a loop as in the tutorials."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    seconds, losses = [], []
    for _ in range(epochs):
        started = time.perf_counter()
        model.train()
        for (images,) in DataLoader(known, batch, shuffle=True):
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(model(images), images)
            loss.backward()
            optimiser.step()
        model.eval()
        total = 0.0
        with torch.no_grad():
            for (images,) in DataLoader(unknown, batch):
                total += nn.functional.mse_loss(model(images), images).item() * len(images)
        losses.append(total / len(unknown))
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "val_loss": losses}


def ours(what: str, pixels: np.ndarray, rows: int, epochs: int, batch: int, seed: int) -> dict:
    """Train as the workflow does, on two cores."""
    kind, precision = what.split()
    if kind == "dense":
        model = DenseAutoencoder(64, [64, 32, 64])
    else:
        model = ConvolutionalAutoencoder(128, [64, 32, 16])
    history = train(
        model,
        pixels,
        np.arange(rows),
        np.arange(rows, len(pixels)),
        epochs=epochs,
        patience=None,
        batch_size=batch,
        learning_rate=1e-3,
        seed=seed,
        device=Device.choose(precision, 1 if kind == "dense" else 2),
    )
    return {key: [row[key] for row in history] for key in ("seconds", "val_loss")}


if __name__ == "__main__":
    what, data, rows, epochs, batch, seed = *sys.argv[1:3], *map(int, sys.argv[3:])
    torch.manual_seed(seed)
    torch.set_num_threads(2)
    if what.startswith("decoding"):
        files = Path(data).read_text().splitlines()
        flat = nn.Sequential(*(nn.Linear(i, o) for i, o in ((12288, 64), (64, 32), (32, 64))))
        flat = nn.Sequential(
            *(part for layer in flat for part in (layer, nn.ReLU())),
            nn.Linear(64, 12288),
            nn.Softmax(1),
        )
        found = plainly(flat, Crops(files[:rows]), Crops(files[rows:]), epochs, batch)
    elif what == "naive":
        pixels = torch.from_numpy(np.load(data)).permute(0, 3, 1, 2).float() / 255
        sets = TensorDataset(pixels[:rows]), TensorDataset(pixels[rows:])
        found = plainly(convolutional(), *sets, epochs, batch)
    else:
        found = ours(what, np.load(data, mmap_mode="r"), rows, epochs, batch, seed)
    print(json.dumps(found))

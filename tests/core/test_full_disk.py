"""Every writer on a full disk: a tmpfs of 256 KB where one may be mounted, else a full device."""

import os
import sqlite3
import subprocess
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

import extract_features as extraction
from pack_crops import pack_crops
from stowaway.core import files
from stowaway.core.files import replacing, temporary_database
from stowaway.core.script import DiskFull, disk_full
from stowaway.core.tables import write_table
from stowaway.data.packs import write_header
from stowaway.data.photos import save_crop
from stowaway.detectors.registry import save_all
from stowaway.embedding.components import PrincipalAxes, save_axes
from stowaway.embedding.points import save_points
from stowaway.models.checkpoint import save
from stowaway.plots import style

SIZE, N = 256 * 1024, 60_000
GRAIN = np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A folder, and a function that fills its disk up to so many bytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if mounted:
        yield SimpleNamespace(
            folder=folder, fill=lambda free: (folder / "fill").write_bytes(bytes(SIZE - free))
        )
        subprocess.run(["umount", "-l", str(folder)], check=True)
        return

    def full(path, mode, buffering, **text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return open("/dev/full", mode.replace("x", "w"), buffering, **text)

    connect = sqlite3.connect

    def limited(path):
        db = connect(path)
        db.execute("PRAGMA max_page_count = 3")
        return db

    monkeypatch.setattr(files, "_fresh", full)
    monkeypatch.setattr(files.sqlite3, "connect", limited)
    yield SimpleNamespace(folder=folder, fill=lambda free: None)


def database(folder: Path, source: Path) -> None:
    with temporary_database(folder / ".index.sqlite", "CREATE TABLE t (x)") as db:
        db.executemany("INSERT INTO t VALUES (?)", (("x" * 200,) for _ in range(N)))


def table(folder: Path, source: Path) -> None:
    write_table(pd.DataFrame({"score": np.arange(N) / 7}), folder / "new" / "scores.csv")


def crop(folder: Path, source: Path) -> None:
    save_crop(Image.fromarray(GRAIN), folder / "c.jpg")


def pack(folder: Path, source: Path) -> None:
    paths = [source / f"{n}.jpg" for n in range(4)]
    for path in paths:
        Image.fromarray(GRAIN[:64, :64]).save(path)
    lines = [f"{path},{path.stem}" for path in paths]
    (source / "labels.csv").write_text("\n".join(["image_path,crop_id", *lines, ""]))
    pack_crops(source / "labels.csv", folder / "224.npy", "224", 1)


def features(folder: Path, source: Path) -> None:
    with open(source / "8.npy", "wb") as file:
        write_header(file, (500, 8, 8, 3))
        file.write(bytes(500 * 8 * 8 * 3))
    outputs = folder / "features.npy", folder / "features.json"
    extraction.extract_features(source / "8.npy", *outputs, BACKBONE, None, 1)


def checkpoint(folder: Path, source: Path) -> None:
    save(folder / "a.pt", {"weights": torch.zeros(N)})


def detectors(folder: Path, source: Path) -> None:
    arrays = {"natives": np.zeros(N)}
    known = SimpleNamespace(arrays=lambda: arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stowaway.detectors.registry.join_arrays", lambda each: each.arrays())
        save_all(folder / "feature_detectors.npz", known)


def points(folder: Path, source: Path) -> None:
    crops = pd.DataFrame({"crop_id": [str(n) for n in range(N)]})
    save_points(folder / "components.npz", crops, {"latent": np.zeros((N, 2))})


def axes(folder: Path, source: Path) -> None:
    wide = PrincipalAxes(torch.zeros(N), torch.zeros(N, 2))
    save_axes(folder / "axes.npz", {"latent": wide, "reconstruction": wide})


def figure(folder: Path, source: Path) -> None:
    drawing, panel = plt.subplots()
    panel.imshow(GRAIN, interpolation="none")
    style.save(drawing, f"{folder}/a.svg", f"{folder}/a.png", "island")


WRITERS = database, table, crop, pack, features, checkpoint, detectors, points, axes, figure
BACKBONE = {
    "name": "tiny",
    "weights": None,
    "layer": "bottleneck",
    "image_size": 8,
    "aspect": "pad",
}


class Tiny(nn.Module):
    """A backbone of 192 features."""

    trained_on = licence = "nothing"

    features = nn.Identity()

    def checksum(self):
        return "none"

    def forward(self, images):
        return images.flatten(1)


@pytest.mark.parametrize("free", [0, 20_000])
@pytest.mark.parametrize("write", WRITERS)
def test_a_full_disk_is_named_and_nothing_is_left_on_it(disk, tmp_path, monkeypatch, write, free):
    monkeypatch.setattr(extraction, "open_backbone", lambda *_: Tiny())
    disk.fill(free)
    with pytest.raises(DiskFull, match=": the disk is full; free some, run again$") as raised:
        write(disk.folder, tmp_path)
    assert str(raised.value).startswith(f"{disk.folder}")
    left = [name for _, _, names in os.walk(disk.folder) for name in names if name != "fill"]
    assert not left


def test_the_inner_folder_is_named(tmp_path):
    """A crop's folder, where the table that is written meanwhile lies on another disk."""
    with pytest.raises(DiskFull, match="^images: the disk is full"), replacing(tmp_path / "a.csv"):
        raise disk_full("images")
    assert not list(tmp_path.iterdir())

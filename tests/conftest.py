"""What tests share: a small COCO, the project as a copy to run, and a folder of tiny crops."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

# Before numpy and torch: their threads would wait for each other at full speed, which costs more
# than these small computations wherever another job runs.
os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import yaml  # noqa: E402

ROOT = Path(__file__).parents[1]
pytest_plugins = ["shards", "week"]
PARTS = ["Snakefile", "workflow", "config", "envs", "profiles"]


@pytest.fixture
def coco():
    """A small COCO in Animl's form with every quirk: returns (dict of the JSON, write function)."""
    images = [
        {"id": "p:1", "file_name": "p/a/1.jpg", "datetime": "2024-03-01T01:00:00-07:00"},
        {"id": "p:2", "file_name": "p/a/2.jpg", "datetime": "2024-03-01T01:00:30-07:00"},
        {"id": "p:3", "file_name": "p/a/3.jpg", "datetime": "2024-03-01T09:00:00-07:00"},
        {"id": "p:4", "file_name": "p/b/1.jpg", "datetime": None, "location": 7},
        {"id": "p:5", "file_name": "p/b/2.png", "datetime": None, "location": 7},
        {"id": "p:6", "file_name": "p/b/3.jpg", "datetime": None, "location": 7},
    ]
    for image in images:
        image.setdefault("location", "A")
        image["serving_bucket_key"] = f"original/{image['id']}-original.jpg"
        if image["id"] != "p:4":
            image |= {"width": 100, "height": 80}
    boxes = [
        ("p:1", 1, [10, 10, 20, 20]),
        ("p:1", 2, [90, 70, 11, 11]),  # Animl's rounding: one pixel over the edge
        ("p:2", 3, [0, 0, 50, 40]),
        ("p:3", 0, [0, 0, 100, 80]),  # an empty image is an object of category 0
        ("p:4", 1, [None] * 4),
        ("p:4", 1, [5, 6, 700, 8]),  # unknown image size: clipped when the image is opened
        ("p:5", 2, [99.2, 10.5, 0.5, 3]),
        ("p:5", 9, [0, 0, 5, 5]),
        ("p:9", 1, [0, 0, 5, 5]),
        ("p:2", 1, [200, 10, 5, 5]),
    ]
    annotations = [
        {"id": f"{n:024x}", "image_id": image, "category_id": category, "bbox": box}
        for n, (image, category, box) in enumerate(boxes)
    ]
    names = ["empty", "fox", "Liz ", "rodnet"]
    categories = [{"id": n, "name": name} for n, name in enumerate(names)]
    return {"images": images, "annotations": annotations, "categories": categories, "info": {}}


@pytest.fixture
def write_json(tmp_path):
    """A function that writes a value as JSON and returns the path."""

    def write(value, name="coco.json"):
        path = tmp_path / name
        path.write_text(json.dumps(value))
        return path

    return write


@pytest.fixture
def moving_squares():
    """Packed crops (64, 16, 16, 3): bright squares on dark noise, easy to learn."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 40, (64, 16, 16, 3), dtype=np.uint8)
    for image, (y, x) in zip(pixels, rng.integers(0, 9, (64, 2)), strict=True):
        image[y : y + 7, x : x + 7] = 220
    return pixels


def write_csv(path: Path, columns: list[str], lines: list[dict]) -> Path:
    """A table of the columns; what a line lacks is blank, what it has beyond them is left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        table = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        table.writeheader()
        table.writerows(lines)
    return path


def island_config(name: str, size: int) -> dict:
    """The config of a small drawn island of that name, with the demo's labels and species."""
    demo = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    return {
        "name": name,
        "coco": f"results/{name}/island/coco.json",
        "images": {"source": f"results/{name}/island/images"},
        "labels": demo["labels"],
        "species": demo["species"],
        "max_failed": demo["max_failed"],
        "max_rejected": demo["max_rejected"],
        "demo": {"size": size},
        "shards": 2,
    }


class Project:
    """A copy of the project in its own folder, to run Snakemake in and to edit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            source, target = ROOT / part, folder / part
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)

    def overlay(self, name: str, content: dict) -> str:
        """Write an overlay config and return its path."""
        path = self.folder / "config" / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content))
        return str(path.relative_to(self.folder))

    def run(self, *arguments: str, config: str | None = None, ok: bool = True) -> str:
        """Run Snakemake, return all it printed; fails the test if it fails and `ok`."""
        chosen = ["--configfile", config] if config else []
        status, printed = run_snakemake(self.folder, [*arguments, *chosen])
        assert (status == 0) == ok, printed[-4000:]
        return printed


@cache
def _forks() -> subprocess.Popen:
    """The process that forks for each run; it ends when this one does, with its standard input."""
    command = [sys.executable, str(ROOT / "tests/workflow/snakemake_forks.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, text=True, bufsize=1, **pipes)


def run_snakemake(folder: Path, arguments: list[str]) -> tuple[int, str]:
    """Run Snakemake in a folder as `snakemake` does: its exit status, and what it printed."""
    with tempfile.NamedTemporaryFile() as printed:
        forks = _forks()
        forks.stdin.write(json.dumps([str(folder), arguments, printed.name]) + "\n")
        return int(forks.stdout.readline()), Path(printed.name).read_text()


@pytest.fixture(scope="session")
def project_copy(tmp_path_factory):
    """A function that makes a fresh copy of the project."""
    return lambda: Project(tmp_path_factory.mktemp("project"))

"""Training speed: the original's networks in Keras, in plain PyTorch, and in stowaway.

python benchmarks/training.py [batch sizes ...]    (default: 32). The crops are the demo island's,
which the workflow draws first. Prints images per second of the median epoch (without the first,
the validation included) and the last validation loss of each seed, and writes training.csv.
"""

import csv
import json
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bench import HERE, peer, report, run
from PIL import Image

ROOT = HERE.parent
DEMO = ROOT / "results/demo"
KERAS = "tensorflow-cpu==2.21.0", "keras==3.15.1"
ROWS = {"convolutional": 512, "dense": 512}
SEEDS = 1, 2, 3
LINES = (  # peer, network, what runs, epochs, seeds
    ("Keras", "convolutional", "keras", 8, SEEDS),
    ("plain PyTorch", "convolutional", "naive", 3, SEEDS[:1]),
    ("stowaway, float32", "convolutional", "convolutional float32", 8, SEEDS),
    ("stowaway", "convolutional", "convolutional auto", 8, SEEDS),
    ("original's loop", "dense", "decoding", 3, SEEDS[:1]),
    ("original's loop, large crops", "dense", "decoding large", 3, SEEDS[:1]),
    ("stowaway", "dense", "dense float32", 20, SEEDS[:1]),
)


def crops(large: bool) -> list[Path]:
    """The demo's crops; `large` ones as if its photos, of 640 x 480, had had 12 megapixels."""
    with open(DEMO / "labels.csv", newline="") as file:
        files = [ROOT / row["image_path"] for row in csv.DictReader(file)]
    if not large:
        return files
    folder = HERE / ".peers/large"
    folder.mkdir(exist_ok=True)
    enlarged = [folder / f"{n}.jpg" for n in range(len(files))]
    for file, path in zip(files, enlarged, strict=True):
        with Image.open(file) as image:
            sides = [round(side * 4000 / 640) for side in image.size]
            image.resize(sides).save(path, quality=95, subsampling=0)
    return enlarged


def measure(what: str, kind: str, epochs: int, batch: int, seed: int) -> tuple[float, float]:
    """Images per second, and the last validation loss."""
    data = DEMO / ("packed/64.npy" if kind == "dense" else "packed/128.npy")
    if what.startswith("decoding"):
        data = HERE / f".peers/{what}.txt"
        data.write_text("\n".join(map(str, crops(large=what.endswith("large")))))
    rows = ROWS[kind]
    arguments = [data, *map(str, (rows, epochs, batch, seed))]
    if what == "keras":
        command = [peer("keras", *KERAS), HERE / "training_keras.py", *arguments]
    else:
        command = [sys.executable, HERE / "training_torch.py", what, *arguments]
    found = json.loads(run(*command).printed.splitlines()[-1])
    return rows / statistics.median(found["seconds"][1:]), found["val_loss"][-1]


if __name__ == "__main__":
    needed = ["results/demo/packed/64.npy", "results/demo/packed/128.npy"]
    snakemake = [Path(sys.executable).with_name("snakemake"), "--cores", "2", "--quiet", "all"]
    subprocess.run([*snakemake, "--", *needed], cwd=ROOT, check=True)
    table, first = [], {}
    for batch in [int(size) for size in sys.argv[1:]] or [32]:
        for name, kind, what, epochs, seeds in LINES:
            if kind == "dense" and batch != 32:
                continue
            found = [measure(what, kind, epochs, batch, seed) for seed in seeds]
            rate = statistics.median(rate for rate, _ in found)
            base = first.setdefault((kind, batch), rate)
            table.append(
                {
                    "network": kind,
                    "batch": batch,
                    "trained by": name,
                    "images/s": round(rate),
                    "ratio to the first": f"{rate / base:.2f}",
                    "validation loss, by seed": " ".join(f"{loss:.4f}" for _, loss in found),
                }
            )
            print(table[-1], file=sys.stderr)
    versions = {name: version(name) for name in ("torch",)}
    report("training", table, by="batch", **versions, keras=KERAS[1][7:], tensorflow=KERAS[0][16:])

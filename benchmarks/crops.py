"""Crops, packs, features and scores against the decoder's and the network's own rate.

python benchmarks/crops.py [COCO.json PHOTOS]; photos of the demo island, the same enlarged to 12
megapixels, and those that are named. Each half of the photos has a process, packing has two
threads; photos lie in the system's memory; the best of three runs. Ratios are those of processor
time, which other work on the machine disturbs least. Writes crops.csv and networks.csv.
"""

import csv
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from functools import partial
from importlib.metadata import version
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from bench import HERE, SCRIPTS, report, run
from PIL import Image, features

sys.path.append(str(SCRIPTS))
PARTS, REPEATS = 2, 3
FORMS = ["128", "64", "64pad"]  # as the default config wants them, of crops
WINDOWS = ["224window"]
SMALL = 224  # pixels: crops.max_side
# In memory where that is possible: ext4 takes long to make files where many were deleted.
SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None
COLUMNS = "crop_id image_id file_name key x y w h species label location datetime event".split()
RUN_CROPS = """
import sys; sys.path.append({0!r})
from pathlib import Path
from crop_images import crop_images
f = Path({1!r})
tables = f / "{2}.csv", f / "{2}.manifest.csv", f / "c.csv", f / "r.csv"
crop_images(*tables, f, 10**9, None, f / "o/.journal/1.csv", f / "u.csv", {3!r})
"""
CONFIG = {"images": {"source": "s3://bucket", "box": None}, "max_failed": 1.0}


def pillow(paths: list[str]) -> None:
    for path in paths:
        with Image.open(path) as image:
            image.load()


def torchvision(paths: list[str]) -> None:
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg, read_file

    torch.set_num_threads(1)
    for path in paths:
        decode_jpeg(read_file(path), ImageReadMode.RGB)


def opened(paths: list[str]) -> None:
    """The workflow's own decoding, without cutting and saving."""
    from stowaway.core.memory import keep_memory
    from stowaway.data.photos import open_photo, read_photo

    keep_memory()
    for path in paths:
        open_photo(read_photo(path), 10**9, None)


def cut(shard: Path, max_side: int | None = None) -> None:
    """The workflow's rule crop_images, into a fresh folder."""
    from crop_images import crop_images

    folder = Path(tempfile.mkdtemp(dir=shard.parent))
    tables = folder / "crops.csv", folder / "rejected.csv"
    manifest = shard.with_suffix(".manifest.csv")
    failed = folder / "o/.journal/1.csv", folder / "unreadable.csv", CONFIG
    crop_images(shard, manifest, *tables, folder, 10**9, max_side, *failed)


def cut_small(shard: Path) -> None:
    cut(shard, SMALL)


def packed(form: str, labels: Path) -> None:
    """The workflow's rule pack_crops."""
    from pack_crops import pack_crops

    pack_crops(labels, labels.with_name(f"{form}.npy"), form, PARTS)


def measured(labels: Path) -> None:
    """The workflow's rule measure_shortcuts."""
    from measure_shortcuts import measure_shortcuts

    measure_shortcuts(labels, labels.with_name("shortcuts.csv"), PARTS)


def timed(function: Callable, given, barrier, results) -> None:
    """In a process of its own: once to warm up, then from the others' start to its own end."""
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # lines of progress
        function(given)
        for _ in range(REPEATS):
            barrier.wait()
            started, busy = time.perf_counter(), time.process_time()
            function(given)
            results.put((time.perf_counter() - started, time.process_time() - busy))
            barrier.wait()


def cost(function: Callable, parts: list) -> tuple[float, float]:
    """Seconds until the last process ends, and processor seconds of all; each the best of runs."""
    context = get_context("spawn")
    barrier, results = context.Barrier(len(parts) + 1), context.Queue()
    jobs = [context.Process(target=timed, args=(function, p, barrier, results)) for p in parts]
    for job in jobs:
        job.start()
    found = []
    for _ in range(REPEATS):
        barrier.wait()
        both = list(zip(*(results.get(timeout=600) for _ in parts), strict=True))
        found.append((max(both[0]), sum(both[1])))
        barrier.wait()
    for job in jobs:
        job.join()
    return min(one for one, _ in found), min(busy for _, busy in found)


def demo(folder: Path, photos: int) -> tuple[Path, Path]:
    from make_demo import make_demo

    make_demo(folder / "coco.json", folder / "truth.csv", folder / "photos", photos, 1, 1, PARTS)
    return folder / "coco.json", folder / "photos"


def boxed(coco: Path, photos: Path) -> list[tuple[Path, list]]:
    """The JPEGs that have boxes, and their boxes."""
    content = json.loads(coco.read_text())
    boxes = {image["id"]: [] for image in content["images"]}
    for one in content["annotations"]:
        if (box := one.get("bbox")) and None not in box and one["image_id"] in boxes:
            boxes[one["image_id"]].append([int(value) for value in box])
    found = [(photos / i["file_name"], boxes[i["id"]]) for i in content["images"]]
    return [(path, b) for path, b in found if b and is_jpeg(path)]


def is_jpeg(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
            return image.format == "JPEG"
    except OSError:
        return False


def enlarged(listed: list, folder: Path) -> list:
    """The photos at 12 megapixels, animals and all."""
    folder.mkdir()
    found = []
    for n, (path, boxes) in enumerate(listed):
        with Image.open(path) as image:
            scale = 4000 / image.width
            large = image.convert("RGB").resize((4000, round(image.height * scale)))
        rng = np.random.default_rng(n)
        grain = rng.integers(-6, 7, (large.height, large.width, 1), dtype=np.int16)
        pixels = (np.asarray(large, np.int16) + grain).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.jpg", quality=85)
        found.append((folder / f"{n}.jpg", [[int(v * scale) for v in box] for box in boxes]))
    return found


def write_shards(listed: list, folder: Path) -> list[Path]:
    """A shard for each process, and its manifest, as the workflow has them."""
    numbers, shards = count(), []
    for part in range(PARTS):
        lines, manifest = [], []
        for n, (path, boxes) in enumerate(listed[part::PARTS]):
            manifest.append([n, path.name, path, 1, "x", "ok", ""])
            for box in boxes:
                about = ["fox", "fox", "A", "2024-01-01", "e", "", ""]
                lines.append([f"{next(numbers)}.jpg", n, path.name, "k", *box, *about])
        shards.append(folder / f"{part}.csv")
        manifest_columns = "image_id file_name path bytes sha256 status error".split()
        for where, header, rows in (
            (shards[-1], [*COLUMNS, "width", "height"], lines),
            (shards[-1].with_suffix(".manifest.csv"), manifest_columns, manifest),
        ):
            with where.open("w", newline="") as file:
                csv.writer(file).writerows([header, *rows])
    return shards


def of_photos(name: str, listed: list, folder: Path) -> list[dict]:
    """Rows of the table: photos cut, then their crops packed."""
    folder.mkdir(exist_ok=True)
    shards, paths = write_shards(listed, folder), [str(path) for path, _ in listed]
    halves = [paths[part::PARTS] for part in range(PARTS)]
    rows = []
    decoders = {
        "Pillow": cost(pillow, halves),
        "torchvision": cost(torchvision, halves),
    }
    rows += table(name, "photos", len(paths), decoders, {
        "decoded by stowaway": cost(opened, halves),
        "cut and saved: crop_images": cost(cut, shards),
        f"the same, crops.max_side: {SMALL}": cost(cut_small, shards),
    })  # fmt: skip
    code = RUN_CROPS.format(str(SCRIPTS), str(folder), 0, CONFIG)
    job = run(sys.executable, "-c", code, stderr=-3)
    print(
        f"{name}: a job of half of the photos takes {job.seconds:.2f} s, start of Python included"
    )
    with (folder / "c.csv").open() as file:
        lines, labels = list(csv.DictReader(file)), folder / "c.csv"
    for unit, column, forms, more in (
        ("crops", "image_path", FORMS, {"measure_shortcuts": measured}),
        ("windows", "window_path", WINDOWS, {}),
    ):
        files = [line[column] for line in lines]
        several = [files[part::PARTS] for part in range(PARTS)]
        decoders = {
            "Pillow": cost(pillow, several),
            "torchvision": cost(torchvision, several),
        }
        jobs = {f"pack_crops: {form}": partial(packed, form) for form in forms} | more
        ours = {what: cost(job, [labels]) for what, job in jobs.items()}
        rows += table(name, unit, len(files), decoders, ours)
    shutil.rmtree(folder)
    return rows


def table(name: str, unit: str, n: int, limits: dict, ours: dict) -> list[dict]:
    return [
        {
            "photos": name,
            "what": f"{unit}: {what}",
            "per second": round(n / taken),
            "CPU ms each": round(1000 * busy / n, 2),
            "of Pillow": round(limits["Pillow"][1] / busy, 2),
            "of torchvision": round(limits["torchvision"][1] / busy, 2),
        }
        for what, (taken, busy) in (limits | ours).items()
    ]


def network_of(name: str, folder: Path):
    """The network, where it computes, its crops' size, and the stage that uses it, to be timed."""
    import torch
    import yaml

    from extract_features import extract_features
    from score_crops import score_crops
    from stowaway.core.config import check_config
    from stowaway.models.backbones import NAMED, open_backbone
    from stowaway.models.checkpoint import build, load_detector, save_detector
    from stowaway.models.device import Device

    root, pack = HERE.parent, folder / "pack.npy"
    config = yaml.safe_load((root / "config/config.yaml").read_text())
    config = check_config(config, root / "workflow/schemas/config.schema.yaml")
    if name == "features":
        device, backbone = Device.choose("auto", 1), config["backbone"]
        network = open_backbone(*(backbone[key] for key in NAMED))
        stage = partial(extract_features, pack, folder / "features.npy", backbone, 1)
        return network, device, backbone["image_size"], stage
    settings = config["detectors"][name]
    fitted = {"codes": torch.zeros(5, 16), "scale": torch.ones(16)}
    save_detector(folder / "model.pt", build(settings), settings, fitted)
    device = Device.choose(settings["precision"], 1)
    model = device.place(load_detector(folder / "model.pt")[0])
    tables = (folder / f"{table}.csv" for table in ("labels", "splits", "scores"))
    stage = partial(score_crops, folder / "model.pt", pack, *tables, 1)
    return model, device, settings["image_size"], stage


def of_network(name: str, crops: int, folder: Path) -> dict:
    """A row of the table: the network on one batch again and again, and the stage on packed crops.

    The stage reads and writes files, and measures how far a reconstruction lies from its crop.
    """
    import torch

    from stowaway.data.packs import batches
    from stowaway.models.device import INFERENCE_BATCH

    network, device, size, stage = network_of(name, folder)
    rng = np.random.default_rng(0)
    np.save(folder / "pack.npy", rng.integers(0, 256, (crops, size, size, 3), dtype=np.uint8))
    lines = "".join(f"c{n},fox,e,i{n}\n" for n in range(crops))
    (folder / "labels.csv").write_text(f"crop_id,species_label,event,image_id\n{lines}")
    (folder / "splits.csv").write_text("event,species,group,role,location\ne,fox,e,test,A\n")
    pixels, steps = np.load(folder / "pack.npy", mmap_mode="r"), batches(np.arange(crops), 64)
    batch = device.images(pixels[:INFERENCE_BATCH])

    def alone() -> None:
        with torch.inference_mode():
            for _ in steps:
                with device.autocast():
                    network(batch)

    def load() -> None:
        for rows in steps:
            device.images(pixels[rows])

    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        busy = {}
        for what in (alone, load, stage):
            what()
            times = []
            for _ in range(REPEATS):
                started = time.process_time()
                what()
                times.append(time.process_time() - started)
            busy[what] = min(times)
    return {
        "network": name,
        "crops": crops,
        "network alone, CPU ms each": round(1000 * busy[alone] / crops, 3),
        "loading": round(1000 * busy[load] / crops, 3),
        "stage": round(1000 * busy[stage] / crops, 3),
        "network and loading, of network": round(busy[alone] / (busy[alone] + busy[load]), 2),
        "stage, of network": round(busy[alone] / busy[stage], 2),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=SCRATCH) as temporary:
        folder = Path(temporary)
        island = boxed(*demo(folder / "island", 200))
        rows = of_photos("demo island", island, folder / "demo")
        large = enlarged(island[:24], folder / "large")
        rows += of_photos("12 megapixels", large, folder / "twelve")
        if len(sys.argv) == 3:
            named = boxed(*map(Path, sys.argv[1:]))
            rows += of_photos("named photos", named, folder / "named")
        turbo = features.version_feature("libjpeg_turbo")
        decoders = {"Pillow": f"{Image.__version__} (libjpeg-turbo {turbo})"}
        report("crops", rows, **decoders, torchvision=version("torchvision"))
        (folder / "n").mkdir()
        named = {"features": 128, "basic_original": 10_000, "cae": 256, "cae_mended": 512}
        networks = [of_network(name, crops, folder / "n") for name, crops in named.items()]
        report("networks", networks, torch=version("torch"))

"""Each stage of the workflow on islands of a growing size: wall time, CPU, memory, disk.

python benchmarks/scale.py PHOTOS [PHOTOS ...] [--until RULE]    (for a start: 1000 10000)

Needs nginx, from which the photos come. An island of more than 100,000 photos lists the drawn ones
under several names, at other places, since drawing takes longer than all else. Networks train for
one epoch; the backbone looks at 96 px. Each stage is a command of its own, with 2 cores: what
Snakemake takes for its start and plan is in the figures.
Rows go to scale.csv, beside those of other sizes that are there.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import yaml
from bench import HERE, SCRIPTS, report, run

ROOT = HERE.parent
FOLDER = HERE / ".scale"
DRAWN = 100_000
PORT = 18090
PER_SHARD = 2000
NETWORKS = "basic_original basic basic_visualization cae cae_mended cae_visualization".split()
DEFAULT = "folds/listed/1"  # the default run: its fold and its seed
STAGES = {  # the rules of a stage, and the files that it makes
    "index_annotations": ["annotations.csv"],
    "split_annotations": [f"{DEFAULT}/splits.csv"],
    "shard_annotations, plan_download": ["download_plan.txt"],
    "download_images": ["manifests/{shard}.csv"],
    "crop_images": ["crop_tables/{shard}.csv"],
    "gather_labels": ["labels.csv"],
    "pack_crops": [f"packed/{form}.npy" for form in ("64", "64pad", "128", "224window")],
    "measure_shortcuts": ["shortcuts.csv"],
    "extract_features": ["features.npy"],
    "fit_detectors": [f"{DEFAULT}/feature_detectors.npz"],
    "train_detector": [f"{DEFAULT}/models/{name}.pt" for name in NETWORKS],
    "score_crops": [f"{DEFAULT}/scores/{name}.csv" for name in NETWORKS],
    "score_fold": [f"{DEFAULT}/scores.csv"],
    "evaluate_folds": ["evaluation/one_split/metrics.csv"],
    "export_queue": ["queue.csv"],
    "encode_crops, of cae": ["tsne/cae/components.npz"],
    "embed_crops, of cae": ["tsne/cae/p5.csv"],
    "plots": [
        *("figures/eda/species_after.png", "figures/tsne/cae/rat.png"),
        *(f"figures/{kind}/{name}.png" for kind in ("loss", "scores") for name in NETWORKS),
    ],
}
NGINX = """
daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; keepalive_requests 1000000; client_body_temp_path {0}/1;
    proxy_temp_path {0}/2; fastcgi_temp_path {0}/3; uwsgi_temp_path {0}/4; scgi_temp_path {0}/5;
    server {{
        listen 127.0.0.1:{1}; root {2};
        rewrite ^/again-[0-9]+/(.*)$ /$1 break;
    }}
}}
"""
DRAW = """
import sys; sys.path.append({scripts!r})
from pathlib import Path
from make_demo import make_demo
if __name__ == "__main__":
    make_demo(Path("coco.json"), Path("truth.csv"), Path("images"), {size}, 1, 1, 2)
"""


def draw(photos: int) -> tuple[Path, dict | None]:
    """The folder of a drawn island, and what drawing cost; None where it was there."""
    folder = FOLDER / f"island{min(photos, DRAWN)}"
    if (folder / "coco.json").exists():
        return folder, None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "draw.py").write_text(DRAW.format(scripts=str(SCRIPTS), size=min(photos, DRAWN)))
    cost = run(sys.executable, "draw.py", cwd=folder, stderr=subprocess.DEVNULL)
    return folder, row("make_demo", cost, size_mb(folder))


def list_again(island: Path, photos: int) -> None:
    """Write a COCO that lists the island's photos under several names."""
    drawn = json.loads((island / "coco.json").read_text())
    found = {"categories": drawn["categories"], "images": [], "annotations": []}
    for n in range(-(-photos // DRAWN)):
        kept = drawn["images"][: photos - n * DRAWN]
        ids = {image["id"] for image in kept}
        mark = f"again-{n}/" if n else ""
        for image in kept:
            changed = {key: f"{mark}{image[key]}" for key in ("id", "file_name", "location")}
            found["images"].append(image | changed)
        for box in drawn["annotations"]:
            if box["image_id"] in ids:
                changed = {key: f"{mark}{box[key]}" for key in ("id", "image_id")}
                found["annotations"].append(box | changed)
    (island / f"coco{photos}.json").write_text(json.dumps(found))


def listed(island: Path, photos: int) -> Path:
    """The COCO of so many photos."""
    if photos <= DRAWN:
        return island / "coco.json"
    # in a process of its own, whose memory would else be the least peak of those begun here
    process = get_context("spawn").Process(target=list_again, args=(island, photos))
    process.start()
    process.join()
    return island / f"coco{photos}.json"


@contextmanager
def served(island: Path):
    """nginx on loopback with the island's photos, until the block ends."""
    folder = FOLDER / "nginx"
    folder.mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(NGINX.format(folder, PORT, island / "images"))
    server = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-g", "user root;"])
    time.sleep(1)
    try:
        yield f"http://127.0.0.1:{PORT}"
    finally:
        server.terminate()
        server.wait()


def overlay(name: str, coco: Path, source: str, photos: int) -> Path:
    """The config of a site; all else is the demo's."""
    demo = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    networks = schema["properties"]["detectors"]["default"]
    config = demo | {
        "name": name,
        "coco": str(coco),
        "images": {"source": source, "key": "file_name"},
        "shards": -(-photos // PER_SHARD),
        "max_failed": 0.1,
        "keep_images": False,
        "detectors": {n: {"epochs": 1} for n, d in networks.items() if d["kind"] != "features"},
        "backbone": {"image_size": 96},
    }
    path = FOLDER / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def size_mb(folder: Path) -> float:
    """What a folder takes on the disk."""
    return int(run("du", "-sm", folder).printed.split()[0]) if folder.exists() else 0


def row(stage: str, cost, disk: float) -> dict:
    """One line of the table, in seconds and megabytes."""
    return {
        "stage": stage,
        "wall s": round(cost.seconds, 1),
        "CPU s": round(cost.cpu_seconds, 1),
        "peak MB": round(cost.peak_mb),
        "disk MB": round(disk),
    }


def _spread(paths: list[str], photos: int) -> list[str]:
    """The paths, with one for each shard where they name a shard."""
    n = -(-photos // PER_SHARD)
    shards = [f"{k + 1}-of-{n}" for k in range(n)]
    return list(dict.fromkeys(path.format(shard=shard) for path in paths for shard in shards))


def stages(photos: int, until: str | None) -> list[dict]:
    """Run the workflow stage by stage; a row for each."""
    island, drawn = draw(photos)
    found = [drawn] if drawn else []
    name = f"scale{photos}"
    results = ROOT / "results" / name
    shutil.rmtree(results, ignore_errors=True)
    snakemake = Path(sys.executable).with_name("snakemake")
    with served(island) as source:
        config = overlay(name, listed(island, photos), source, photos)
        common = ["--cores", "2", "--quiet", "all", "--configfile", config]
        found.append(row("plan (-n)", run(snakemake, "all", "-n", *common, cwd=ROOT), 0))
        before, asked = 0, []
        for stage, paths in STAGES.items():
            asked = [f"results/{name}/{path}" for path in _spread(paths, photos)]
            cost = run(snakemake, *asked, *common, cwd=ROOT)
            after = size_mb(results)
            found.append(row(stage, cost, after - before))
            before = after
            print(photos, found[-1], file=sys.stderr, flush=True)
            if stage == until:
                break
        found.append(row("nothing to do", run(snakemake, *asked, *common, cwd=ROOT), 0))
    with open(results / "labels.csv") as file:
        crops = sum(1 for _ in file) - 1
    return [{"photos": photos, "crops": crops} | line for line in found]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=int, nargs="+")
    parser.add_argument("--until", choices=STAGES)
    asked = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    table = []
    for photos in asked.photos:
        table += stages(photos, asked.until)
    report("scale", table, by="photos", snakemake=version("snakemake"), torch=version("torch"))

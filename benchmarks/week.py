"""A week's photos from a detector's boxes to the review page: time, CPU, memory of each stage.

python benchmarks/week.py [PHOTOS]    (12,000 unless said otherwise; about an hour for the first)

A small site is trained once, and the week of it is drawn, as the demo's second period but of seven
days: half of the photos have a box. Neither is counted. The whole batch is one command on 2 cores,
of which Snakemake's benchmark files tell the stages; then the same command finds nothing to do.
Writes week.csv.
"""

import csv
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import yaml
from bench import HERE, SCRIPTS, Cost, report, run

ROOT = HERE.parent
FOLDER = HERE / ".week"
SITE = "week_site"
SNAKEMAKE = [Path(sys.executable).with_name("snakemake"), "--cores", "2", "--quiet", "all"]
DRAW = """
import sys; sys.path.append({scripts!r})
from pathlib import Path
from make_demo import PERIODS, make_demo
PERIODS[2] = PERIODS[2]._replace(days=7)
if __name__ == "__main__":
    make_demo(Path("coco.json"), Path("truth.csv"), Path("images"), {photos}, 1, 2, 2)
"""


def draw(photos: int) -> Path:
    """The folder of the week's photos, drawn where it is not there."""
    folder = FOLDER / f"island{photos}"
    if not (folder / "coco.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "draw.py").write_text(DRAW.format(scripts=str(SCRIPTS), photos=photos))
        subprocess.run([sys.executable, "draw.py"], cwd=folder, check=True)
    return folder


def overlay(config: dict) -> list[str | Path]:
    """The command's options for a config, which is written to a file."""
    path = FOLDER / f"{config['name']}.yaml"
    path.write_text(yaml.safe_dump(config))
    return ["--configfile", path, "--"]


def train() -> None:
    """The site whose models score the week: the demo's, with the detectors on features alone."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    networks = schema["properties"]["detectors"]["default"]
    island = f"results/{SITE}/island"
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text()) | {
        "name": SITE,
        "coco": f"{island}/coco.json",
        "images": {"source": f"{island}/images"},
        "detectors": {n: None for n, d in networks.items() if d["kind"] != "features"},
        "evaluation": {"networks": []},
        "alarm": {"limit": 0.1},
    }
    run(*SNAKEMAKE, *overlay(config), f"results/{SITE}/models.json", cwd=ROOT)


def week(photos: int) -> dict:
    """The config of the batch."""
    island = draw(photos)
    return {
        "name": f"week{photos}",
        "models": SITE,
        "coco": str(island / "coco.json"),
        "images": {"source": str(island / "images")},
        "labels": {"drop": ["empty", "person", "vehicle"]},
    }


def stages(results: Path) -> list[dict]:
    """A row per rule that wrote benchmark files, all jobs of it together; the memory of one."""
    rows = []
    for rule in sorted((results / "benchmarks").iterdir()):
        jobs = []
        for path in [rule] if rule.is_file() else sorted(rule.rglob("*.tsv")):
            with open(path) as file:
                jobs += csv.DictReader(file, delimiter="\t")
        seconds, cpu = (sum(float(job[key]) for job in jobs) for key in ("s", "cpu_time"))
        cost = Cost(seconds, cpu, max(float(job["max_rss"]) for job in jobs), "")
        rows.append(row(rule.stem, cost, len(jobs)))
    return rows


def row(what: str, cost: Cost, jobs: int | None = None) -> dict:
    """A line of the table; `seconds` of several jobs are their sum, though two run at a time."""
    return {
        "stage": what,
        "jobs": jobs,
        "seconds": round(cost.seconds, 1),
        "CPU s": round(cost.cpu_seconds, 1),
        "peak MB": round(cost.peak_mb),
    }


def lines(path: Path) -> int:
    """The rows of a table, if it is there."""
    with open(path, newline="") as file:
        return sum(1 for _ in csv.DictReader(file))


def main(photos: int) -> None:
    FOLDER.mkdir(exist_ok=True)
    config = week(photos)
    train()
    command, results = [*SNAKEMAKE, *overlay(config), "all"], ROOT / f"results/{config['name']}"
    shutil.rmtree(results, ignore_errors=True)
    batch = run(*command, cwd=ROOT)
    again = min((run(*command, cwd=ROOT) for _ in range(3)), key=lambda cost: cost.seconds)
    rows = stages(results) + [row("all of it", batch), row("nothing new", again)]
    counts = ", ".join(
        f"{lines(results / name)} {what}"
        for name, what in (("labels.csv", "crops"), ("queue.csv", "events queued"))
    )
    print(f"{photos} photos, {counts}")
    report("week", rows, snakemake=version("snakemake"), torch=version("torch"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12_000)

"""Seconds that are not work: one figure, a run with nothing to do, and the start of each script.

Usage: python benchmarks/overhead.py    (after `snakemake --cores 2` on the demo; its results stay)
Each command runs three times, the median counts. Writes overhead.csv, a row per command and per
script; of a script also the jobs that it had in the demo, and how long these took in all.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from bench import HERE, SCRIPTS, Cost, report, run

ROOT = HERE.parent
FIGURES = ["tsne/cae/rat", "reconstructions/cae/rat", "accuracy/cae/rat", "scores/cae"]
FIGURES += ["evaluation/one_split/roc_crop"]
# As Snakemake opens each script.
PREAMBLE = "from snakemake.logging import logger; from snakemake.iocontainers import Snakemake"
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]


def median(*command: str, without: Iterable[Path] = ()) -> Cost:
    """The middle one of three runs by time, the files in `without` deleted before each."""
    costs = []
    for _ in range(3):
        for file in without:
            file.unlink()
        costs.append(run(*command, cwd=ROOT))
    return sorted(costs, key=lambda cost: cost.seconds)[1]


def jobs_of_the_demo() -> dict[str, list[float]]:
    """Rule -> seconds of each of its jobs, as Snakemake noted them beside their outputs."""
    found = defaultdict(dict)
    for path in (ROOT / ".snakemake/metadata").rglob("*"):
        if path.is_file():
            job = json.loads(path.read_text())
            if job.get("starttime") and "results/demo/logs" in str(job["log"]):
                found[job["rule"]][str(job["log"])] = job["endtime"] - job["starttime"]
    return {rule: list(jobs.values()) for rule, jobs in found.items()}


def main() -> None:
    if not (ROOT / f"results/demo/figures/{FIGURES[-1]}.svg").exists():
        sys.exit("run the demo first: snakemake --cores 2")
    rows = []

    def add(what: str, cost: Cost, jobs: list[float] | None = None) -> None:
        row = {"what": what, "seconds": round(cost.seconds, 2), "CPU s": round(cost.cpu_seconds, 2)}
        rows.append(
            row | {"jobs": len(jobs or ()) or None, "job s": round(sum(jobs or ())) or None}
        )
        print(rows[-1], file=sys.stderr)

    add("nothing to do", median(*SNAKEMAKE, "--", "all"))
    for name in FIGURES:
        forms = [ROOT / f"results/demo/figures/{name}.{form}" for form in ("svg", "png")]
        target = str(forms[0].relative_to(ROOT))
        add(target, median(*SNAKEMAKE, "--", target, without=forms))
    done = jobs_of_the_demo()
    starting = 0.0
    for path in sorted(SCRIPTS.glob("*.py")):
        code = f"import sys; sys.path.append({str(SCRIPTS)!r}); {PREAMBLE}; import {path.stem}"
        cost = median(sys.executable, "-c", code)
        add(path.stem, cost, done.get(path.stem))
        starting += cost.seconds * len(done.get(path.stem, ()))
    working = sum(map(sum, done.values()))
    print(f"\nThe demo's jobs took {working:.0f} s in all, {starting:.0f} s of it to start", end="")
    report("overhead", rows)


if __name__ == "__main__":
    main()

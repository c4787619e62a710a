"""What the benchmarks share: peers in environments of their own, a process's cost, a table."""

import csv
import os
import platform
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = HERE.parent / "workflow/scripts"


@dataclass
class Cost:
    """What a process and all that it waited for took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float  # of the largest of them
    printed: str


def peer(name: str, *packages: str) -> Path:
    """The interpreter of a virtual environment, made once, that has just these packages."""
    folder = HERE / ".peers" / name
    stamp = folder / "packages.txt"
    if not stamp.exists() or stamp.read_text() != "\n".join(packages):
        print("installing", *packages, file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
        stamp.write_text("\n".join(packages))
    return folder / "bin/python"


def run(*command: str | Path, **options) -> Cost:
    """Run a command, and say what it printed and took; ends the benchmark where it fails."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as process:
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(time.perf_counter() - started, cpu, usage.ru_maxrss / 1024, printed)


def machine(**versions: str) -> str:
    """One line: processor, cores, Python, and the versions that are given."""
    cpus = Path("/proc/cpuinfo").read_text()
    model = next(
        (line.split(":")[1].strip() for line in cpus.splitlines() if "model name" in line),
        platform.machine(),
    )
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {named}"


def report(name: str, rows: list[dict], by: str | None = None, **versions: str) -> None:
    """Print the rows as a table under the machine's line, and write <name>.csv beside this file.

    Rows of that file with other values `by` that column, a number, stay.
    """
    path, columns = HERE / f"{name}.csv", list(rows[0])
    if by and path.exists():
        new = {str(row[by]) for row in rows}
        with open(path, newline="") as file:
            rows = rows + [row for row in csv.DictReader(file) if row[by] not in new]
        rows.sort(key=lambda row: int(row[by]))
    print(f"\n{machine(**versions)}\n")
    print("|", " | ".join(columns), "|")
    print("|", "---|" * len(columns), sep="")
    for row in rows:
        print("|", " | ".join("" if row[c] is None else str(row[c]) for c in columns), "|")
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

"""Our exports pass the other tools' own validators, and what is spoiled does not.

All files are checked in one process of its own, which costs seconds to start.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from made_up_run import RUN, label_rows, write_deployments, write_run
from test_camtrap_dp import export

from conftest import ROOT
from export_megadetector import export_megadetector

TOOLS = ROOT / ".venv/validators"
SCHEMAS = ROOT.parent / "shared/data/camtrap_dp_1.0.2"
needs_tools = pytest.mark.skipif(
    not (TOOLS / "installed").exists(),
    reason="the validators are not installed: make .venv/validators/installed",
)
needs_schemas = pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason=f"Camtrap DP's schemas are not in {SCHEMAS}"
)
# What the standard refuses, all in one package: the table, a row's key, the column, the cell
SPOILED = {
    "time without offset": ("media", "id:1", "timestamp", "2026-11-16T08:00:01"),
    "path with dots": ("media", "id:2", "filePath", "a..b/1.jpg"),
    "hidden path": ("media", "id:3", "filePath", ".a/1.jpg"),
    "no boolean": ("media", "id:4", "filePublic", "yes"),
    "box of no width": ("observations", "a/IMG 1.box0.jpg", "bboxWidth", "0"),
    "box beyond the photo": ("observations", "b/3.box0.jpg", "bboxX", "1.0000001"),
    "no such photo": ("observations", "b/4.box0.jpg", "mediaID", "id:404"),
    "name that reads as none": ("deployments", "A", "deploymentID", "NA"),
    "score of nothing": ("novelty", "b/5.box0.jpg", "observationID", "x"),
}


def spoil(package: Path, name: str, key: str, column: str, cell: str) -> None:
    """Change a cell of a package's table."""
    path = package / f"{name}.csv"
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    next(row for row in rows if key in row.values())[column] = cell
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The exports of a batch and of a labelled run without a queue of its events, and spoiled ones.

    Returns their paths by name.
    """
    folder = tmp_path_factory.mktemp("exports")
    table = write_deployments(folder)
    batch = write_run(folder / "batch")
    drawn = [row | {"confidence": None, "species_label": "fox"} for row in label_rows()]
    labelled = write_run(folder / "labelled", [row | {"event": f"t{row['x']}"} for row in drawn])
    labelled["decisions"] = []
    found = {"results": {}, "packages": {}}
    for name, paths in {"batch": batch, "labelled": labelled}.items():
        file = folder / f"{name}.json"
        export_megadetector(**paths, exported=file, run=RUN, detector="fusion", rename={})
        found["results"][name] = file
        found["packages"][name] = export(folder / f"of {name}", paths, table)
    found["packages"]["spoiled"] = folder / "spoiled"
    shutil.copytree(found["packages"]["batch"], folder / "spoiled")
    for change in SPOILED.values():
        spoil(folder / "spoiled", *change)
    whole = json.loads(found["results"]["batch"].read_text())
    whole["images"][0]["detections"][0]["conf"] = 1
    found["results"]["integer"] = folder / "integer.json"
    found["results"]["integer"].write_text(json.dumps(whole))
    return found


@pytest.fixture(scope="module")
def answers(made):
    """What the validators say of each of the exports."""
    packages = list(map(str, made["packages"].values())) if SCHEMAS.is_dir() else []
    asked = {"megadetector": list(map(str, made["results"].values())), "camtrap_dp": packages}
    done = subprocess.run(
        [sys.executable, ROOT / "tests/exports/validate.py"],
        input=json.dumps(asked | {"schemas": str(SCHEMAS)}),
        env=os.environ | {"PYTHONPATH": str(TOOLS)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@needs_tools
@pytest.mark.parametrize("run", ["batch", "labelled"])
def test_megadetectors_validator_passes_the_results_and_its_reader_reads_all_boxes(
    made, answers, run
):
    answer = answers[str(made["results"][run])]
    assert answer["wrong"] == []
    assert answer["other"]["info"]["format_version"] == "1.6"
    read = {
        box["stowaway"]["crop_id"]: (image["file"], box["bbox"])
        for image in answer["images"]
        for box in image["detections"]
        if "stowaway" in box
    }
    kept = [row for row in label_rows() if row["file_name"].lower().endswith(("jpg", "jpeg"))]
    if run == "batch":
        kept = [row for row in kept if row["event"] != "not_animal"]
    assert set(read) == {row["crop_id"] for row in kept}
    for row in kept:
        file, (x, y, w, h) = read[row["crop_id"]]
        assert file == row["file_name"]
        pixels = (x * 300, y * 200, w * 300, h * 200)
        sides = [row[side] for side in ("x", "y", "crop_width", "crop_height")]
        assert pixels == pytest.approx(sides, rel=1e-6)


@needs_tools
def test_megadetectors_validator_looks_at_confidences(made, answers):
    assert "illegal confidence" in answers[str(made["results"]["integer"])]["wrong"][0]


@needs_tools
@needs_schemas
@pytest.mark.parametrize("run", ["batch", "labelled"])
def test_camtrap_dps_profile_and_tables_pass(made, answers, run):
    assert answers[str(made["packages"][run])]["wrong"] == []


@needs_tools
@needs_schemas
@pytest.mark.parametrize("name", SPOILED)
def test_camtrap_dps_schemas_refuse_what_is_spoiled(made, answers, name):
    table, _, column, cell = SPOILED[name]
    errors = answers[str(made["packages"]["spoiled"])]["wrong"]
    cell = "required" if cell == "NA" else cell  # it is read as missing
    assert any(table in error and column in error and cell in error for error in errors), errors

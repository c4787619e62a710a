"""What a new image size packs and trains anew, by the plan of Snakemake."""

import re

import pytest

pytestmark = pytest.mark.workflow

QUICK = {"image_size": 32, "epochs": 1}
DETECTORS = {"basic": QUICK, "cae": QUICK | {"layers": [4, 4, 2]}}
TARGETS = [
    *(f"results/packs/folds/listed/1/models/{detector}.pt" for detector in DETECTORS),
    "results/packs/shortcuts.csv",
]


def overlay(project, detectors: dict) -> str:
    island = {"coco": "results/packs/island/coco.json", "demo": {"size": 120, "seed": 1}}
    images = {"images": {"source": "results/packs/island/images"}, "shards": 2}
    changes = {"name": "packs", "detectors": detectors}
    return project.overlay("packs", island | images | changes)


def test_a_new_image_size_packs_that_form_and_trains_its_detectors_and_nothing_else(project_copy):
    project = project_copy()
    project.run("--cores", "2", *TARGETS, config=overlay(project, DETECTORS))
    config = overlay(project, DETECTORS | {"basic": QUICK | {"image_size": 40}})
    printed = project.run("-n", *TARGETS, config=config)
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", printed, re.M))
    assert jobs == {"pack_crops": "1", "train_detector": "1", "total": "2"}
    assert "packed/40.npy" in printed and "packed/32.npy" not in re.findall("output: .*", printed)

    config = overlay(project, DETECTORS | {"basic": QUICK | {"aspect": "pad"}})
    printed = project.run("--cores", "2", *TARGETS, config=config)
    assert "packed/32pad.npy" in printed
    assert "Nothing to be done" in project.run("-n", *TARGETS, config=config)
    printed = project.run("-n", *TARGETS, config=overlay(project, DETECTORS))
    assert "pack_crops" not in printed  # a form that is there is not packed again

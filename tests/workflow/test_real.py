"""The chain on real photos, where they lie beside the checkout: data steps and the split."""

import pandas as pd
import pytest
import yaml

from conftest import ROOT
from stowaway.data.roles import NATIVE_ROLES
from stowaway.data.splits import load_crops

PHOTOS = ROOT.parent / "shared/data/missouri_panama"

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photos of missouri_panama are not here"),
]


def test_real_photos_become_crops_and_a_split_without_leaks(project_copy):
    project = project_copy()
    places = {"coco": f"{PHOTOS}/coco.json", "images": {"source": f"{PHOTOS}/images"}}
    (project.folder / "results").mkdir()
    shipped = yaml.safe_load((ROOT / "config/missouri_panama.yaml").read_text())
    config = project.overlay(
        "real", shipped | {"images": shipped["images"] | places["images"], "coco": places["coco"]}
    )
    results = project.folder / "results/missouri_panama"
    names = ["labels.csv", "folds/listed/1/splits.csv"]
    targets = [f"results/missouri_panama/{name}" for name in names]
    project.run("--cores", "2", *targets, config=config)
    labels = pd.read_csv(results / "labels.csv")
    assert len(labels) == 657
    counts = labels["species_label"].value_counts()
    assert counts["agouti"] == 87
    crops = load_crops(*(results / name for name in names))  # which raises for a leak
    native = crops[crops["role"].isin(NATIVE_ROLES)]
    assert native.groupby("event")["role"].nunique().max() == 1
    assert set(native["species"]) == set(shipped["species"]["native"])
    assert all(counts[name] >= 40 for name in shipped["species"]["native"])
    assert all(counts[name] < 40 for name in shipped["species"]["invasive"])
    assert native.groupby("species")["role"].nunique().min() == 4

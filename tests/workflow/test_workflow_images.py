"""The download stage inside the workflow: subset, plan, photos dropped, failures, secrets."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from test_faults import serving

from stowaway.core.tables import rows

pytestmark = pytest.mark.workflow
LABELS = "results/island/labels.csv"


@pytest.fixture
def project(project_copy):
    """A project with 40 photos of two species, ten events of each, and no other."""
    project = project_copy()
    photos = project.folder / "photos"
    photos.mkdir()
    images, annotations = [], []
    for n in range(40):
        pixels = np.random.default_rng(n).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{n}.jpg")  # no two are exact copies
        images.append({"id": f"i{n}", "file_name": f"{n}.jpg", "seq_id": f"s{n // 2}"})
        box = {"image_id": f"i{n}", "category_id": n // 20, "bbox": [5, 5, 20, 20]}
        annotations.append({"id": f"a{n}"} | box)
    categories = [{"id": 0, "name": "fox"}, {"id": 1, "name": "rat"}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (project.folder / "coco.json").write_text(json.dumps(coco))
    return project


def overlay(project, **changes) -> str:
    config = {"name": "island", "coco": "coco.json", "images": {"source": "photos"}, "shards": 2}
    species = {"native": ["fox"], "invasive": ["rat"]}
    return project.overlay("island", config | {"species": species} | changes)


def test_a_subset_is_fetched_and_its_photos_go(project):
    config = overlay(project, keep_images=False, subset={"per_species": 5, "seed": 3})
    printed = project.run("--cores", "2", LABELS, config=config)
    assert re.search(r"images: 10, of which 0 are here; to fetch: 10, about 0.0 MB", printed)
    results = project.folder / "results/island"
    kept = list(rows(results / "labels.csv"))
    assert sorted(row["species_label"] for row in kept) == ["fox"] * 5 + ["rat"] * 5
    events = [row["event"] for row in kept]
    assert len(set(events)) == 6  # of each species two whole events of two frames, and one in part
    assert len(list((results / "crops").rglob("*.jpg"))) == 10
    assert not list((results / "images").rglob("*.jpg"))
    assert len(list((project.folder / "photos").iterdir())) == 40  # what was linked stays
    assert "Nothing to be done" in project.run("--cores", "2", LABELS, config=config)
    config = overlay(
        project, keep_images=False, subset={"per_species": 5, "seed": 3}, limits={"image_pixels": 9}
    )
    again = project.run("-n", LABELS, config=config)
    assert re.search(r"download_images +2\n", again) and re.search(r"crop_images +2\n", again)


def test_photos_in_the_store_itself_are_not_deleted(project):
    config = overlay(project, images={"source": "results/island/images"}, keep_images=False)
    (project.folder / "results/island").mkdir(parents=True)
    (project.folder / "photos").rename(project.folder / "results/island/images")
    printed = project.run("--cores", "2", LABELS, config=config, ok=False)
    assert "keep_images: false would delete the photos of images.source itself" in printed
    assert len(list((project.folder / "results/island/images").glob("*.jpg"))) == 40


def test_too_many_failures_name_their_list_and_are_tried_again(project):
    config = overlay(project)
    photos = project.folder / "photos"
    lost = [photos / f"{n}.jpg" for n in range(6)]
    for path in lost:
        path.rename(project.folder / path.name)
    printed = project.run("--cores", "2", LABELS, config=config, ok=False)
    named = re.findall(
        r"stowaway: .* could not be had, over max_failed = 1.0%; (\S+) lists", printed
    )
    listed = {row["file_name"] for name in named for row in rows(project.folder / name)}
    assert named and listed <= {path.name for path in lost}
    for path in lost:
        (project.folder / path.name).rename(path)
    project.run("--cores", "2", LABELS, config=config)
    assert len(list(rows(project.folder / LABELS))) == 40


def test_photos_cut_short_end_the_run_and_another_brings_them_whole(project):
    """Simply running again fetches those alone, without a word of --forcerun."""
    tables = [f"results/island/crop_tables/{n}-of-2.csv" for n in (1, 2)]
    photos, whole = project.folder / "photos", {}
    for path in photos.glob("1?.jpg"):
        whole[path] = path.read_bytes()
        path.write_bytes(whole[path][: len(whole[path]) // 2])
    config = overlay(project)
    printed = project.run("--cores", "2", "--keep-going", *tables, config=config, ok=False)
    named = re.findall(r"stowaway: .* had or read, over max_failed = 1.0%; (\S+) lists", printed)
    listed = [row["file_name"] for name in named for row in rows(project.folder / name)]
    assert sorted(listed) == sorted(path.name for path in whole)
    for path, content in whole.items():
        path.write_bytes(content)
    again = project.run("--cores", "2", *tables, config=config)
    fetched = re.findall(r"images .*: ([\d,]+) fetched", again)
    assert sum(map(int, fetched)) == len(whole) == 10
    assert sum(1 for table in tables for _ in rows(project.folder / table)) == 40


def test_no_secret_of_a_source_is_written_down(project):
    """A signed address and a password appear in no file but the config."""
    with serving(project.folder) as (url, _):
        signed = url.replace("//", "//user:pass-word@") + "/?X-Signature=signed-secret"
        config = overlay(project, images={"source": signed}, max_failed=1)
        project.run("--cores", "2", "results/island/manifests/1-of-2.csv", config=config)
        broken = overlay(project, images={"source": signed.replace("127.0.0.1", "127.0.0.9")})
        target = "results/island/manifests/2-of-2.csv"
        failed = project.run("--cores", "2", target, config=broken, ok=False)
    assert "pass-word" not in failed and "signed-secret" not in failed
    written = [path for path in project.folder.rglob("*") if path.is_file()]
    assert len(written) > 100
    for path in written:
        if path.name not in ("island.yaml", "requests.log"):
            content = path.read_bytes()
            assert b"pass-word" not in content and b"signed-secret" not in content, path

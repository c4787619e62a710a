"""Examples of watched species: each source, their features, and all that is refused."""

import json
import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from conftest import write_csv
from extract_features import extract_features
from gather_examples import gather_examples
from pack_crops import pack_crops
from stowaway.core.script import BadInput
from stowaway.data import photos
from stowaway.data.exact_copies import CHECKSUMS, crop_checksum, photo_checksum
from stowaway.data.splits import LABELS, load_crops
from stowaway.models.facts import NEEDED
from stowaway.review import examples as listed
from stowaway.review import trained
from stowaway.review.decisions import CROPS

BACKBONE = {"name": "efficientnet_lite0", "weights": None, "layer": "bottleneck"}
BACKBONE |= {"image_size": 32, "aspect": "pad"}
SETTINGS = {
    "labels": {"rename": {"ratt": "rat"}, "drop": ["empty", "person"], "unnamed": ["animal"]},
    "events": {"by": "seq_id", "gap": 60, "datetime_format": None},
    "confidence": {"animal": 0.2},
    "max_side": None,
}
LIMITS = {"image_pixels": 10**6, "image_bytes": 10**6, "json_bytes": 10**6, "zip_ratio": 200}
NONE = {"labels": [], "crops": [], "photos": None, "coco": None, "detections": None}
OF_RUN = [  # crop_id, species, role, event
    ("a.jpg", "fox", "train", "e1"),
    ("b.jpg", "fox", "val", "e2"),
    ("c.jpg", "fox", "calibration", "e3"),
    ("d.jpg", "fox", "test", "e4"),
    ("e.jpg", "rat", "novel", "e5"),
    ("f.jpg", "rat", "novel", "e5"),
    ("g.jpg", "mouse", "unlisted", "e6"),
]
BOX = (4, 6, 30, 20)


def photograph(path: Path, seed: int, time: str = "", size=(64, 48), link=None) -> Path:
    """A small photo of coarse noise, in EXIF at that time."""
    cells = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = time
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)
    image.save(path, quality=95, **({"exif": exif} if time else {}))
    return path


def crop_row(folder: Path, crop_id: str, seed: int) -> dict:
    """A row of labels.csv of a photo's box, whose crop is saved."""
    path = photograph(folder / "photos" / crop_id, seed)
    content = path.read_bytes()
    _, crop = photos.open_photo(content, 10**6, None).cut(BOX)
    photos.save_crop(crop, saved := folder / "crops" / crop_id)
    row = {"crop_id": crop_id, "image_id": crop_id, "file_name": crop_id, "image_path": saved}
    row |= {"crop_width": BOX[2], "crop_height": BOX[3], "location": "cam1"}
    return row | {"photo_checksum": photo_checksum(content), "crop_checksum": crop_checksum(crop)}


class Run:
    """A run whose photos are real: `gather` gathers its examples."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows = folder, []
        for seed, (crop_id, species, role, event) in enumerate(OF_RUN):
            row = crop_row(folder, crop_id, seed) | {"species": species, "species_label": species}
            self.rows.append(row | {"role": role, "event": event, "group": event})
        self.labels = write_csv(folder / "labels.csv", LABELS, self.rows)
        columns = "event species group role location".split()
        unique = {(row["event"], row["species"]): row for row in self.rows}
        self.splits = write_csv(folder / "splits.csv", columns, list(unique.values()))
        pack_crops(self.labels, folder / "32pad.npy", "32pad", 1)
        paths = folder / "32pad.npy", folder / "features.npy", folder / "features.json"
        extract_features(*paths, BACKBONE, None, 1)
        self.features = np.load(paths[1])
        self.decided = []

    def decide(self, crop_id: str, decision: str, species: str = "", mark: str = "", **more):
        """A decided crop of another run's, drawn anew, unless `more` has its columns."""
        seed = 100 + len(self.decided)
        row = crop_row(self.folder / "week", crop_id, seed)
        row |= {"batch": "week", "event": "w1", "decision": decision, "species": species}
        self.decided.append(row | {"find_more": mark, "label": "unnamed"} | more)

    def gather(
        self, native=("fox",), settings=SETTINGS, splits=None, models=(), **watch
    ) -> listed.Examples:
        """The examples; those of a batch are without `splits`, with the files of `models`."""
        out = self.folder / "examples.npz"
        table = write_csv(self.folder / "decided_crops.csv", CROPS, self.decided)
        gather_examples(
            labels=self.labels,
            features=self.folder / "features.npy",
            facts=self.folder / "features.json",
            splits=self.splits if splits is None else splits,
            decided_crops=table if self.decided else [],
            **dict(zip(("models", "arrays"), models or ([], []), strict=True)),
            examples=out,
            run="site",
            watch={name: NONE | sources for name, sources in watch.items()},
            native=list(native),
            backbone=BACKBONE,
            form="32pad",
            settings=settings,
            threads=1,
            config={"limits": LIMITS, "max_rejected": 0.05},
        )
        return listed.load([out])

    def refused(self, **watch) -> str:
        with pytest.raises(BadInput) as error:
            self.gather(**watch)
        line = str(error.value)
        assert line.isprintable() and not (self.folder / "examples.npz").exists()
        return line


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def run(made, tmp_path):
    """The run, without decisions or examples, and a new folder `place` for other photos."""
    made.decided, made.place = [], tmp_path / "rats"
    (made.folder / "examples.npz").unlink(missing_ok=True)
    return made


def test_without_examples_the_file_has_no_rows(run):
    found = run.gather(rat={})
    assert found.features.shape == (0, run.features.shape[1])
    assert {len(array) for array in vars(found).values()} == {0}


def test_crops_by_label_and_by_id_have_the_features_of_the_run(run):
    found = run.gather(rat={"labels": ["rat"], "crops": ["e.jpg"]}, vole={"crops": ["g.jpg"]})
    assert found.species.tolist() == ["rat", "rat", "vole"]
    assert found.crop_id.tolist() == ["e.jpg", "f.jpg", "g.jpg"]
    assert found.source.tolist() == ["labels", "labels", "crops"]  # each crop once
    assert found.event.tolist() == ["e5", "e5", "e6"]
    assert np.array_equal(found.features, run.features[4:])
    for row, jpeg in zip(run.rows[4:], found.pictures, strict=True):
        assert row["crop_checksum"] in found.crop_checksum
        (run.folder / "picture.jpg").write_bytes(jpeg)
        picture = np.asarray(Image.open(run.folder / "picture.jpg"), int)
        crop = np.asarray(Image.open(row["image_path"]), int)
        assert picture.shape == crop.shape and np.abs(picture - crop).mean() < 8


def test_decided_crops_are_examples_by_name_event_or_mark(run):
    run.decide("1.jpg", "novel", "rat")
    run.decide("2.jpg", "novel", "unnamed", event="w2")
    run.decide("3.jpg", "novel", "unnamed", "yes", event="w3")
    run.decide("4.jpg", "unsure", "unnamed", "yes", event="w4")
    run.decide("5.jpg", "novel", "rat", "yes", event="w5")
    for n, decision in enumerate(("native", "not_animal", "person"), 6):
        run.decide(f"{n}.jpg", decision, "fox", "yes", event=f"w{n}")
    run.decide("9.jpg", "unsure", "unnamed", event="w9")
    found = run.gather()
    names = ["rat", "rat", "unnamed week/w2", "marked week/w3", "marked week/w4"]
    assert found.species.tolist() == names
    assert found.crop_id.tolist() == [f"week/{n}.jpg" for n in (1, 5, 2, 3, 4)]
    assert found.event.tolist() == [f"week/w{n}" for n in (1, 5, 2, 3, 4)]
    assert found.source.tolist() == ["decisions"] * 3 + ["marked"] * 2


def test_a_decided_crop_that_joined_is_the_crop_of_the_run(run):
    same = {name: run.rows[4][name] for name in CHECKSUMS}
    run.decide("1.jpg", "novel", "rat", **same, image_path="gone.jpg")
    found = run.gather()
    assert found.crop_id.tolist() == ["e.jpg"]
    assert np.array_equal(found.features, run.features[[4]])


def test_decided_crops_that_copy_what_is_measured_are_left_out(run, capsys):
    run.decide("1.jpg", "novel", "rat", crop_checksum=run.rows[2]["crop_checksum"])  # calibration
    run.decide("2.jpg", "novel", "rat", photo_checksum=run.rows[4]["photo_checksum"])  # novel
    run.decide("3.jpg", "novel", "rat")
    assert run.gather().crop_id.tolist() == ["week/3.jpg"]
    line = "2 decided crops are left out as leaks; the first: 'c.jpg' is a native of this run (cali"
    assert line in capsys.readouterr().err


def test_a_decided_crop_that_is_gone_is_named(run):
    run.decide("1.jpg", "novel", "rat", image_path="gone.jpg")
    assert "decisions: the crop '1.jpg' of week is gone from its folder" in run.refused()


def test_the_config_names_what_an_event_named(run):
    run.decide("1.jpg", "novel", "unnamed", crop_checksum=run.rows[6]["crop_checksum"])
    assert run.gather().species.tolist() == ["unnamed week/w1"]
    assert run.gather(vole={"crops": ["g.jpg"]}).species.tolist() == ["vole"]


def test_photos_of_a_folder_are_whole_and_events_by_time(run):
    for n, time in enumerate(("10:00:00", "10:00:50", "10:03:00")):
        photograph(run.place / f"cam7/{n}.jpg", 200 + n, f"2026:03:01 {time}")
    photograph(run.place / "cam8/5.png", 205)
    photograph(run.place / "cam8/6.jpg", 206)
    photograph(run.place / "7.JPG", 207, "2026:03:01 10:00:00")
    photograph(run.place / ".trash/8.jpg", 208)
    (run.place / ".hidden.jpg").write_bytes(b"no photo")
    (run.place / "notes.txt").write_text("no photo")
    found = run.gather(rat={"photos": str(run.place)})
    assert found.source.tolist() == ["photos"] * 6
    by_crop = dict(zip(found.crop_id, found.event, strict=True))
    names = {name.removeprefix("watch.rat/"): event for name, event in by_crop.items()}
    crops = "7.JPG cam7/0.jpg cam7/1.jpg cam7/2.jpg cam8/5.png.jpg cam8/6.jpg"
    assert sorted(names) == crops.split()
    assert names["cam7/0.jpg"] == names["cam7/1.jpg"]
    assert len(set(names.values())) == 5
    places = {"watch.rat/cam7", "watch.rat/cam8", "watch.rat/."}
    assert set(found.location) == places
    image = photos.open_photo((run.place / "cam7/0.jpg").read_bytes(), 10**6, None)
    _, crop = image.cut((0, 0, 64, 48))
    assert crop_checksum(crop) in found.crop_checksum


def coco(place: Path, boxes: list[tuple[str, str, tuple]]) -> str:
    """A COCO of boxes (file name, label, box) of photos in the folder; its path."""
    names = list(dict.fromkeys(name for name, _, _ in boxes))
    labels = list(dict.fromkeys(label for _, label, _ in boxes))
    content = {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(names)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(labels)],
        "annotations": [
            {"id": n, "image_id": names.index(name), "category_id": labels.index(label), "bbox": b}
            for n, (name, label, b) in enumerate(boxes)
        ],
    }
    place.mkdir(parents=True, exist_ok=True)
    (place / "coco.json").write_text(json.dumps(content))
    return str(place / "coco.json")


def test_boxes_of_a_coco_have_the_features_that_the_run_gives_them(run):
    """The photo is that of an unlisted crop, on which nothing is measured."""
    run.place.mkdir()
    (run.place / "x.jpg").write_bytes((run.folder / "photos/g.jpg").read_bytes())
    photograph(run.place / "y.jpg", 300)
    boxes = [("x.jpg", "Ratt ", BOX), ("y.jpg", "ship rat", BOX), ("y.jpg", "vole", (0, 0, 9, 9))]
    sources = {"photos": str(run.place), "coco": coco(run.place, boxes), "labels": ["ship rat"]}
    found = run.gather(rat=sources)
    assert found.crop_id.tolist() == ["watch.rat/x.jpg", "watch.rat/y.box1.jpg"]
    assert found.crop_checksum[0] == run.rows[6]["crop_checksum"]
    np.testing.assert_allclose(found.features[0], run.features[6], atol=1e-4, rtol=1e-3)


def test_boxes_of_a_detector_are_those_of_animals(run):
    photograph(run.place / "cam7/x.jpg", 300, "2026:03:01 10:00:00")
    photograph(run.place / "cam7/y.jpg", 301, "2026:03:01 10:00:30")
    box = [BOX[0] / 64, BOX[1] / 48, BOX[2] / 64, BOX[3] / 48]
    found = [{"category": "1", "conf": conf, "bbox": box} for conf in (0.9, 0.1)]
    found.append({"category": "2", "conf": 0.9, "bbox": [0, 0, 0.5, 0.5]})
    images = [{"file": f"cam7/{name}.jpg", "detections": found} for name in "xy"]
    content = {"images": images, "detection_categories": {"1": "animal", "2": "person"}}
    (run.place / "md.json").write_text(json.dumps(content | {"info": {"format_version": "1.4"}}))
    sources = {"photos": str(run.place), "detections": str(run.place / "md.json")}
    found = run.gather(rat=sources)
    assert found.location.tolist() == ["watch.rat/cam7"] * 2
    assert len(set(found.event)) == 1
    _, crop = photos.open_photo((run.place / "cam7/x.jpg").read_bytes(), 10**6, None).cut(BOX)
    assert found.crop_checksum[0] == crop_checksum(crop)


def test_of_thousands_some_are_taken_one_of_each_event_first(monkeypatch, capsys):
    known = [f"n{n}" for n in range(3000)]
    many = [listed.Example("rat", f"e{n % 700}", "A", crop, "labels", Path()) for n, crop in
            enumerate(known)]  # fmt: skip
    few = [listed.Example("vole", "e", "A", "v", "labels", Path())]
    chosen = listed.choose([*many, *few])
    rats = [one for one in chosen if one.species == "rat"]
    assert len(rats) == 500 == len({one.event for one in rats}) and len(chosen) == 501
    assert "500 of 3,000 example crops of rat are taken" in capsys.readouterr().err
    monkeypatch.setattr(listed, "MOST", 900)
    rats = listed.choose(many)
    assert len(rats) == 900 and len({one.event for one in rats}) == 700


def test_a_folder_of_more_photos_than_are_taken_decodes_those_alone(run, monkeypatch):
    monkeypatch.setattr(listed, "MOST", 3)
    for n in range(9):
        photograph(run.place / f"{n}.jpg", 400 + n)
    opened = []
    monkeypatch.setattr(photos, "read_photo", lambda p: opened.append(p) or Path(p).read_bytes())
    assert len(run.gather(rat={"photos": str(run.place)}).species) == 3 == len(opened)


# What is refused. ---------------------------------------------------------------------------------


def test_a_corrupt_photo_is_named(run):
    photograph(run.place / "a.jpg", 1)
    path = photograph(run.place / "x.jpg", 500, size=(300, 300))
    path.write_bytes(path.read_bytes()[:4000])
    line = run.refused(rat={"photos": str(run.place)})
    assert line.startswith("watch.rat.photos: ") and line.endswith("; mend or remove it")
    assert "x.jpg cannot be read: image is corrupt" in line
    path.write_bytes(b"<html>not found</html>")
    line = run.refused(rat={"photos": str(run.place)})
    assert "x.jpg cannot be read: not a photo: " in line
    path.write_bytes(b"")
    assert "x.jpg cannot be read: not a photo" in run.refused(rat={"photos": str(run.place)})


@pytest.mark.parametrize("name, why", [("a\nb.jpg", "control"), ("a\\b.jpg", "forward slashes")])
def test_a_photo_whose_name_no_table_can_hold_is_named(run, name, why):
    photograph(run.place / name, 1)
    assert why in run.refused(rat={"photos": str(run.place)})


def test_a_folder_without_photos_and_none_at_all(run):
    assert "there is no folder" in run.refused(rat={"photos": str(run.place)})
    (run.place / "deeper").mkdir(parents=True)
    assert "there is no photo in" in run.refused(rat={"photos": str(run.place)})
    sources = {"photos": str(run.place), "coco": str(run.place / "no.json")}
    assert "watch.rat.coco: there is no file" in run.refused(rat=sources)


def test_links_and_names_do_not_lead_out_of_the_folder(run, tmp_path):
    outside = photograph(tmp_path / "secret.jpg", 600)
    photograph(run.place / "a.jpg", 601)
    (run.place / "b.jpg").symlink_to(outside)
    for sources in ({}, {"coco": coco(run.place, [("b.jpg", "rat", BOX)])}):
        line = run.refused(rat={"photos": str(run.place)} | sources)
        assert line.startswith("watch.rat.photos: ") and "b.jpg leads out of the folder" in line
    (run.place / "b.jpg").unlink()
    (run.place / "b.jpg").symlink_to("b.jpg")
    assert "b.jpg cannot be read" in run.refused(rat={"photos": str(run.place)})
    for name in ("../secret.jpg", str(outside)):
        sources = {"photos": str(run.place), "coco": coco(run.place, [(name, "rat", BOX)])}
        line = run.refused(rat=sources)
        assert line.startswith("watch.rat.coco: no usable box; 1 x file name ")


def test_hostile_files_are_refused_by_their_key(run):
    photograph(run.place / "a.jpg", 601)
    for content in ("", "{", "[]", '{"images": []}'):
        (run.place / "x.json").write_text(content)
        for key in ("coco", "detections"):
            sources = {"photos": str(run.place), key: str(run.place / "x.json")}
            assert run.refused(rat=sources).startswith(f"watch.rat.{key}: ")
    sources = {"photos": str(run.place), "coco": coco(run.place, [("a.jpg", "vole", BOX)])}
    assert "no box is of 'rat'; list its labels there as watch.rat.labels" in run.refused(
        rat=sources
    )
    sources["coco"] = coco(run.place, [("gone.jpg", "rat", BOX)])
    assert "gone.jpg cannot be read: it is gone" in run.refused(rat=sources)
    sources["coco"] = coco(run.place, [("a.jpg", "rat", (900, 900, 5, 5))])
    assert "a.jpg cannot be read: box is outside the image" in run.refused(rat=sources)


def test_unknown_labels_and_crops_are_named_with_the_nearest(run):
    line = run.refused(rat={"labels": ["rats"]})
    assert line == "watch.rat.labels: no box has the label 'rats'; the nearest is 'rat'"
    line = run.refused(rat={"crops": ["E.jpg"]})
    assert line.startswith("watch.rat.crops: this run has no crop 'E.jpg'; the nearest is '")


def test_natives_of_the_run_are_no_examples(run):
    for crop_id, role in (("a.jpg", "train"), ("c.jpg", "calibration"), ("d.jpg", "test")):
        line = run.refused(rat={"crops": [crop_id]})
        assert line.startswith(f"watch.rat.crops: '{crop_id}' is a native of this run ({role})")


@pytest.mark.parametrize("crop_id, kind", [("c.jpg", "native (calibration)"),
    ("d.jpg", "native (test)"), ("a.jpg", "native (train)"), ("e.jpg", "novel")])  # fmt: skip
def test_exact_copies_of_what_is_measured_are_refused_and_named(run, crop_id, kind):
    run.place.mkdir()
    copy = run.place / "copy.jpg"
    copy.write_bytes((run.folder / "photos" / crop_id).read_bytes())
    what = f"an exact copy of '{crop_id}', a {kind} crop of this run: a leak"
    by_photo = run.refused(rat={"photos": str(run.place)})
    assert "copy.jpg is an exact" in by_photo and what in by_photo
    copy.write_bytes(copy.read_bytes() + b"\0")  # other bytes of the same pixels
    assert len(run.gather(rat={"photos": str(run.place)}).species) == 1
    (run.folder / "examples.npz").unlink()
    sources = {"photos": str(run.place), "coco": coco(run.place, [("copy.jpg", "rat", BOX)])}
    by_crop = run.refused(rat=sources)
    assert "copy.jpg is an exact" in by_crop and what in by_crop


@pytest.fixture
def models(run, tmp_path) -> tuple[Path, Path]:
    """models.json and models.npz of the run `island`, whose calibration has the crop c.jpg."""
    row, texts, one = run.rows[2], np.array(["x"]), np.ones((1, 2), np.float32)
    known = {"predicted": "fox", "datetime": "", "score": 1.0}
    calibration = pd.DataFrame([row | known])[[*trained.CALIBRATION, *CHECKSUMS]]
    facts = dict.fromkeys(NEEDED, "") | dict.fromkeys(["backbone", "natives", "calibration"], {})
    facts |= {"run": "island", "native_events_per_camera_day": 1, "config": {"detectors": {}}}
    folder = tmp_path / "island"
    folder.mkdir()
    paths = folder / "models.json", folder / "models.npz"
    gallery = trained.Gallery(one, texts, texts, np.array([b"x"]))
    parts = facts, {}, calibration, one, np.ones(1), gallery, None, np.nan, texts
    trained.save(trained.Trained(*parts), paths[1], paths[0])
    return paths


def test_a_batch_has_no_copies_of_the_calibration_of_the_models_that_score_it(run, models, capsys):
    batch = {"splits": [], "models": models}
    what = "is an exact copy of 'c.jpg', a native (calibration) crop of island: a leak; take it out"
    run.place.mkdir()
    copy = run.place / "copy.jpg"
    photo = {"photos": str(run.place)}
    box = photo | {"coco": coco(run.place, [("copy.jpg", "rat", BOX)])}
    copy.write_bytes((run.folder / "photos/c.jpg").read_bytes())
    assert f"copy.jpg {what}" in run.refused(rat=photo, **batch)
    copy.write_bytes(copy.read_bytes() + b"\0")  # other bytes of the same pixels
    assert f"copy.jpg {what}" in run.refused(rat=box, **batch)
    assert len(run.gather(rat=photo, **batch).species) == 1
    (run.folder / "examples.npz").unlink()
    # the batch has the photo itself, and knows no roles
    assert f"watch.rat.crops: 'c.jpg' {what}" in run.refused(rat={"crops": ["c.jpg"]}, **batch)
    run.decide("1.jpg", "novel", "rat", crop_checksum=run.rows[2]["crop_checksum"])
    run.decide("2.jpg", "novel", "rat", photo_checksum=run.rows[2]["photo_checksum"])
    run.decide("3.jpg", "novel", "rat")
    found = run.gather(vole={"crops": ["d.jpg", "e.jpg"]}, **batch)
    assert found.crop_id.tolist() == ["week/3.jpg", "d.jpg", "e.jpg"]
    printed = capsys.readouterr().err
    assert "2 decided crops are left out as leaks; the first: 'c.jpg' is an exact copy" in printed


def test_models_of_an_older_version_without_checksums_are_named(run, models):
    with np.load(models[1]) as arrays:
        older = {name: arrays[name] for name in arrays if name != "calibration/checksums"}
    np.savez(models[1], **older)
    checksum = {"arrays_sha256": sha256(models[1].read_bytes()).hexdigest()}
    models[0].write_text(json.dumps(json.loads(models[0].read_text()) | checksum))
    assert run.refused(rat={"crops": ["d.jpg"]}, splits=[], models=models) == (
        f"{models[1]}: damaged (it has no calibration/checksums); run island again with --forcerun "
        "export_models"
    )


def test_a_crop_of_two_species_is_refused(run):
    line = run.refused(rat={"labels": ["rat"]}, vole={"crops": ["e.jpg"]})
    assert "watch.vole.crops: 'e.jpg' is the same crop as watch.rat.labels: 'e.jpg'" in line
    run.decide("1.jpg", "novel", "stoat", crop_checksum=run.rows[6]["crop_checksum"])
    line = run.refused(vole={"crops": ["g.jpg"]})
    assert "is the same crop as decisions: 'g.jpg'; keep one of them" in line


def test_a_watch_list_needs_natives(run):
    with pytest.raises(BadInput, match="a watch list needs natives"):
        run.gather(native=[], rat={"labels": ["rat"]})
    assert len(run.gather(native=[], rat={}).species) == 0


def test_a_photo_over_the_limits_is_refused(run, monkeypatch):
    photograph(run.place / "a.jpg", 601)
    for key, why in (("image_pixels", "over the limit"), ("image_bytes", "it has over 100 bytes")):
        monkeypatch.setitem(LIMITS, key, 100)
        assert why in run.refused(rat={"photos": str(run.place)})
        monkeypatch.setitem(LIMITS, key, 10**6)


def test_other_weights_than_the_features_have_are_refused(run, monkeypatch):
    photograph(run.place / "a.jpg", 601)
    facts = run.folder / "features.json"
    before = facts.read_text()
    facts.write_text(json.dumps(json.loads(before) | {"weights_sha256": "0"}))
    assert "--forcerun extract_features" in run.refused(rat={"photos": str(run.place)})
    facts.write_text(before)


def test_an_example_is_of_the_event_that_has_its_copy_in_the_run(run):
    """So that in weeks that overlap no crop is shown itself as the nearest example."""
    run.decide("m.jpg", "novel", "rat", crop_checksum=run.rows[6]["crop_checksum"])
    run.decide("n.jpg", "novel", "rat", event="w2")
    found = run.gather(splits=[])
    other = listed.Examples(**vars(found) | {"event": np.array(["week/w1", "week/w2"])})
    assert other.events_in(load_crops(run.labels, [])).tolist() == ["e6", "week/w2"]


def test_files_are_joined_and_the_first_of_a_crop_stays(run, tmp_path):
    both = run.gather(rat={"labels": ["rat"]})
    listed.save(both, tmp_path / "1.npz")
    listed.save(run.gather(stoat={"crops": ["e.jpg", "g.jpg"]}), tmp_path / "2.npz")
    listed.save(run.gather(), tmp_path / "3.npz")
    found = listed.load([tmp_path / f"{n}.npz" for n in (3, 1, 2)])
    assert found.species.tolist() == ["rat", "rat", "stoat"]
    assert np.array_equal(found.features, run.features[4:])
    other = dict(vars(both)) | {"features": np.zeros((2, 3), np.float32)}
    listed.save(listed.Examples(**other), tmp_path / "4.npz")
    with pytest.raises(BadInput, match="damaged .it holds something else"):
        listed.load([tmp_path / "1.npz", tmp_path / "4.npz"])
    for change in ({"species": np.array([None] * 2)}, {"event": both.event[:1]}):
        np.savez(tmp_path / "5.npz", **dict(vars(both)) | change)  # a pickle; a row less
        with pytest.raises(BadInput, match="damaged"):
            listed.load([tmp_path / "5.npz"])


def test_equal_crops_that_reviewers_name_otherwise_are_no_examples(run, capsys):
    same = {"crop_checksum": "1"}
    run.decide("1.jpg", "novel", "rat", event="w1", **same)
    run.decide("2.jpg", "unsure", "unnamed", "yes", event="w2", **same)
    assert run.gather().species.tolist() == ["rat"]
    run.decide("3.jpg", "novel", "stoat", event="w3", **same)
    run.decide("4.jpg", "novel", "stoat", event="w4")
    assert run.gather().crop_id.tolist() == ["week/4.jpg"]
    assert "2 decided crops are left out: equal crops of other decisions" in capsys.readouterr().err


def test_what_is_no_file_is_named_and_not_waited_for(run):
    photograph(run.place / "a.jpg", 601)
    os.mkfifo(run.place / "pipe.jpg")
    line = run.refused(rat={"photos": str(run.place)})
    assert "pipe.jpg cannot be read: it is a folder, or no file; mend or remove it" in line
    found = [{"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.5, 0.5]}]
    content = {"images": [{"file": "pipe.jpg", "detections": found}]}
    content |= {"detection_categories": {"1": "animal"}, "info": {"format_version": "1.4"}}
    (run.place / "md.json").write_text(json.dumps(content))
    sources = {"photos": str(run.place), "detections": str(run.place / "md.json")}
    assert run.refused(rat=sources).startswith("watch.rat.detections: no usable box; ")


def test_files_of_other_formats_are_counted(run, capsys):
    run.place.mkdir()
    for name in ("a.heic", ".hidden", "notes.txt"):
        (run.place / name).write_text("x")
    line = run.refused(rat={"photos": str(run.place)})
    assert "there is no photo in" in line and "(2 other files; formats that are read: .jpg" in line
    photograph(run.place / "a.jpg", 601)
    run.gather(rat={"photos": str(run.place)})
    assert "watch.rat.photos: 2 files are left out; formats" in capsys.readouterr().err


def test_a_folder_that_cannot_be_read_is_named(run, monkeypatch):
    photograph(run.place / "a.jpg", 601)

    def walk(folder, onerror):
        onerror(PermissionError(13, "Permission denied", f"{folder}/locked"))

    monkeypatch.setattr(os, "walk", walk)
    line = run.refused(rat={"photos": str(run.place)})
    assert "locked cannot be read: Permission denied; mend or remove it" in line


@pytest.mark.parametrize("names", [("A.jpg", "a.jpg"), ("\u00fc.jpg", "u\u0308.jpg")])
def test_photos_that_some_file_systems_take_for_one_are_named(run, names):
    for name in names:
        photograph(run.place / name, 601)
    line = run.refused(rat={"photos": str(run.place)})
    assert "differs from" in line and line.endswith("; rename one of them")


def test_a_photo_of_one_pixel_is_a_photo(run):
    run.place.mkdir()
    Image.new("RGB", (1, 1)).save(run.place / "a.png")
    assert len(run.gather(rat={"photos": str(run.place)}).species) == 1


@pytest.mark.parametrize("listed_size", [False, True])
@pytest.mark.parametrize("box", [(0.1, 0.1, 0.5, 0.5), (40, 30, 60, 47)])
def test_boxes_of_another_form_are_refused_with_what_mends_them(run, box, listed_size):
    """Shares and corners; images.box, which the site's own boxes have, is no help."""
    for n in range(4):
        photograph(run.place / f"{n}.jpg", 700 + n)
    sources = {"photos": str(run.place)}
    sources["coco"] = coco(run.place, [(f"{n}.jpg", "rat", box) for n in range(4)])
    if listed_size:
        content = json.loads(Path(sources["coco"]).read_text())
        for image in content["images"]:
            image |= {"width": 64, "height": 48}
        Path(sources["coco"]).write_text(json.dumps(content))
    line = run.refused(rat=sources)
    assert line.startswith("watch.rat.coco: 4 of 4 boxes l") and "images.box" not in line
    assert line.endswith("; convert these boxes to x, y, width, height in pixels, within the photo")


def test_the_nearest_of_many_names_is_found_by_its_ends():
    """One compared with all 250,000 in full would take ten minutes."""
    known = [f"island/cam_{n % 60:02d}/IMG_{n:06d}.jpg" for n in range(2000)]
    assert listed._nearest("island/CAM_07/IMG_000067x.jpg", known).endswith(
        "cam_07/IMG_000067.jpg'"
    )
    assert listed._nearest("a", []) == "; it has none at all"

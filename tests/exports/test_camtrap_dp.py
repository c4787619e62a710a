"""The Camtrap DP package, against values worked out by hand."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from made_up_run import FORMULA, HOSTILE, RUN, label_rows, write_deployments, write_run

from export_camtrap_dp import export_camtrap_dp
from stowaway.core.script import BadInput

NAMES = "deployments media observations novelty".split()


def export(folder: Path, paths: dict, table: Path, shown_people: bool = False) -> Path:
    """Write the package of a run; returns its folder."""
    package = folder / "camtrap_dp"
    outputs = {name: package / f"{name}.csv" for name in NAMES}
    outputs["package"] = package / "datapackage.json"
    settings = {"run": RUN, "detector": "fusion", "rename": {}, "decimals": 3}
    export_camtrap_dp(**paths, **outputs, **settings, table=table, shown_people=shown_people)
    return package


def read(package: Path, name: str, key: str) -> dict[str, dict]:
    """The rows of a table by their key, without blank cells."""
    with open(package / f"{name}.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row[key] for row in rows}) == len(rows)
    return {row[key]: {name: cell for name, cell in row.items() if cell} for row in rows}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("camtrap")
    return export(folder, write_run(folder / "run"), write_deployments(folder))


def test_deployments_have_times_with_offset_and_rounded_places(package):
    rows = read(package, "deployments", "deploymentID")
    assert list(rows) == ["A", "b", HOSTILE]
    assert rows["A"] == {
        "deploymentID": "A",
        "locationID": "A",
        "latitude": "34.017",
        "longitude": "-119.763",
        "coordinateUncertainty": "73",  # 55.85 m north and 46.3 m east
        "deploymentStart": "2026-11-01T00:00:00-08:00",
        "deploymentEnd": "2026-12-01T23:59:59-08:00",
    }


def test_media_are_public_only_where_no_person_is_in_the_event(package):
    rows = {row["filePath"]: row for row in read(package, "media", "mediaID").values()}
    assert "e/empty.jpg" not in rows and "p/person.jpg" in rows
    assert rows["a/IMG 2.JPG"] | {"mediaID": ""} == {
        "mediaID": "",
        "deploymentID": "A",
        "captureMethod": "activityDetection",
        "timestamp": "2026-11-16T08:00:02-08:00",
        "filePath": "a/IMG 2.JPG",
        "filePublic": "true",
        "fileName": "IMG 2.JPG",
        "fileMediatype": "image/jpeg",
    }
    private = {name for name, row in rows.items() if row["filePublic"] == "false"}
    assert private == {"b/7.jpg", "p/person.jpg"}
    assert rows["h/10.png"]["fileMediatype"] == "image/png"
    assert rows["b/3.jpg"]["deploymentID"] == "b"  # as in the user's table


@pytest.mark.parametrize("shown_people", [False, True])
def test_without_a_person_detector_photos_are_not_public_unless_asked(tmp_path, shown_people):
    paths = write_run(tmp_path / "run", person_detector=False)
    package = export(tmp_path, paths, write_deployments(tmp_path), shown_people)
    rows = read(package, "media", "mediaID").values()
    public = {row["filePath"] for row in rows if row["filePublic"] == "true"}
    assert ("a/IMG 1.jpg" in public) == shown_people and "b/7.jpg" not in public


def test_an_observation_is_a_box_with_one_verdict(package):
    rows = read(package, "observations", "observationID")
    unreviewed = rows["a/IMG 2.box0.JPG"]
    assert unreviewed.pop("mediaID") == "id:2"
    assert unreviewed == {
        "observationID": "a/IMG 2.box0.JPG",
        "deploymentID": "A",
        "eventID": "alarm",
        "eventStart": "2026-11-16T08:00:01-08:00",
        "eventEnd": "2026-11-16T08:00:02-08:00",
        "observationLevel": "media",
        "observationType": "animal",
        "count": "1",
        "bboxX": "0.9",
        "bboxY": "0.0",
        "bboxWidth": "0.1",
        "bboxHeight": "1.0",
        "classificationMethod": "machine",
        "classifiedBy": f"stowaway {stowaway_version()} fusion",
    }
    verdict = {"classificationMethod": "human", "classifiedBy": f"'{FORMULA}'"[:-1]}
    verdict |= {"classificationTimestamp": "2026-11-17T09:00:00+00:00"}
    verdict |= {"observationComments": "'+1 note"}
    for name, kind, tags in (
        ("4", "animal", "decision:native | species:skunk"),
        ("5", "animal", "decision:novel | species:rat"),
        ("6", "blank", "decision:not_animal"),
        ("7", "human", "decision:person"),
        ("8", "unknown", "decision:unsure"),
    ):
        row = rows[f"b/{name}.box0.jpg"]
        assert row.items() >= (verdict | {"observationType": kind, "observationTags": tags}).items()
        assert ("bboxX" in row) == (kind != "blank")
        assert "scientificName" not in row and "classificationProbability" not in row
    labelled = rows["h/9.box0.jpeg"]
    assert labelled["observationTags"] == "label:(script)alert(1)(/script)/'\""
    assert "classificationMethod" not in labelled
    assert rows["id:p#person"]["observationType"] == "human" and "bboxX" not in rows["id:p#person"]


def stowaway_version() -> str:
    from stowaway.core import __version__

    return __version__


def test_novelty_has_a_row_per_scored_box(package):
    rows = read(package, "novelty", "observationID")
    assert rows["a/IMG 1.box0.jpg"] == {
        "observationID": "a/IMG 1.box0.jpg",
        "score": "3.5",
        "pValue": "0.02",
        "alarm": "true",
    }
    assert len(rows) == len(label_rows()) - 2 and rows["b/3.box0.jpg"]["alarm"] == "false"


def test_the_package_names_the_standard_and_its_times_and_places(package):
    content = json.loads((package / "datapackage.json").read_text())
    assert content["profile"].endswith("/1.0.2/camtrap-dp-profile.json")
    assert content["temporal"] == {"start": "2026-11-01", "end": "2026-12-01"}
    assert content["spatial"]["coordinates"][0] == [-119.763, 34.017]
    assert content["coordinatePrecision"] == pytest.approx(0.001)


def changed(change: dict, row: int = 0) -> list[dict]:
    """The rows of labels.csv, one of them changed."""
    rows = label_rows()
    rows[row] |= change
    return rows


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"file_name": "~a/IMG 1.jpg"}, "with a path that Camtrap DP refuses"),
        ({"file_name": "a..b/IMG 1.jpg"}, "with a path that Camtrap DP refuses"),
        ({"file_name": ".a/IMG 1.jpg"}, "with a path that Camtrap DP refuses"),
        ({"image_id": "NA"}, "with an id that Camtrap DP reads as none"),
        ({"datetime": ""}, "without a time"),
        ({"location": ""}, "without a location"),
    ],
)
def test_what_the_standard_cannot_hold_is_left_out_and_said(tmp_path, capfd, change, why):
    paths = write_run(tmp_path / "run", changed(change))
    package = export(tmp_path, paths, write_deployments(tmp_path))
    said = capfd.readouterr().err
    assert f"left out 1 x a photo {why}, as '{change.get('file_name', 'a/IMG 1.jpg')}'" in said
    media = {row["filePath"] for row in read(package, "media", "mediaID").values()}
    assert "a/IMG 2.JPG" in media and not any("IMG 1" in path for path in media)
    assert "a/IMG 1.box0.jpg" not in read(package, "observations", "observationID")


def test_photos_of_another_time_than_their_deployment_are_said(tmp_path, capfd):
    paths = write_run(tmp_path / "run", changed({"datetime": "2001-01-01T00:00:00-08:00"}))
    export(tmp_path, paths, write_deployments(tmp_path))
    assert "location 'A': 1 x a photo of another time" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"location": "Q"}, "no row for location 'Q'; give a CSV with the columns deploymentID"),
        ({"datetime": "2026-11-16T08:00:00", "location": "b"}, "add a column timezone"),
    ],
)
def test_what_the_users_table_lacks_is_one_line_and_nothing_is_written(tmp_path, change, why):
    paths = write_run(tmp_path / "run", changed(change))
    with pytest.raises(BadInput, match=why):
        export(tmp_path, paths, write_deployments(tmp_path))
    assert not (tmp_path / "camtrap_dp").exists()


def test_a_batch_without_dates_is_refused(tmp_path):
    rows = [row | {"datetime": ""} for row in label_rows()]
    paths = write_run(tmp_path / "run", rows)
    people = pd.read_csv(paths["people"], keep_default_na=False).head(0)
    people.to_csv(paths["people"], index=False)
    with pytest.raises(BadInput, match="no photo can be written: 10 x without a time"):
        export(tmp_path, paths, write_deployments(tmp_path))


@pytest.mark.workflow
def test_asking_for_the_package_without_a_table_says_before_anything_runs_which_to_give(
    project_copy,
):
    wanted = "results/demo/exports/camtrap_dp/media.csv"
    printed = project_copy().run("-n", wanted, ok=False)
    line = next(line for line in printed.splitlines() if "deployments.table" in line)
    assert "a CSV with the columns deploymentID, latitude, longitude, deploymentStart" in line

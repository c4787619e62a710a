"""The COCO with scores: ids and boxes are those of the tables."""

import json

from made_up_run import HOSTILE, PHOTOS, RUN, SCRIPT, label_rows, write_run

from export_coco import export_coco


def test_ids_boxes_labels_and_scores_come_back(tmp_path):
    paths = write_run(tmp_path / "run")
    file = tmp_path / "coco.json"
    export_coco(**paths, exported=file, run=RUN, detector="fusion", rename={})
    coco = json.loads(file.read_text())
    names = {category["id"]: category["name"] for category in coco["categories"]}
    images = {image["id"]: image for image in coco["images"]}
    found = {entry["id"]: entry for entry in coco["annotations"]}
    assert len(found) == len(coco["annotations"]) and names[0] == "empty"
    for row in label_rows():
        entry = found.pop(row["crop_id"])
        image = images[entry["image_id"]]
        assert entry["bbox"] == [row[side] for side in ("x", "y", "crop_width", "crop_height")]
        assert image["file_name"] == row["file_name"] and image["id"] == row["image_id"]
        assert (image["width"], image["height"]) == (300, 200)
        assert image["seq_id"] == row["event"] and image["datetime"] == row["datetime"]
        assert names[entry["category_id"]] == row["label"].replace("unnamed", "animal")
        assert ("score" in entry["stowaway"]) == (row["event"] != "trained")
    assert {entry["image_id"]: names[entry["category_id"]] for entry in found.values()} == {
        "id:e": "empty", "id:n": "empty", "id:p": "person"}  # fmt: skip
    assert not any("bbox" in entry for entry in found.values())
    assert len(images) == len(PHOTOS) + 3 and SCRIPT in names.values()
    assert HOSTILE in {image.get("location") for image in coco["images"]}
    assert found["id:p#person"]["image_id"] == "id:p"

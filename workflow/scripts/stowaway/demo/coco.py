"""The demo island's COCO JSON, in the form of an export from Animl."""

import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from stowaway.demo.landscape import Box
from stowaway.demo.plan import CATEGORIES, HEIGHT, LIFELESS, WIDTH, Frame

INFO = {
    "version": "1.0",
    "description": "SYNTHETIC photos drawn by stowaway's make_demo: no real animal, place or date",
    "year": 2024,
}


def image_id(frame: Frame) -> str:
    """The id that Animl would give to the image: its file's name with colons."""
    return Path(frame.file_name).stem.replace("-", ":")


def image_entry(frame: Frame) -> dict[str, Any]:
    """An image as Animl lists it: without width and height where Animl does not know them."""
    path = Path(frame.file_name)
    entry = {
        "id": image_id(frame),
        "file_name": frame.file_name,
        "original_file_name": frame.original,
        "serving_bucket_key": f"original/{image_id(frame)}-original{path.suffix}",
        "datetime": None if frame.quirk == "undated" else frame.when.isoformat(),
        "location": path.parent.name,
    }
    if not frame.quirk.startswith("no size"):
        entry |= {"width": WIDTH, "height": HEIGHT}
    return entry


def annotation_entries(frame: Frame, boxes: list[Box]) -> list[dict[str, Any]]:
    """One annotation per labelled animal; `boxes` has one box for each actor.

    No real detector is exact, so boxes lose up to 2 px of their width and height. Of a false one
    the confidence is 0.2 to 0.4.
    """
    rng = np.random.default_rng([*frame.seeds[0], 3])
    labelled = [
        (actor.label, actor.shape, box)
        for actor, box in zip(frame.actors, boxes, strict=True)
        if actor.label
    ]
    if frame.label == "empty":
        labelled = [("empty", "", (0, 0, WIDTH, HEIGHT))]
    entries = []
    for label, shape, (x, y, width, height) in labelled:
        loss, confidence = rng.integers(0, 3, 2).tolist(), rng.uniform(0.5, 0.99)
        confidence *= 0.4 if shape in LIFELESS else 1
        box = [x, y, max(1, width - loss[0]), max(1, height - loss[1])]
        if label == "empty":
            box = [x, y, width, height]
        elif frame.quirk == "over the edge":
            box[2] = WIDTH + 1 - x
        entries.append(
            {
                "id": hashlib.md5(f"{frame.file_name} {len(entries)}".encode()).hexdigest()[:24],
                "image_id": image_id(frame),
                "category_id": CATEGORIES.index(label),
                "sequence_level_annotation": False,
                "bbox": [None] * 4 if frame.quirk == "no size, no box" else box,
                "confidence": round(confidence, 3),
                "validated": True,
            }
        )
    return entries


def true_species(frame: Frame, boxes: list[Box]) -> Iterator[tuple[str, int, int, str]]:
    """Photo, left and top of each listed box, and what stands in it; blank where nothing lives."""
    for actor, (x, y, _, _) in zip(frame.actors, boxes, strict=True):
        if actor.label:
            yield frame.file_name, x, y, "" if actor.shape in LIFELESS else actor.shape


def write_coco(file: IO[str], truth: IO[str], photos: Iterable[tuple[Frame, list[Box]]]) -> None:
    """Write the COCO JSON of a stream of photos, and the table `truth` of its boxes.

    Memory does not grow with the photos: images are written as they come, their annotations wait in
    a temporary file.
    """
    categories = [{"id": i, "name": name} for i, name in enumerate(CATEGORIES)]
    table = csv.writer(truth)
    table.writerow(["file_name", "x", "y", "species"])
    with tempfile.TemporaryFile("w+") as annotations:
        file.write(f'{{"info": {json.dumps(INFO)},\n"categories": {json.dumps(categories)},\n')
        file.write('"images": [')
        for i, (frame, boxes) in enumerate(photos):
            file.write(",\n" * (i > 0) + json.dumps(image_entry(frame)))
            for entry in annotation_entries(frame, boxes):
                annotations.write(",\n" * (annotations.tell() > 0) + json.dumps(entry))
            table.writerows(true_species(frame, boxes))
        file.write('],\n"annotations": [')
        annotations.seek(0)
        shutil.copyfileobj(annotations, file)
        file.write("]}\n")

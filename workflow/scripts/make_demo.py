"""Draw the demo island: synthetic camera-trap photos, and the COCO JSON Animl would export."""

import hashlib
import json
import shutil
import tempfile
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

from stowaway.core.files import replacing
from stowaway.core.progress import progress
from stowaway.core.script import rule_log
from stowaway.demo.plan import CATEGORIES, HEIGHT, WIDTH, Frame, plan
from stowaway.demo.scenes import Box, develop

INFO = {
    "version": "1.0",
    "description": "SYNTHETIC photos drawn by stowaway's make_demo: no real animal, place or date",
    "year": 2024,
}


def image_entry(frame: Frame) -> dict[str, Any]:
    """An image as Animl lists it: without width and height where Animl does not know them."""
    path = Path(frame.file_name)
    image_id = path.stem.replace("-", ":")
    entry = {
        "id": image_id,
        "file_name": frame.file_name,
        "original_file_name": frame.original,
        "serving_bucket_key": f"original/{image_id}-original{path.suffix}",
        "datetime": None if frame.quirk == "undated" else frame.when.isoformat(),
        "location": path.parent.name,
    }
    return (
        entry if frame.quirk.startswith("no size") else entry | {"width": WIDTH, "height": HEIGHT}
    )


def annotation_entries(frame: Frame, boxes: list[Box]) -> list[dict[str, Any]]:
    """One annotation per object; no detector is exact, so boxes lose up to 2 px of their size."""
    rng = np.random.default_rng([*frame.seeds[0], 3])
    found = [
        (actor.label, box) for actor, box in zip(frame.actors, boxes, strict=True) if actor.label
    ]
    if frame.label == "empty":
        found = [("empty", (0, 0, WIDTH, HEIGHT))]
    entries = []
    for label, (x, y, width, height) in found:
        loss, confidence = rng.integers(0, 3, 2).tolist(), rng.uniform(0.5, 0.99)
        box = [x, y, max(1, width - loss[0]), max(1, height - loss[1])]
        if label == "empty":
            box = [x, y, width, height]
        elif frame.quirk == "over the edge":
            box[2] = WIDTH + 1 - x
        entries.append(
            {
                "id": hashlib.md5(f"{frame.file_name} {len(entries)}".encode()).hexdigest()[:24],
                "image_id": Path(frame.file_name).stem.replace("-", ":"),
                "category_id": CATEGORIES.index(label),
                "sequence_level_annotation": False,
                "bbox": [None] * 4 if frame.quirk == "no size, no box" else box,
                "confidence": round(confidence, 3),
                "validated": True,
            }
        )
    return entries


def make_demo(coco: Path, images: Path, size: int, seed: int, processes: int) -> None:
    """Draw `size` photos below `images`, then write the COCO JSON; same seed, same bytes."""
    categories = [{"id": i, "name": name} for i, name in enumerate(CATEGORIES)]
    # a large island must not fill the memory: photos come one by one, annotations wait in a file
    with replacing(coco) as out, tempfile.TemporaryFile("w+") as later, Pool(processes) as pool:
        photos = pool.imap(partial(develop, images), plan(size, seed), chunksize=8)
        out.write(f'{{"info": {json.dumps(INFO)},\n"categories": {json.dumps(categories)},\n')
        out.write('"images": [')
        for i, (frame, boxes) in enumerate(progress(photos, "drawing the island", "photos", size)):
            out.write(",\n" * (i > 0) + json.dumps(image_entry(frame)))
            for entry in annotation_entries(frame, boxes):
                later.write(",\n" * (later.tell() > 0) + json.dumps(entry))
        pool.close()
        pool.join()  # else SIGTERM ends them, which a Python handler, as `rule_log` sets, can miss
        out.write('],\n"annotations": [')
        later.seek(0)
        shutil.copyfileobj(later, out)
        out.write("]}\n")


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        make_demo(
            Path(snakemake.output.coco),
            Path(snakemake.params.images),
            snakemake.params.size,
            snakemake.params.seed,
            snakemake.threads,
        )

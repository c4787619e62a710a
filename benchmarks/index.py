"""Index a large COCO: the streaming index against json.load and a dictionary join, in one run.

Usage: python benchmarks/index.py [annotations ...]    (default: 100000 1000000)
Each peer runs in a process of its own. Prints seconds and peak memory, and writes index.csv. Beside
them: as many detections of MegaDetector on photos without a COCO, and as the boxes of a COCO.
"""

import csv
import json
import resource
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from bench import SCRIPTS, report

sys.path.append(str(SCRIPTS))
LABELS = ["empty", "fox", "mouse", "rat", "scrub jay"]


def write_coco(path: Path, n: int) -> None:
    """A COCO in Animl's form: `n` annotations on 0.8 n images of 73 locations."""
    images = (
        {
            "id": f"p:{i:032x}",
            "file_name": f"p/loc-{i % 73}/{i // 1000}/p-{i:032x}.jpg",
            "serving_bucket_key": f"original/p:{i:032x}-original.jpg",
            "datetime": f"2024-01-{1 + i % 28:02d}T{i % 24:02d}:{i % 60:02d}:{i % 59:02d}-07:00",
            "location": f"loc-{i % 73}",
            "width": 2048,
            "height": 1536,
        }
        for i in range(n * 8 // 10)
    )
    boxes = (
        {
            "id": f"{i:024x}",
            "image_id": f"p:{i * 8 // 10:032x}",
            "category_id": i % 5,
            "bbox": [i % 100, 5, 200, 300],
        }
        for i in range(n)
    )
    with path.open("w") as file:  # streamed: a child process inherits its parent's peak memory
        for start, things in ('{"images": [', images), ('], "annotations": [', boxes):
            file.write(start)
            for i, thing in enumerate(things):
                file.write(("," if i else "") + json.dumps(thing))
        categories = [{"id": i, "name": name} for i, name in enumerate(LABELS)]
        file.write('], "categories": ' + json.dumps(categories) + "}")


def write_detections(folder: Path, n: int) -> None:
    """`n` detections on n / 1.3 photos of 73 locations; their times; a COCO with labels alone."""
    photos = n * 10 // 13
    names = [f"loc-{i % 73}/{i // 1000}/{i:06d}.jpg" for i in range(photos)]
    with (folder / "md.json").open("w") as file:
        categories = {"1": "animal", "2": "person", "3": "vehicle"}
        file.write(f'{{"detection_categories": {json.dumps(categories)}, "images": [')
        for i, name in enumerate(names):
            boxes = [
                {
                    "category": "1" if k % 20 else "2",
                    "conf": round(k * 7919 % 1000 / 1000, 3),
                    "bbox": [0.1, 0.2, 0.3, round(0.1 + k % 500 / 1000, 4)],
                }
                for k in range(i * 13 // 10, (i + 1) * 13 // 10)
            ]
            file.write("," * (i > 0) + json.dumps({"file": name, "detections": boxes}))
        file.write("]}")
    with (folder / "photo_times.csv").open("w") as file:
        file.write("file_name,datetime,offset,width,height\n")
        for i, name in enumerate(names):
            time = f"2024-01-{1 + i % 28:02d}T{i % 24:02d}:{i % 60:02d}:{i % 59:02d}"
            file.write(f"{name},{time},-07:00,2048,1536\n")
    with (folder / "labels.json").open("w") as file:
        categories = [{"id": i, "name": name} for i, name in enumerate(LABELS)]
        file.write(f'{{"categories": {json.dumps(categories)}, "images": [')
        for i, name in enumerate(names):
            entry = {"id": i, "file_name": f"site/{name}", "location": f"loc-{i % 73}"}
            entry |= {"width": 2048, "height": 1536}
            file.write("," * (i > 0) + json.dumps(entry))
        file.write('], "annotations": [')
        for i in range(photos):
            label = {"id": i, "image_id": i, "category_id": 1 + i % 4}
            file.write("," * (i > 0) + json.dumps(label))
        file.write("]}")


def streaming(coco: Path | list, folder: Path, detections: Path | list = (), times=()) -> None:
    """The workflow's own rule."""
    from stowaway.annotations.boxes import index_annotations

    tables = ("annotations", "rejected", "camera_days", "people")
    index_annotations(
        coco,
        detections,
        times,
        **{name: folder / f"{name}.csv" for name in tables},
        index_facts=folder / "index_facts.json",
        failures=str(folder / "rejected.failed.csv"),
        images={"key": "file_name", "box": None, "location": "([^/]+)/", "confidence": {}},
        labels={"rename": {}, "drop": ["empty", "person"], "unnamed": ["animal"]},
        events={"gap": 60, "by": "gap", "datetime_format": None},
        limits={"json_bytes": 20_000_000_000, "zip_ratio": 200},
        config={"max_rejected": 0.9 if detections else 0.05},
    )


def detections_alone(coco: Path, folder: Path) -> None:
    """The photos of MegaDetector results."""
    streaming([], folder, folder / "md.json", folder / "photo_times.csv")


def detections_beside(coco: Path, folder: Path) -> None:
    """The boxes of MegaDetector results for a COCO with labels alone."""
    streaming(folder / "labels.json", folder, folder / "md.json")


def in_memory(coco: Path, folder: Path) -> None:
    """What a script would do: load all, join by a dictionary, write the rows."""
    content = json.loads(coco.read_bytes())
    images = {image["id"]: image for image in content["images"]}
    labels = {c["id"]: c["name"] for c in content["categories"]}
    with (folder / "plain.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        for a in content["annotations"]:
            image = images[a["image_id"]]
            writer.writerow(
                [image["file_name"], image["location"], labels[a["category_id"]], *a["bbox"]]
            )


def measured(peer, coco: Path, folder: Path, queue) -> None:
    """Run the peer; report wall seconds and the process's peak memory in MB."""
    start = time.perf_counter()
    peer(coco, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    queue.put((time.perf_counter() - start, peak))


def main(sizes: list[int]) -> None:
    """Measure all sizes and write the table."""
    context, lines = get_context("spawn"), []
    for n in sizes:
        with tempfile.TemporaryDirectory() as name:
            coco = Path(name) / "coco.json"
            write_coco(coco, n)
            write_detections(Path(name), n)
            found = {}
            for peer in (streaming, in_memory, detections_alone, detections_beside):
                queue = context.SimpleQueue()
                process = context.Process(target=measured, args=(peer, coco, Path(name), queue))
                process.start()
                found[peer] = queue.get()
                process.join()
            for peer, (seconds, peak) in found.items():
                file = coco if peer in (streaming, in_memory) else Path(name) / "md.json"
                line = {"annotations": n, "json MB": round(file.stat().st_size / 1e6)}
                line |= {"peer": peer.__name__, "seconds": round(seconds, 1)}
                ratio = seconds / found[in_memory][0], peak / found[in_memory][1]
                line |= {"peak MB": round(peak), "time ratio": round(ratio[0], 2)}
                lines.append(line | {"memory ratio": round(ratio[1], 3)})
    report("index", lines, by="annotations")


if __name__ == "__main__":
    main([int(n) for n in sys.argv[1:]] or [100_000, 1_000_000])

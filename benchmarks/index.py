"""Index a large COCO: the streaming index against json.load and a dictionary join, in one run.

Usage: python benchmarks/index.py [annotations ...]    (default: 100000 1000000)
Each peer runs in a process of its own. Prints seconds and peak memory, and writes index.csv.
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


def streaming(coco: Path, folder: Path) -> None:
    """The workflow's own rule."""
    from stowaway.annotations.boxes import index_annotations

    tables = [folder / f"{name}.csv" for name in ("annotations", "rejected", "camera_days")]
    index_annotations(
        coco,
        *tables,
        folder / "index_facts.json",
        folder / "people.csv",
        str(folder / "rejected.failed.csv"),
        key="file_name",
        box=None,
        rename={},
        drop=["empty"],
        unnamed=["animal"],
        events={"gap": 60, "by": "gap", "datetime_format": None},
        limits={"json_bytes": 20_000_000_000, "zip_ratio": 200},
        config={"max_rejected": 0.05},
    )


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
            found = {}
            for peer in (streaming, in_memory):
                queue = context.SimpleQueue()
                process = context.Process(target=measured, args=(peer, coco, Path(name), queue))
                process.start()
                found[peer] = queue.get()
                process.join()
            for peer, (seconds, peak) in found.items():
                line = {"annotations": n, "json MB": round(coco.stat().st_size / 1e6)}
                line |= {"peer": peer.__name__, "seconds": round(seconds, 1)}
                ratio = seconds / found[in_memory][0], peak / found[in_memory][1]
                line |= {"peak MB": round(peak), "time ratio": round(ratio[0], 2)}
                lines.append(line | {"memory ratio": round(ratio[1], 3)})
    report("index", lines, by="annotations")


if __name__ == "__main__":
    main([int(n) for n in sys.argv[1:]] or [100_000, 1_000_000])

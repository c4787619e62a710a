"""A shard's images and boxes -> its crops and windows, a table of them, and one of what failed."""

import csv
from collections.abc import Iterator
from itertools import groupby
from math import ceil
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.memory import keep_memory
from stowaway.core.progress import progress
from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import rows
from stowaway.data import photos
from stowaway.data.exact_copies import crop_checksum, photo_checksum
from stowaway.download.store import Store

COLUMNS = (
    "image_path window_path crop_id species label event location datetime image_id file_name "
    "photo_path x y crop_width crop_height photo_width photo_height photo_checksum crop_checksum "
    "clipped confidence"
).split()


def crop_images(
    shard: Path,
    manifest: Path,
    crops: Path,
    rejected: Path,
    folder: str,
    max_pixels: int,
    max_side: int | None,
    journal: str,
    unreadable: str,
    config: dict,
) -> None:
    """Read and decode each image once for all its boxes. What fails is a row of `rejected`.

    Crops and windows are saved below `folder`. The box is in the upright photo, which it left by
    `clipped` pixels. Unreadable photos are also rows of the table `unreadable`; the next download
    asks for them again. Raises `BadInput` where too many are lost, or as `check_edges`.
    """
    keep_memory()
    images, failed, lost, outside = 0, 0, [], []
    with replacing(crops) as usable, replacing(rejected) as refused:
        table = csv.DictWriter(usable, COLUMNS, extrasaction="ignore")
        table.writeheader()
        reject = csv.writer(refused)
        reject.writerow(["crop_id", "image_id", "reason"])
        for entry, boxes in images_of(shard, manifest):
            images, failed = images + 1, failed + bool(entry["error"])
            try:
                if entry["error"]:
                    raise photos.Unusable(f"{photos.NOT_DOWNLOADED}: {entry['error']}")
                content = photos.read_photo(entry["path"])
                sides = [tuple(int(row[side]) for side in "xywh") for row in boxes]
                size = photos.listed_size(boxes[0])
                photo = photos.open_photo(content, max_pixels, size, sides, max_side)
            except photos.Unusable as reason:
                reject.writerows([row["crop_id"], row["image_id"], reason] for row in boxes)
                if isinstance(reason, photos.Unreadable):
                    lost.append(entry | {"status": "unreadable", "error": str(reason)})
                continue
            of_photo = {"photo_path": entry["path"], "photo_checksum": photo_checksum(content)}
            for row, box in zip(boxes, sides, strict=True):
                path, window = (Path(folder, kind, row["crop_id"]) for kind in ("crops", "windows"))
                try:
                    outside.append(photo.outside(box))
                    cut, crop = photo.cut(box)
                    photos.save_crop(crop, path)
                    photos.save_crop(photo.window(cut), window)
                except photos.Unusable as reason:
                    reject.writerow([row["crop_id"], row["image_id"], reason])
                    continue
                row |= zip(photos.BOX, (*cut, *photo.size), strict=True)
                row |= of_photo | {"image_path": path, "window_path": window}
                table.writerow(row | {"crop_checksum": crop_checksum(crop), "clipped": outside[-1]})
        photos.check_edges(outside, config["images"]["box"])
        Path(unreadable).unlink(missing_ok=True)
        if not lost:
            return
        with replacing(unreadable) as file:
            table = csv.DictWriter(file, lost[0])
            table.writeheader()
            table.writerows(lost)
        Store(Path(journal).parents[1], Path(journal), config["images"]["source"]).forget(lost)
        failed, most = failed + len(lost), config["max_failed"]
        if failed > ceil(most * images):
            manifest.unlink()  # so that another run fetches and crops them again
            raise BadInput(
                f"{failed:,} of {images:,} images ({failed / images:.1%}) could not be had or read,"
                f" over max_failed = {most:.1%}; {unreadable} lists the {len(lost):,} unreadable "
                f"ones; run again to fetch them anew; the last, {lost[-1]['path']}: "
                f"{lost[-1]['error']}"
            )


def images_of(shard: Path, manifest: Path) -> Iterator[tuple[dict, list[dict]]]:
    """Each image's entry in the manifest and its rows of the shard; both are in one order."""
    total = sum(1 for _ in rows(manifest))
    images = groupby(rows(shard), key=lambda row: row["image_id"])
    pairs = zip(images, rows(manifest), strict=True)
    for (image_id, boxes), entry in progress(pairs, f"crops {shard.stem}", "images", total):
        if entry["image_id"] != image_id:
            raise BadInput(f"{manifest}: not of {shard}; delete it and run again")
        yield entry, list(boxes)


if __name__ == "__main__":
    run_rule(crop_images, snakemake)

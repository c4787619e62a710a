"""A shard's images and boxes -> its crops, a table of them, and a table of what failed."""

import csv
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.memory import keep_memory
from stowaway.core.progress import progress
from stowaway.core.script import BadInput, run_rule
from stowaway.core.tables import rows
from stowaway.data.exact_copies import crop_checksum, photo_checksum
from stowaway.data.photos import Unusable, open_photo, read_photo, save_crop

COLUMNS = (
    "image_path crop_id species label event location datetime image_id crop_width crop_height "
    "photo_checksum crop_checksum"
).split()


def crop_images(
    shard: Path,
    manifest: Path,
    crops: Path,
    rejected: Path,
    folder: str,
    max_pixels: int,
    max_side: int | None,
) -> None:
    """Read and decode each image once for all its boxes. What fails is a row of `rejected`.

    `crop_width` and `crop_height` are the box's in the photo, also where `max_side` makes the crop
    smaller.
    """
    keep_memory()
    with replacing(crops) as usable, replacing(rejected) as refused:
        table = csv.DictWriter(usable, COLUMNS, extrasaction="ignore")
        table.writeheader()
        reject = csv.writer(refused)
        reject.writerow(["crop_id", "image_id", "reason"])
        for entry, boxes in images_of(shard, manifest):
            try:
                if entry["error"]:
                    raise Unusable(f"not downloaded: {entry['error']}")
                content = read_photo(entry["path"])
                sides = [tuple(int(row[side]) for side in "xywh") for row in boxes]
                photo = open_photo(content, max_pixels, listed_size(boxes[0]), sides, max_side)
            except Unusable as reason:
                reject.writerows([row["crop_id"], row["image_id"], reason] for row in boxes)
                continue
            of_photo = photo_checksum(content)
            for row, box in zip(boxes, sides, strict=True):
                path = Path(folder, row["crop_id"])
                try:
                    (_, _, width, height), crop = photo.cut(box)
                    save_crop(crop, path)
                except Unusable as reason:
                    reject.writerow([row["crop_id"], row["image_id"], reason])
                    continue
                row |= {"image_path": path, "crop_width": width, "crop_height": height}
                row |= {"photo_checksum": of_photo, "crop_checksum": crop_checksum(crop)}
                table.writerow(row)


def images_of(shard: Path, manifest: Path) -> Iterator[tuple[dict, list[dict]]]:
    """Each image's entry in the manifest and its rows of the shard; both are in one order."""
    total = sum(1 for _ in rows(manifest))
    images = groupby(rows(shard), key=lambda row: row["image_id"])
    pairs = zip(images, rows(manifest), strict=True)
    for (image_id, boxes), entry in progress(pairs, f"crops {shard.stem}", "images", total):
        if entry["image_id"] != image_id:
            raise BadInput(f"{manifest}: not of {shard}; delete it and run again")
        yield entry, list(boxes)


def listed_size(row: dict) -> tuple[int, int] | None:
    """The (width, height) that the annotations give the image, if they do."""
    return (int(row["width"]), int(row["height"])) if row["width"] and row["height"] else None


if __name__ == "__main__":
    run_rule(crop_images, snakemake)

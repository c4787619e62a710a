"""A shard's images and boxes -> its crops, a table of them, and a table of what failed."""

import csv
from itertools import groupby
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.memory import keep_memory
from stowaway.core.progress import progress
from stowaway.core.script import BadInput, rule_log
from stowaway.core.tables import rows
from stowaway.data.boxes import Unusable
from stowaway.data.photos import open_photo, save_crop

KEPT = "crop_id species label event location datetime image_id".split()
COLUMNS = ["image_path", *KEPT, "crop_width", "crop_height"]


def crop_images(
    shard: Path,
    manifest: Path,
    crops: Path,
    rejected: Path,
    folder: Path,
    max_pixels: int,
    max_side: int | None,
) -> None:
    """Decode each image once for all its boxes. A failed image or box is a row of `rejected`.

    `crop_width` and `crop_height` are the box's in the photo, also where `max_side` makes the crop
    smaller.
    """
    keep_memory()
    total = sum(1 for _ in rows(manifest))
    with replacing(crops) as good, replacing(rejected) as bad:
        writer = csv.DictWriter(good, COLUMNS)
        writer.writeheader()
        failed = csv.writer(bad)
        failed.writerow(["crop_id", "image_id", "reason"])
        images = groupby(rows(shard), key=lambda row: row["image_id"])
        both = zip(images, rows(manifest), strict=True)
        for (image_id, boxes), entry in progress(both, f"crops {shard.stem}", "images", total):
            boxes = list(boxes)
            if entry["image_id"] != image_id:
                raise BadInput(f"{manifest}: not of {shard}; delete it and run again")
            listed = boxes[0]["width"] and boxes[0]["height"]
            listed = (int(boxes[0]["width"]), int(boxes[0]["height"])) if listed else None
            try:
                if entry["error"]:
                    raise Unusable(f"not downloaded: {entry['error']}")
                sides = [tuple(int(row[side]) for side in "xywh") for row in boxes]
                photo = open_photo(entry["path"], max_pixels, listed, sides, max_side)
            except Unusable as reason:
                failed.writerows([row["crop_id"], image_id, reason] for row in boxes)
                continue
            for row, box in zip(boxes, sides, strict=True):
                path = folder / row["crop_id"]
                try:
                    box, crop = photo.cut(box)
                    save_crop(crop, path)
                except Unusable as reason:
                    failed.writerow([row["crop_id"], image_id, reason])
                    continue
                size = {"crop_width": box[2], "crop_height": box[3]}
                kept = {name: row[name] for name in KEPT}
                writer.writerow({"image_path": str(path)} | kept | size)


if __name__ == "__main__":
    with rule_log(snakemake.log[0]):
        crop_images(
            Path(snakemake.input.shard),
            Path(snakemake.input.manifest),
            Path(snakemake.output.crops),
            Path(snakemake.output.rejected),
            Path(snakemake.params.folder),
            snakemake.params.max_pixels,
            snakemake.params.max_side,
        )

"""MegaDetector results and the photos' first bytes -> when each was taken, and its size."""

import csv
from collections import Counter
from dataclasses import asdict
from functools import partial
from pathlib import Path

from stowaway.annotations.detections import photos_of, why_unread
from stowaway.annotations.json_file import Limits
from stowaway.core.files import replacing
from stowaway.core.names import why_unsafe
from stowaway.core.script import run_rule, say
from stowaway.download.counting import check_failed, counted
from stowaway.download.photo_heads import read_heads
from stowaway.download.sources import Sources

COLUMNS = "file_name datetime offset width height".split()


def read_photo_times(
    detections: Path,
    photo_times: Path,
    failures: str,
    connections: int,
    limits: dict,
    config: dict,
) -> None:
    """Write a row for each photo of the file, `connections` at a time; what is not known is blank.

    Raises `BadInput` when more than the share `max_failed` of the photos could not be had; they are
    in the table `failures` then. Files that the index refuses are not asked for.
    """
    images, counts, last = config["images"], Counter(), ""
    size = Limits(**limits)
    total = sum(1 for _ in _names(detections, size))
    most = config["limits"]["image_bytes"]
    opened = partial(Sources, images["source"], config["aws"], images["timeout"], most)
    heads = read_heads(_names(detections, size), opened, connections)
    with replacing(photo_times) as file, replacing(failures) as bad:
        good = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        lost = csv.DictWriter(bad, ["file_name", "status", "error"], extrasaction="ignore")
        good.writeheader()
        lost.writeheader()
        for head in counted(heads, counts, "times of photos", total):
            good.writerow(asdict(head))
            counts["timed"] += bool(head.datetime)
            if head.error:
                last = head.error
                lost.writerow(asdict(head))
                print(f"{head.status}: {head.file_name}: {head.error}")
        file.flush()
        bad.flush()
        say(
            f"photo times: {counts['timed']:,} of {total:,} photos have one in EXIF; "
            f"{counts['bytes'] / 1e6:,.1f} MB read; {counts['missing']:,} missing, "
            f"{counts['failed']:,} failed"
        )
    if not counts["missing"] + counts["failed"]:
        Path(failures).unlink()
    check_failed(counts, total, config["max_failed"], failures, last, "run again")


def _names(detections: Path, limits: Limits):
    """The files whose photos are read, in the file's order."""
    for name, entry in photos_of(detections, limits):
        if not why_unsafe(name) and not why_unread(entry):
            yield name


if __name__ == "__main__":
    run_rule(read_photo_times, snakemake)

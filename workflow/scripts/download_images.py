"""A shard's annotations -> its images in the store, and the manifest of what is there."""

import csv
import time
from collections import Counter
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.script import run_rule, say
from stowaway.data.photos import why_no_photo
from stowaway.download.counting import check_failed, counted
from stowaway.download.sources import Sources
from stowaway.download.store import Entry, Store, images_of

COLUMNS = [field.name for field in fields(Entry) if field.name != "fetched"]


def download_images(
    shard: Path,
    manifest: Path,
    failures: str,
    folder: str,
    journal: str,
    connections: int,
    config: dict,
) -> None:
    """Fetch what is not complete, `connections` at a time. A missing image is a row with its error.

    Raises `BadInput` when more than the share `max_failed` of the images could not be had; they are
    in the table `failures` then.
    """
    total = sum(1 for _ in images_of(shard))
    start, counts = time.monotonic(), Counter()
    images, max_failed = config["images"], config["max_failed"]
    store = Store(Path(folder), Path(journal), images["source"])
    most = config["limits"]["image_bytes"]
    source = images["source"], config["aws"], images["timeout"], most
    opened = partial(Sources, *source, check=why_no_photo)
    entries = store.fill(images_of(shard), opened, connections)
    last = ""
    with replacing(manifest) as file, replacing(failures) as bad:
        good, lost = (csv.DictWriter(f, COLUMNS, extrasaction="ignore") for f in (file, bad))
        good.writeheader()
        lost.writeheader()
        for entry in counted(entries, counts, f"images {shard.stem}", total):
            counts["fetched"] += entry.fetched
            good.writerow(asdict(entry))
            if entry.error:
                last = entry.error
                lost.writerow(asdict(entry))
                print(f"{entry.status}: {entry.file_name}: {entry.error}")
    failed = counts["missing"] + counts["failed"]
    seconds = max(time.monotonic() - start, 1e-3)
    say(
        f"images {shard.stem}: {total:,} in {seconds:,.1f} s, {counts['bytes'] / 1e6:,.1f} MB: "
        f"{counts['fetched']:,} fetched ({counts['fetched'] / seconds:,.0f}/s), "
        f"{counts['ok'] - counts['fetched']:,} were there, "
        f"{counts['missing']:,} missing, {counts['failed']:,} failed"
    )
    if not failed:
        Path(failures).unlink()
    again = "run again to try those alone"
    check_failed(counts, total, max_failed, failures, last, again)


if __name__ == "__main__":
    run_rule(download_images, snakemake)

"""A shard's annotations -> its images in the store, and the manifest of what is there."""

import csv
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.progress import progress
from stowaway.core.script import BadInput, run_rule, say
from stowaway.data.photos import why_no_photo
from stowaway.download.sources import Sources
from stowaway.download.store import Entry, Store, images_of

HOPELESS = 25  # images: if the first so many all fail, it is the source and not the images
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
        for entry in counted(entries, counts, shard.stem, total):
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
    if failed > math.ceil(max_failed * total):
        raise BadInput(
            f"{failed:,} of {total:,} images ({failed / total:.1%}) could not be had, over "
            f"max_failed = {max_failed:.1%}; {failures} lists them; run again to try those alone; "
            f"the last: {last}"
        )


def counted(entries: Iterable[Entry], counts: Counter, shard: str, total: int) -> Iterator[Entry]:
    """The entries, while `counts` and the progress are kept.

    Raises `BadInput` early where nothing can be had at all.
    """
    bar = progress(entries, f"images {shard}", "images", total)
    for done, entry in enumerate(bar, 1):
        counts[entry.status] += 1
        counts["bytes"] += entry.bytes
        counts["fetched"] += entry.fetched
        bar.set_postfix(failed=counts["missing"] + counts["failed"], refresh=False)
        if counts["failed"] == done == HOPELESS:
            raise BadInput(
                f"images.source: none of the first {done} images could be had; the last, "
                f"{entry.file_name}: {entry.error}"
            )
        yield entry


if __name__ == "__main__":
    run_rule(download_images, snakemake)

"""All shards -> how many images are to be fetched, and about how many bytes, before it starts."""

import math
import random
import shutil
import statistics
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.names import ADDRESSES, listed
from stowaway.core.script import run_rule, say
from stowaway.download.errors import Unavailable
from stowaway.download.sources import Sources
from stowaway.download.store import Entry, Store, images_of

SAMPLE = 100  # images whose size is asked for


def to_fetch(
    shards: list[Path], folder: Path, source: str | list[str]
) -> tuple[int, int, list[str]]:
    """How many images there are, how many of them are not in the store, and a sample of their keys.

    The sample is Vitter's algorithm R (1985), seeded.
    """
    draw = random.Random(1)
    total, missing, sample = 0, 0, []
    for shard in shards:
        store = Store(folder, folder / ".journal" / shard.name, source)
        for image_id, name, key in images_of(shard):
            total += 1
            if store.complete(Entry(image_id, name, str(folder / name)), key):
                continue
            missing += 1
            if len(sample) < SAMPLE:
                sample.append(key)
            elif (place := draw.randrange(missing)) < SAMPLE:
                sample[place] = key
    return total, missing, sample


def sizes(sources: Sources, keys: list[str], threads: int) -> tuple[list[int], Counter]:
    """Bytes of those objects of which the source tells, and why it does not tell of the others."""
    reasons = Counter()

    def size(key: str) -> int | None:
        try:
            return sources.size(key)
        except Unavailable as reason:
            reasons[str(reason)] += 1
            return None

    pool = ThreadPoolExecutor(threads)  # not in a `with`, which Ctrl-C would wait for
    return [found for found in pool.map(size, keys) if found is not None], reasons


def amount(missing: int, found: list[int], reasons: Counter) -> str:
    """About how many bytes, with twice the standard error; and why it is not known of some."""
    asked = len(found) + reasons.total()
    why = "".join(f"; {n} of {asked} are unknown: {r}" for r, n in reasons.most_common(1))
    if not found:
        return f"size unknown{why}"
    share = missing * len(found) / asked
    about = share * statistics.fmean(found)
    error = 2 * share * statistics.pstdev(found) / math.sqrt(len(found)) if missing > asked else 0
    return f"about {readable(about)} (± {readable(error)}){why}"


def readable(size: float) -> str:
    """Bytes in MB or GB."""
    return f"{size / 1e6:,.1f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"


def plan_download(
    shards: list[Path],
    plan: Path,
    folder: str,
    connections: int,
    config: dict,
) -> None:
    """Say and write the plan, with a warning where the disk has less room than that."""
    source, timeout = config["images"]["source"], config["images"]["timeout"]
    total, missing, sample = to_fetch(shards, Path(folder), source)
    line = f"images: {total:,}, of which {total - missing:,} are here; to fetch: {missing:,}"
    if missing:
        linked = not any(url.startswith(ADDRESSES) for url in listed(source))
        found, reasons = sizes(Sources(source, config["aws"], timeout, 0), sample, connections)
        line += ", " + amount(missing, found, reasons) + " (linked, not copied)" * linked
        free = shutil.disk_usage(folder).free
        if found and not linked and free < missing * statistics.fmean(found):
            line += f"; WARNING: only {readable(free)} of disk are free"
    say(line)
    with replacing(plan) as file:
        file.write(line + "\n")


if __name__ == "__main__":
    run_rule(plan_download, snakemake)

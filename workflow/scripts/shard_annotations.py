"""annotations.csv -> one table per shard, chosen by a hash of the image id."""

import csv
import hashlib
from contextlib import ExitStack
from pathlib import Path

from stowaway.core.files import reading, replacing
from stowaway.core.script import run_rule
from stowaway.core.tables import lines

OPEN_FILES = 200  # at once; a thousand shards take five passes


def shard_of(image_id: str, shards: int) -> int:
    """The image's shard, 0 .. shards - 1: the same on every machine, whatever else is added."""
    return int.from_bytes(hashlib.blake2b(image_id.encode(), digest_size=8).digest()) % shards


def shard_annotations(annotations: Path, shards: list[Path]) -> None:
    """Deal the rows out to these files, each image's boxes together and in their order."""
    for first in range(0, len(shards), OPEN_FILES):
        batch = shards[first : first + OPEN_FILES]
        with ExitStack() as stack:
            table = lines(annotations)
            header = next(table)
            writers = [csv.writer(stack.enter_context(replacing(path))) for path in batch]
            for writer in writers:
                writer.writerow(header)
            with reading(annotations):
                image = header.index("image_id")
            for row in table:
                shard = shard_of(row[image], len(shards)) - first
                if 0 <= shard < len(batch):
                    writers[shard].writerow(row)


if __name__ == "__main__":
    run_rule(shard_annotations, snakemake)

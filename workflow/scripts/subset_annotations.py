"""annotations.csv -> at most so many boxes of each species, by whole events drawn at random."""

import csv
import heapq
from hashlib import blake2b
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.script import run_rule
from stowaway.core.tables import rows


def rank(row: dict, seed: int) -> tuple[int, int]:
    """Where the box stands in the draw: by its event, then by itself; the same on every machine."""

    def draw(text: str) -> int:
        return int.from_bytes(blake2b(f"{seed}\n{text}".encode(), digest_size=8).digest())

    return draw(row["event"]), draw(row["crop_id"])


def subset_annotations(annotations: Path, subset: Path, per_species: int, seed: int) -> None:
    """Write the `per_species` lowest ranked boxes of each species; memory grows with those alone.

    An event is in the subset whole, but for one of each species that meets the cap.
    """
    drawn: dict[str, list] = {}  # heaps: the highest rank, negated, comes first
    total = 0
    for row in rows(annotations):
        total += 1
        heap = drawn.setdefault(row["species"], [])
        event, box = rank(row, seed)
        heapq.heappush(heap, (-event, -box))
        if len(heap) > per_species:
            heapq.heappop(heap)
    highest = {species: (-heap[0][0], -heap[0][1]) for species, heap in drawn.items()}
    with replacing(subset) as file:
        writer, boxes = None, 0
        for row in rows(annotations):
            if writer is None:
                writer = csv.DictWriter(file, row)
                writer.writeheader()
            if rank(row, seed) <= highest[row["species"]]:
                writer.writerow(row)
                boxes += 1
    print(f"{boxes} of {total} boxes of {len(drawn)} labels")


if __name__ == "__main__":
    run_rule(subset_annotations, snakemake)

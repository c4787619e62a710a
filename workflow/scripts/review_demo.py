"""The queue of a drawn batch and its truth -> a drawn reviewer's decisions, and the first find."""

from hashlib import sha256
from pathlib import Path

from stowaway.core.script import run_rule
from stowaway.core.tables import read_sheet, read_table, write_sheet
from stowaway.demo.reviewer import decide, first_find


def review_demo(
    queue: Path,
    labels: Path,
    truth: Path,
    decisions: Path,
    newcomer: Path,
    batch: str,
    natives: list[str],
) -> None:
    """Write a decision on each event of the queue that is shown; the same queue, the same bytes.

    The decision on the highest event of the `newcomer` is a file of its own too.
    """
    checksum = sha256(queue.read_bytes()).hexdigest()
    columns = "crop_id file_name x y crop_width crop_height".split()
    boxes = read_table(labels, columns).merge(read_table(truth), "left", ["file_name", "x", "y"])
    events = read_sheet(queue)
    events = events[events["sampled"] != ""].drop(columns="species").merge(boxes, "left", "crop_id")
    decided = decide(events, natives, batch, checksum)
    write_sheet(decided, decisions)
    write_sheet(first_find(decided), newcomer)


if __name__ == "__main__":
    run_rule(review_demo, snakemake)

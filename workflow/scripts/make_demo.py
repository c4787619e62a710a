"""Draw the demo island: synthetic camera-trap photos, and the COCO JSON Animl would export."""

from functools import partial
from multiprocessing import Pool
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.progress import progress
from stowaway.core.script import run_rule
from stowaway.demo.coco import write_coco
from stowaway.demo.plan import PERIODS, plan
from stowaway.demo.scenes import save_photo


def make_demo(
    coco: Path, truth: Path, images: str | Path, size: int, seed: int, period: int, threads: int
) -> None:
    """Draw `size` photos below `images`; the same size, seed and period give the same bytes.

    Their COCO JSON and the table `truth`, which says what stands in each box, are written beside.
    Each of the `threads` is a process.
    """
    with replacing(coco) as file, replacing(truth) as table, Pool(threads) as pool:
        frames = plan(size, seed, PERIODS[period])
        photos = pool.imap(partial(save_photo, Path(images)), frames, chunksize=8)
        write_coco(file, table, progress(photos, "drawing the island", "photos", size))
        # Leaving the block would end the workers by SIGTERM, which a worker can miss while it has
        # the handler that `rule_log` sets. So they end by themselves.
        pool.close()
        pool.join()


if __name__ == "__main__":
    run_rule(make_demo, snakemake)

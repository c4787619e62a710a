"""Draw the demo island: synthetic camera-trap photos, and the COCO JSON Animl would export."""

from functools import partial
from multiprocessing import Pool
from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.progress import progress
from stowaway.core.script import run_rule
from stowaway.demo.coco import write_coco
from stowaway.demo.plan import plan
from stowaway.demo.scenes import save_photo


def make_demo(coco: Path, images: str, size: int, seed: int, threads: int) -> None:
    """Draw `size` photos below `images` and write the COCO JSON; same size and seed, same bytes."""
    with replacing(coco) as file, Pool(threads) as pool:
        photos = pool.imap(partial(save_photo, Path(images)), plan(size, seed), chunksize=8)
        write_coco(file, progress(photos, "drawing the island", "photos", size))
        # Leaving the block would end the workers by SIGTERM, which a worker can miss while it has
        # the handler that `rule_log` sets. So they end by themselves.
        pool.close()
        pool.join()


if __name__ == "__main__":
    run_rule(make_demo, snakemake)

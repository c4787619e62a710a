"""A cropped shard's images -> deleted. Only what the manifest lists goes; links go, not targets."""

from pathlib import Path

from stowaway.core.files import replacing
from stowaway.core.script import run_rule
from stowaway.core.tables import rows


def drop_images(manifest: Path, done: Path) -> None:
    """Delete the shard's images; `done` says how many. May be repeated where it was stopped.

    One that the file system does not let go stays, and is printed.
    """
    dropped = kept = 0
    for entry in rows(manifest):
        if not entry["error"]:
            try:
                Path(entry["path"]).unlink(missing_ok=True)
                dropped += 1
            except OSError as error:
                kept += 1
                print(f"not deleted: {entry['path']}: {error.strerror}")
    with replacing(done) as file:
        file.write(f"{dropped} images were deleted once cropped; {kept} could not be\n")


if __name__ == "__main__":
    run_rule(drop_images, snakemake)

"""Write files whole or not at all, read own ones that may be damaged, remove temporary ones."""

import csv
import errno
import os
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from errno import EACCES, EINVAL, ENOSYS, EOPNOTSUPP, EPERM
from pathlib import Path
from pickle import UnpicklingError
from tokenize import TokenError
from typing import IO, TYPE_CHECKING
from zipfile import BadZipFile

from stowaway.core.script import BadInput, naming_full_disk

if TYPE_CHECKING:
    from numpy.typing import NDArray


# The rule that makes a file of `results/<name>/`; the first pattern that fits its path counts.
MADE_BY = {
    "island/truth.csv": "make_demo",
    "island/decisions.csv": "review_demo",
    "island/first_find.csv": "review_demo",
    "annotations.csv": "index_annotations",
    "rejected.csv": "index_annotations",
    "camera_days.csv": "index_annotations",
    "index_facts.json": "index_annotations",
    "people.csv": "index_annotations",
    "photo_times.csv": "read_photo_times",
    "subset.csv": "subset_annotations",
    "shards/*.csv": "shard_annotations",
    "splits.csv": "split_annotations",
    "manifests/*.csv": "download_images",
    "crop_tables/*.csv": "crop_images",
    "labels.csv": "gather_labels",
    "rejected_crops.csv": "gather_labels",
    "packed/*.npy": "pack_crops",
    "shortcuts.csv": "measure_shortcuts",
    "models/*.pt": "train_detector",
    "models/*.history.csv": "train_detector",
    "folds/*/*/scores.csv": "score_fold",
    "folds/*/*/example_scores.csv": "score_examples",
    "folds/*/*/learning_scores.csv": "score_learning_curve",
    "scores.csv": "score_batch",
    "scores/*.csv": "score_crops",
    "features.npy": "extract_features",
    "features.json": "extract_features",
    "models.npz": "export_models",
    "models.json": "export_models",
    "feature_detectors.npz": "fit_detectors",
    "reconstructions/*.npz": "reconstruct_crops",
    "evaluation/*/examples*.csv": "evaluate_examples",
    "evaluation/*/learning_curve.csv": "evaluate_learning_curve",
    "evaluation/*/*.csv": "evaluate_folds",
    "original_rules.csv": "apply_original_rules",
    "threshold_curves.csv": "apply_original_rules",
    "queue.csv": "export_queue",
    "suppressed.csv": "export_queue",
    "examples.npz": "gather_examples",
    "watch.npz": "fit_watch_list",
    "label_check.csv": "check_labels",
    "cross_scores.csv": "check_labels",
    "explanations.npz": "explain_queue",
    "exports/megadetector.json": "export_megadetector",
    "exports/camtrap_dp/*": "export_camtrap_dp",
    "exports/coco.json": "export_coco",
    "queues/*.csv": "write_review_page",
    "decisions.csv": "read_decisions",
    "conflicts.csv": "read_decisions",
    "reviewed.csv": "read_decisions",
    "decided_crops.csv": "read_decisions",
    "performance.csv": "measure_performance",
    "effort.csv": "measure_performance",
    "tsne/*/components.npz": "encode_crops",
    "tsne/*/axes.npz": "encode_crops",
    "tsne/*/others.npz": "encode_others",
    "tsne/*/*.placed.csv": "place_crops",
    "tsne/*/*.csv": "embed_crops",
    "*.jpg": "crop_images",
}

# What the readers of NumPy, torch, Pillow, csv and pandas raise on bytes that are damaged.
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,  # UnicodeDecodeError and pandas' errors too
    LookupError,
    OverflowError,
    MemoryError,  # a header that claims a giant array
    RuntimeError,
    TokenError,
    BadZipFile,
    UnpicklingError,
    csv.Error,
    zlib.error,
)


class Damaged(Exception):
    """A file of our own is damaged; the message says in a few words how. See `reading`."""


@contextmanager
def reading(path: Path | str, remedy: str = "") -> Iterator[None]:
    """Turn what a damaged file raises in the block into one line: the file, the rule to force.

    What to do about it, if not that, is the `remedy`. The block reads a file that this workflow
    wrote, checks it, raising `Damaged`, and does nothing else. A library's own words are left out:
    some advise to trust the file and to load it anyway.
    """
    try:
        yield
    except Damaged as error:
        raise BadInput(damaged(path, str(error), remedy)) from None
    except UNREADABLE as error:
        why = "it is cut short, or holds something else"
        if not Path(path).is_file():
            why = "it is no file"
        elif isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            why = f"it cannot be read: {error.strerror}"
        elif Path(path).stat().st_size == 0:
            why = "it is empty"
        raise BadInput(damaged(path, why, remedy)) from None


def damaged(path: Path | str, why: str, remedy: str = "") -> str:
    """The line that names a damaged file, `why` it is that, and the rule to force."""
    if not remedy:
        rule = next((rule for name, rule in MADE_BY.items() if Path(path).match(name)), None)
        remedy = f"run again with --forcerun {rule}" if rule else "delete it, run again"
    return f"{path}: damaged ({why}); {remedy}"


def read_arrays(
    path: Path | str, finite: bool = False, one_length: bool = False, remedy: str = ""
) -> dict[str, "NDArray"]:
    """The arrays of an .npz of this workflow.

    Raises `BadInput` for a damaged file, pickled objects, where one that is asked for is missing,
    and, as asked for, where floats are not `finite` or arrays not of `one_length`; for the `remedy`
    see `reading`.
    """
    import numpy as np  # imported here: most scripts that write files need it not

    class Arrays(dict):
        def __missing__(self, name: str) -> None:
            raise BadInput(damaged(path, f"it has no {name}", remedy))

    with reading(path, remedy), open(path, "rb") as file:
        arrays = Arrays(np.lib.npyio.NpzFile(file).items())
        if one_length and len({len(array) for array in arrays.values()}) != 1:
            raise Damaged("its arrays are not of one length")
        for name, array in arrays.items():
            if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
                raise Damaged(f"{name} has values that are not finite")
    return arrays


NO_LINKS = (EPERM, EACCES, EINVAL, ENOSYS, EOPNOTSUPP)  # what file systems without them answer


@contextmanager
def replacing(
    path: Path | str,
    mode: str = "w",
    temporary: Path | str | None = None,
    buffering: int = -1,
    sync: bool = True,
) -> Iterator[IO]:
    """Open a temporary file beside `path`; rename it to `path` when the block ends without error.

    No reader ever sees half a file. When the block fails, the old file at `path` stays; where it
    fails because the disk is full, `DiskFull` is raised. A killed process leaves its temporary file
    behind, unless the caller names one `temporary` for all times, which the next run overwrites;
    only one process at a time may then write `path`. With `sync`, the bytes are on the disk before
    the new name is, so that a power cut leaves no empty file either. Photos and crops do without:
    it doubles to quintuples the time of a small file (0.2 ms without, 0.5 to 1 ms with, on an SSD),
    and both are checked where they are read, by their size and by decoding, and made again.
    """
    if not temporary:
        temporary = Path(path).with_name(f".{Path(path).name}.{os.getpid()}.part")
    text = {} if "b" in mode else {"newline": "", "encoding": "utf-8"}
    try:
        with naming_full_disk(Path(path).parent):
            with _fresh(temporary, mode.replace("w", "x"), buffering, **text) as file:
                yield file
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _fresh(path: Path | str, mode: str, buffering: int, **text: str) -> IO:
    """Create and open a file; one that exists, or a link there, is deleted first."""
    try:
        return open(path, mode, buffering, **text)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        Path(path).unlink()
    return open(path, mode, buffering, **text)


@contextmanager
def temporary_database(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """An SQLite file at `path` for as long as the block lasts: for what memory should not hold."""
    path.unlink(missing_ok=True)
    try:
        with naming_full_disk(path.parent), closing(sqlite3.connect(path)) as db:
            db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + schema)
            yield db
    finally:
        path.unlink(missing_ok=True)


def overlap(one: Path | str, other: Path | str) -> bool:
    """Whether `one` is a folder that is, holds or lies in the folder `other`, by any links."""
    one, other = Path(one).resolve(), Path(other).resolve()
    # `Path.is_dir` would raise in a folder that cannot be read
    within = one in (other, *other.parents) or other in one.parents
    return within and os.path.isdir(one)  # noqa: PTH112


def files_in(entries: list[str], suffixes: tuple[str, ...], key: str) -> list[str]:
    """The files that the config's `key` lists: itself, or of a folder those with such a suffix.

    Folders are not searched below, and their hidden files are left out; each file stands once.
    Raises `BadInput` where an entry is not there, or has { or } in its name, as wildcards have.
    """
    files = []
    for path in map(Path, entries):
        if not path.exists():
            raise BadInput(f"{key}: there is no file or folder {path}; take it out, or bring it")
        inside = sorted(path.iterdir()) if path.is_dir() else []
        files += [str(f) for f in inside if f.suffix.lower() in suffixes and f.name[0] != "."]
        files += [] if path.is_dir() else [str(path)]
    if odd := [file for file in files if "{" in file or "}" in file]:
        raise BadInput(f"{key}: {odd[0]} has a {{ or }} in its name; rename it")
    return list(dict.fromkeys(files))


def link_or_copy(file: Path, target: Path) -> bool:
    """Make `target` a symbolic link to `file`, whatever file lies there; True where that is done.

    Where the file system has no such links, `target` is a copy.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.symlink(file, target)
        return True
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
    part = target.with_name(f".{target.name}.part")
    with open(file, "rb") as content, replacing(target, "wb", part, sync=False) as copy:
        shutil.copyfileobj(content, copy)
    return False

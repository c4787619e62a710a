"""Files that are whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(
    path: Path | str, mode: str = "w", temporary: Path | str | None = None, buffering: int = -1
) -> Iterator[IO]:
    """Open a temporary file beside `path` and rename it to `path` once the block ends well.

    Nobody ever sees half a file; when the block fails, what was at `path` is still there. Where no
    other process writes `path`, the same `temporary` each time leaves no rest of a killed one.
    """
    if not temporary:
        temporary = Path(path).with_name(f".{Path(path).name}.{os.getpid()}.part")
    text = {} if "b" in mode else {"newline": "", "encoding": "utf-8"}
    try:
        with _fresh(temporary, mode.replace("w", "x"), buffering, **text) as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _fresh(path: Path | str, mode: str, buffering: int, **text: str) -> IO:
    """Open a file that is not there yet, at the cost of one call; a link is not followed."""
    try:
        return open(path, mode, buffering, **text)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        Path(path).unlink()
    return open(path, mode, buffering, **text)

"""How a rule's script runs: its log, its one-line errors, its progress, its atomic writes."""

import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_terminal: IO[str] | None = None  # the real stderr, while `rule_log` holds the file descriptor


class BadInput(Exception):
    """Something the user can mend. The message is one line: what, where, what to do."""


@contextmanager
def rule_log(path: str) -> Iterator[None]:
    """Send everything printed in the block, by C libraries and workers too, to the log at `path`.

    A `BadInput` also reaches the terminal as one line, and so does the last line of any other
    traceback; either ends the script with exit status 1.
    """
    global _terminal
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    _terminal = os.fdopen(os.dup(2), "w")
    with open(path, "w") as log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.stdout.reconfigure(line_buffering=True)
    try:
        yield
    except BadInput as error:
        _fail(f"stowaway: {error}")
    except Exception as error:
        traceback.print_exc()
        _fail(f"stowaway: {type(error).__name__}: {error} (traceback in {path})")


def _fail(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
    print(line, file=_terminal, flush=True)
    sys.exit(1)


class _Lines:
    """A file for tqdm that turns its carriage returns into lines, for logs."""

    def write(self, text: str) -> None:
        if text := text.strip("\r\n "):
            print(text, file=sys.stderr, flush=True)

    def flush(self) -> None:
        pass


def progress(items: Iterable, what: str, unit: str, total: int | None = None) -> Iterable:
    """Iterate over `items` with done / total, rate and time left.

    A bar on a terminal; a line every ten seconds in a log. `total` is needed for an iterator.
    """
    from tqdm import tqdm  # here, so that scripts without progress do not pay for it

    live = _terminal is not None and _terminal.isatty()
    return tqdm(
        items,
        total=total,
        desc=what,
        unit=f" {unit}",
        file=_terminal if live else _Lines(),
        mininterval=0.2 if live else 10,
        ncols=None if live else 90,
        leave=not live,
    )


@contextmanager
def replacing(path: Path | str, mode: str = "w") -> Iterator[IO]:
    """Open a temporary file beside `path` and rename it to `path` once the block ends well.

    Nobody ever sees half a file; when the block fails, what was at `path` is still there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    text = {} if "b" in mode else {"newline": "", "encoding": "utf-8"}
    try:
        with open(temporary, mode, **text) as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

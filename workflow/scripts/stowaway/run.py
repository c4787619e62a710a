"""How a rule's script runs: its log, its one-line errors, its progress, its atomic writes."""

import os
import signal
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
    traceback; either ends the script with exit status 1. Ctrl-C and SIGTERM end it at once, without
    waiting for threads: all that is written here is whole or not there.
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
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        say("stowaway: stopped; run again to go on")
        os._exit(128 + signal.SIGINT)
    except BadInput as error:
        _fail(f"stowaway: {error}")
    except Exception as error:
        traceback.print_exc()
        _fail(f"stowaway: {type(error).__name__}: {error} (traceback in {path})")


def _interrupt(number: int, frame: object) -> None:
    """SIGTERM does what Ctrl-C does, also in an event loop, which must not be torn anywhere."""
    end_soon()
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def end_soon() -> None:
    """Let the system end this process in 1.5 s, should its own end wait, as for a name's lookup."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 1.5)


def say(line: str) -> None:
    """Print a line that a person waits for: to the log and to the terminal."""
    print(line, file=sys.stderr, flush=True)
    if _terminal:
        print(line, file=_terminal, flush=True)


def _fail(line: str) -> None:
    say(line)
    sys.exit(1)


class _Lines:
    """A file for tqdm that turns its carriage returns into lines.

    Several jobs share a terminal, where a bar of each would overwrite the others'.
    """

    def write(self, text: str) -> None:
        if text := text.strip("\r\n "):
            say(text) if _terminal and _terminal.isatty() else print(text, file=sys.stderr)

    def flush(self) -> None:
        sys.stderr.flush()


def progress(items: Iterable, what: str, unit: str, total: int | None = None):
    """Iterate over `items` with a line of done / total, rate and time left every ten seconds.

    In the log, and on the terminal if there is one. `total` is needed for an iterator. What is
    returned is a tqdm, whose `set_postfix` adds to the line.
    """
    from tqdm import tqdm  # here, so that scripts without progress do not pay for it

    return tqdm(
        items,
        total=total,
        desc=what,
        unit=f" {unit}",
        file=_Lines(),
        mininterval=10,
        bar_format="{desc}: {n_fmt} / {total_fmt} ({percentage:.0f} %), {rate_fmt}, "
        "{remaining} left{postfix}",
    )


@contextmanager
def replacing(
    path: Path | str, mode: str = "w", temporary: Path | None = None, buffering: int = -1
) -> Iterator[IO]:
    """Open a temporary file beside `path` and rename it to `path` once the block ends well.

    Nobody ever sees half a file; when the block fails, what was at `path` is still there. Where no
    other process writes `path`, the same `temporary` each time leaves no rest of a killed one.
    """
    path = Path(path)
    temporary = temporary or path.with_name(f".{path.name}.{os.getpid()}.part")
    text = {} if "b" in mode else {"newline": "", "encoding": "utf-8"}
    try:
        with _fresh(temporary, mode.replace("w", "x"), buffering, **text) as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _fresh(path: Path, mode: str, buffering: int, **text: str) -> IO:
    """Open a file that is not there yet, at the cost of one call; a link is not followed."""
    try:
        return open(path, mode, buffering, **text)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        path.unlink()
    return open(path, mode, buffering, **text)

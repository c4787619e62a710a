"""How a rule's script runs: its log, its one-line errors, and how it ends when it is stopped."""

import os
import signal
import sys
import traceback
from collections.abc import Iterator
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


def on_terminal() -> bool:
    """Whether a person watches: whether the script was started from a terminal."""
    return bool(_terminal and _terminal.isatty())


def _fail(line: str) -> None:
    say(line)
    end_soon()
    sys.exit(1)

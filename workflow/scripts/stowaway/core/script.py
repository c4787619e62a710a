"""The frame of a rule's script: its log, its one-line errors, and a quick end when stopped."""

import os
import signal
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import IO, Any

_terminal: IO[str] | None = None  # the real stderr, once `rule_log` has redirected it


class BadInput(Exception):
    """An error that the user can fix. The message is one line: what, where, what to do."""


def run_rule(function: Callable, snakemake: Any) -> None:
    """Call a script's function with what its rule has of the names of its parameters.

    Named inputs and outputs come as `Path`, or as a list of them where the rule lists several or
    none; params, wildcards, resources, `threads` and `config` as they are. A function takes the
    config only for what may be secret or changes no result: Snakemake notes params down, and runs
    a rule again for them. Everything printed goes to the rule's log. Raises `TypeError` where the
    rule lacks a parameter that has no default.
    """
    values = {"threads": snakemake.threads, "config": snakemake.config}
    values |= {**snakemake.resources, **snakemake.wildcards, **snakemake.params}
    for files in (snakemake.input, snakemake.output):
        for name, value in files.items():
            values[name] = Path(value) if isinstance(value, str) else [Path(file) for file in value]
    wanted = signature(function).parameters
    with rule_log(snakemake.log[0]):
        function(**{name: values[name] for name in wanted if name in values})


@contextmanager
def rule_log(path: str) -> Iterator[None]:
    """Send everything that is printed in the block to the log at `path`.

    That includes the output of C libraries and worker processes. An error ends the script with exit
    status 1 and one line on the terminal; the traceback of anything but `BadInput` is in the log.
    Ctrl-C and SIGTERM end the script at once, without waiting for threads. That is safe, since
    files are written whole or not at all (`replacing`).
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
    """Handle SIGTERM as Ctrl-C, through the handler that an event loop may have set for it."""
    end_soon()
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def end_soon() -> None:
    """Have the system end this process in 1.5 s if it still waits then, as for a DNS lookup."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 1.5)


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def say(line: str) -> None:
    """Print a line to the log and to the terminal, with control characters as escapes."""
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")  # they move the cursor, or turn the direction of text
    line = "".join(repr(c)[1:-1] if unicodedata.category(c) in hidden else c for c in line)
    print(line, file=sys.stderr, flush=True)
    if _terminal:
        print(line, file=_terminal, flush=True)


def on_terminal() -> bool:
    """Whether the script was started from a terminal."""
    return bool(_terminal and _terminal.isatty())


def _fail(line: str) -> None:
    say(line)
    end_soon()
    sys.exit(1)

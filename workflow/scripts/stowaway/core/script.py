"""The frame of a rule's script: its log, its one-line errors, and a quick end when stopped."""

import errno
import os
import re
import signal
import sqlite3
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from inspect import signature
from pathlib import Path
from typing import IO, Any

_terminal: IO[str] | None = None  # the real stderr, once `rule_log` has redirected it


# What libraries say of a full disk where no errno of the system is left: SQLite, torch, NumPy.
FULL = re.compile(
    r"disk is full|unexpected pos \d|PytorchStreamWriter failed|iostream error|"
    r"Not enough free space to write|requested and \d+ written"
)


class BadInput(Exception):
    """An error that the user can fix. The message is one line: what, where, what to do."""


class DiskFull(BadInput):
    """A disk, or the user's share of it, is full; `naming_full_disk` raises it."""


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
    try:
        with naming_full_disk(Path(path).parent):
            _redirect(path)
            yield
    except KeyboardInterrupt:
        say("stowaway: stopped; run again to go on")
        os._exit(128 + signal.SIGINT)
    except BadInput as error:
        _fail(f"stowaway: {error}")
    except Exception as error:
        line = f"stowaway: {type(error).__name__}: {first_line(error)} (traceback in {path})"
        _fail(line, traceback.format_exc())


@contextmanager
def naming_full_disk(folder: Path | str) -> Iterator[None]:
    """Raise `DiskFull` that names `folder` where the block fails because the disk is full."""
    try:
        yield
    except DiskFull:
        raise  # it names the folder already
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise disk_full(folder) from error


def disk_full(folder: Path | str) -> DiskFull:
    """The error that says so of the disk that `folder` is on."""
    return DiskFull(f"{folder}: the disk is full; free some, run again")


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a full disk or quota is behind the error, whatever a library made of it."""
    codes, texts = set(), []
    while error:
        codes.add(getattr(error, "errno", None))
        if isinstance(error, OSError | RuntimeError | sqlite3.Error):
            texts.append(str(error))
        error = error.__cause__ or error.__context__
    if codes == {None}:
        return any(FULL.search(text) for text in texts)
    return not codes.isdisjoint({errno.ENOSPC, errno.EDQUOT})


def _redirect(path: str) -> None:
    """Send standard output and error to the log, and keep the terminal for `say`."""
    global _terminal
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as log:
        _terminal = os.fdopen(os.dup(2), "w", errors="backslashreplace")
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, _interrupt)


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
    """Print a line to the terminal and to the log, which a full disk may refuse.

    Control characters are shown as escapes: they move the cursor, or turn the direction of text.
    """
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")
    line = "".join(repr(c)[1:-1] if unicodedata.category(c) in hidden else c for c in line)
    if _terminal:
        with suppress(OSError):
            print(line, file=_terminal, flush=True)
    _log(line)


def _log(text: str = "") -> None:
    """Print to the log; what it cannot take, buffered output too, is given up."""
    try:
        sys.stdout.flush()
        print(text, file=sys.stderr, end="\n" if text else "", flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)


def on_terminal() -> bool:
    """Whether the script was started from a terminal."""
    return bool(_terminal and _terminal.isatty())


def _fail(line: str, details: str = "") -> None:
    say(line)
    _log(details)
    end_soon()
    sys.exit(1)

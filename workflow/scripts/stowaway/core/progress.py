"""A line of progress every ten seconds, with rate and time left."""

import sys
from collections.abc import Iterable

from stowaway.core.script import on_terminal, say


class _Lines:
    """A file for tqdm that turns its carriage returns into lines.

    Several jobs share a terminal, where a bar of each would overwrite the others'.
    """

    def write(self, text: str) -> None:
        if text := text.strip("\r\n "):
            say(text) if on_terminal() else print(text, file=sys.stderr)

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

"""Progress of long loops: a line every ten seconds, with rate and time left."""

import sys
from collections.abc import Iterable

from stowaway.core.script import on_terminal, say


class _LineWriter:
    """A file for tqdm that writes a line where tqdm redraws its bar.

    Several jobs share a terminal, where their bars would overwrite each other.
    """

    def write(self, text: str) -> None:
        if text := text.strip("\r\n "):
            say(text) if on_terminal() else print(text, file=sys.stderr)

    def flush(self) -> None:
        sys.stderr.flush()


def progress(items: Iterable, what: str, unit: str, total: int | None = None):
    """Iterate over `items`; print done / total, rate and time left every ten seconds.

    The line goes to the log, and to the terminal if there is one. An iterator without a length
    needs `total`. Returns a tqdm object, whose `set_postfix` adds to the line.
    """
    from tqdm import tqdm  # imported here: most scripts do not need it

    return tqdm(
        items,
        total=total,
        desc=what,
        unit=f" {unit}",
        file=_LineWriter(),
        mininterval=10,
        bar_format="{desc}: {n_fmt} / {total_fmt} ({percentage:.0f} %), {rate_fmt}, "
        "{remaining} left{postfix}",
    )

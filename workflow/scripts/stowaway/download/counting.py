"""How many photos could be had: counted as they come, and the end of a run that lost too many."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from stowaway.core.progress import progress
from stowaway.core.script import BadInput

HOPELESS = 25  # images: if the first so many all fail, it is the source and not the images


class Result(Protocol):
    """What became of one photo: `status` is ok, missing or failed."""

    file_name: str
    status: str
    error: str
    bytes: int


Some = TypeVar("Some", bound=Result)


def counted(results: Iterable[Some], counts: Counter, what: str, total: int) -> Iterator[Some]:
    """The results, while `counts` and the progress of `what` are kept.

    Raises `BadInput` early where nothing can be had at all.
    """
    bar = progress(results, what, "images", total)
    for done, result in enumerate(bar, 1):
        counts[result.status] += 1
        counts["bytes"] += result.bytes
        bar.set_postfix(failed=counts["missing"] + counts["failed"], refresh=False)
        if counts["failed"] == done == HOPELESS:
            raise BadInput(
                f"images.source: none of the first {done} images could be had; the last, "
                f"{result.file_name}: {result.error}"
            )
        yield result


def check_failed(
    counts: Counter, total: int, most: float, failures: str, last: str, again: str
) -> None:
    """Raise `BadInput` where more than the share `most` of the images could not be had.

    `failures` names the table that lists them, `last` is the last error, `again` what to do.
    """
    failed = counts["missing"] + counts["failed"]
    if failed > math.ceil(most * total):
        raise BadInput(
            f"{failed:,} of {total:,} images ({failed / total:.1%}) could not be had, over "
            f"max_failed = {most:.1%}; {failures} lists them; {again}; "
            f"the last: {last}"
        )

"""Many things at a time in an event loop, for a caller that has none, in order."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from stowaway.core.script import end_soon

T = TypeVar("T")


def in_order(jobs: Iterable[T | Coroutine], most: int, close: Callable) -> Iterator[T]:
    """The results of `jobs` in their order; a job is a coroutine, or a result that was there.

    At most `most` are begun and not yet yielded. What one of them raises is raised at once; then,
    and at the end, the others are cancelled and `close` is called, within the loop's life.
    """
    pending: deque[T | asyncio.Task] = deque()
    with asyncio.Runner() as runner:
        start = runner.get_loop().create_task
        try:
            for job in jobs:
                pending.append(start(job) if asyncio.iscoroutine(job) else job)
                if len(pending) >= most:
                    yield from _first(pending, runner)
            while pending:
                yield from _first(pending, runner)
        except KeyboardInterrupt:
            end_soon()
            raise
        finally:
            runner.run(_cancel(pending))
            close()


def _is_task(job: object) -> bool:
    return isinstance(job, asyncio.Task)


def _first(pending: deque, runner: asyncio.Runner) -> Iterator:
    """Those that stand first and are done; waits until about half are."""
    tasks = list(filter(_is_task, islice(pending, len(pending) // 2 + 1)))
    if tasks:
        runner.run(_wait(tasks))
    while pending and (not _is_task(pending[0]) or pending[0].done()):
        job = pending.popleft()
        yield job.result() if _is_task(job) else job


async def _wait(tasks: list[asyncio.Task]) -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()  # raises what ends the run


async def _cancel(pending: Iterable) -> None:
    tasks = list(filter(_is_task, pending))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""How fast to ask: fewer requests at a time when a server is overloaded, more when it is not."""

import asyncio
import random
from collections import deque

TRIES = 6  # of one object
LEAST = 4  # requests at a time, even to a server that turns many down
FIRST, MOST = 0.25, 20.0  # seconds: the longest first pause, and the longest of all


def pause(tried: int, asked: float = 0) -> float:
    """Seconds to wait after `tried` tries: exponential backoff with full jitter.

    As in Brooker, Exponential Backoff and Jitter, AWS Architecture Blog 2015; at least what the
    server `asked` for, up to a minute.
    """
    jitter = random.uniform(0, min(MOST, FIRST * 2 ** (tried - 1)))
    return max(jitter, min(asked, 60))


class Pace:
    """Lets at most `limit` requests run at a time: fewer when some are throttled.

    A throttled request takes 30 % off the limit, at most once in as many requests as then were
    running, and not below `LEAST`. Requests that go well bring it back to where it was, then add
    1 / limit each, up to `most`: the shape of TCP's CUBIC (Ha, Rhee and Xu 2008), which a few
    chance refusals do not slow down for long.
    """

    def __init__(self, most: int) -> None:
        self.most, self.limit = most, float(most)
        self._before = self.limit  # the last throttled request
        self._running, self._spared = 0, 0
        self._waiting: deque[asyncio.Future] = deque()

    async def __aenter__(self) -> None:
        """Wait for a turn, and take it for the block."""
        if self._running < self.limit:
            self._running += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given in the same moment
                self._running -= 1
            raise

    async def __aexit__(self, *error: object) -> None:
        self._running -= 1
        self._spared -= 1
        self._wake()

    def went_well(self) -> None:
        """A request was answered."""
        if self.limit < self.most:
            step = 1 if self.limit < self._before else 1 / self.limit
            self.limit = min(self.most, self.limit + step)
            self._wake()

    def throttled(self) -> None:
        """A request was turned down for there being too many."""
        if self._spared <= 0:
            self._spared = self._running
            self._before = self.limit
            self.limit = max(min(LEAST, self.most), self.limit * 0.7)

    def _wake(self) -> None:
        while self._waiting and self._running < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._running += 1
                turn.set_result(None)

"""How fast to ask: fewer requests at a time when a server is overloaded, more when it is not."""

import asyncio
import random
import time
from collections import deque

TRIES = 6  # of one object
LEAST = 4  # requests at a time, even to a server that turns many down
SHORT, PATIENCE = 0.05, 600.0  # seconds of all requests' first rest, and without any answer at all
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
    running, and not below `LEAST`; from there on all requests rest, twice as long each time.
    Requests that go well bring the limit back to where it was, then add 1 / limit each, up to
    `most`: the shape of TCP's CUBIC (Ha, Rhee and Xu 2008), which a few chance refusals do not slow
    down for long.
    """

    def __init__(self, most: int) -> None:
        self.most, self.limit = most, float(most)
        self._before = self.limit  # the last throttled request
        self._running, self._spared = 0, 0
        self._waiting: deque[asyncio.Future] = deque()
        self._rest, self._resting_until, self._answered = 0.0, 0.0, time.monotonic()

    @property
    def given_up(self) -> bool:
        """Whether the server has not answered a single request for long."""
        return time.monotonic() - self._answered > PATIENCE

    async def __aenter__(self) -> None:
        """Wait for a turn, and take it for the block."""
        if self._running < self.limit:
            self._running += 1
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # it was given in the same moment
                    self._running -= 1
                raise
        if (rest := self._resting_until - time.monotonic()) > 0:
            try:
                await asyncio.sleep(rest)
            except asyncio.CancelledError:
                self._running -= 1
                raise

    async def __aexit__(self, *error: object) -> None:
        self._running -= 1
        self._spared -= 1
        self._wake()

    def went_well(self) -> None:
        """A request was answered."""
        self._answered = time.monotonic()
        self._rest *= 0.7
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
            if self.limit <= LEAST:
                self._rest = min(MOST, max(SHORT, 2 * self._rest))
                self._resting_until = time.monotonic() + self._rest

    def _wake(self) -> None:
        while self._waiting and self._running < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._running += 1
                turn.set_result(None)

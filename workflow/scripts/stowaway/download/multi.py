"""libcurl's transfers in asyncio's loop: thousands at a time without a thread each."""

import asyncio
import time

import pycurl

READ, WRITE = 1, 2
WANTED = {
    pycurl.POLL_IN: READ,
    pycurl.POLL_OUT: WRITE,
    pycurl.POLL_INOUT: READ | WRITE,
    pycurl.POLL_REMOVE: 0,
}


class Multi:
    """libcurl tells which sockets and timeouts it waits for, the loop tells libcurl of them.

    As in libcurl's manual of the multi_socket interface. A transfer of which nothing comes for
    `timeout` seconds is ended; libcurl's own low speed limit takes several times as long to see it.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._watched: dict[int, int] = {}
        self._running: dict[pycurl.Curl, asyncio.Future] = {}
        self._last: dict[pycurl.Curl, float] = {}  # when something came
        self._timer: asyncio.TimerHandle | None = None
        self._patrol: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def perform(self, curl: pycurl.Curl) -> int:
        """Run the transfer; returns libcurl's error code, 0 if it went well."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._find_stalled()
        self._running[curl] = ended = self._loop.create_future()
        self.touch(curl)
        self._multi.add_handle(curl)
        self._act(pycurl.SOCKET_TIMEOUT, 0)  # at once, not after all that waits in the loop
        try:
            return await ended
        finally:
            self._end(curl, pycurl.E_OK)

    def touch(self, curl: pycurl.Curl) -> None:
        """Something came for this transfer."""
        self._last[curl] = time.monotonic()

    def close(self) -> None:
        """End all transfers and connections."""
        for handle in (self._timer, self._patrol):
            if handle:
                handle.cancel()
        for curl in list(self._running):
            self._end(curl, pycurl.E_OK)
        self._multi.close()

    def _end(self, curl: pycurl.Curl, error: int) -> None:
        """Take the transfer out and wake who waits for it."""
        if ended := self._running.pop(curl, None):
            del self._last[curl]
            self._multi.remove_handle(curl)
            if not ended.done():
                ended.set_result(error)

    def _find_stalled(self) -> None:
        late = time.monotonic() - self.timeout
        for curl in [curl for curl, last in self._last.items() if last <= late]:
            self._end(curl, pycurl.E_OPERATION_TIMEDOUT)
        self._patrol = self._loop.call_later(self.timeout / 10, self._find_stalled)

    def _watch(self, what: int, fd: int, multi: object, data: object) -> None:
        """Called by libcurl: what it waits for at a socket."""
        before, now = self._watched.get(fd, 0), WANTED[what]
        if before & ~now & READ:
            self._loop.remove_reader(fd)
        if before & ~now & WRITE:
            self._loop.remove_writer(fd)
        if now & ~before & READ:
            self._loop.add_reader(fd, self._act, fd, pycurl.CSELECT_IN)
        if now & ~before & WRITE:
            self._loop.add_writer(fd, self._act, fd, pycurl.CSELECT_OUT)
        self._watched[fd] = now

    def _set_timer(self, milliseconds: int) -> None:
        """Called by libcurl: when it wants to be called at the latest; -1 is never."""
        if self._timer:
            self._timer.cancel()
        late = self._act, pycurl.SOCKET_TIMEOUT, 0
        wanted = milliseconds >= 0
        self._timer = self._loop.call_later(milliseconds / 1000, *late) if wanted else None

    def _act(self, fd: int, event: int) -> None:
        """Let libcurl work, then wake those whose transfers have ended."""
        self._multi.socket_action(fd, event)
        more = 1
        while more:
            more, well, badly = self._multi.info_read()
            for curl in well:
                self._end(curl, pycurl.E_OK)
            for curl, error, _ in badly:
                self._end(curl, error)

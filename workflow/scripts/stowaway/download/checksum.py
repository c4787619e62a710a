"""The MD5 of a stream, without holding up the event loop."""

import asyncio
import hashlib
from concurrent.futures import Future, ThreadPoolExecutor

BUFFER = 1 << 18  # bytes read, hashed and written at a time
LARGE = 100_000  # bytes that take longer to hash than to hand to a thread


class Checksum:
    """The MD5 of pieces, computed in `thread` where it takes longer than to hand it over."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._thread, self._size = thread, 0
        self._pieces: list[bytes] = []
        self._handed: Future | None = None

    def update(self, piece: bytes) -> None:
        """Take in a piece; waits while the piece before last is not hashed, to bound memory."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= BUFFER:
            if self._handed:
                self._handed.result()
            self._handed = self._thread.submit(self._hash, self._pieces)
            self._pieces, self._size = [], 0

    def _hash(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._md5.update(piece)

    async def hexdigest(self) -> str:
        """The MD5 of all pieces."""
        if self._handed or self._size >= LARGE:
            handed = self._thread.submit(self._hash, self._pieces)
            await asyncio.wrap_future(handed)
        else:
            self._hash(self._pieces)
        return self._md5.hexdigest()

"""A web server on loopback with seeded faults.

python faulty_server.py SEED SHARE FAULTS PORT_FILE LOG

Object `<n>.jpg`, in any folder, has the bytes of `body(n)` and their MD5 as ETag. Each of the
FAULTS (with commas) meets the share SHARE of the objects: a passing one at the first one or two
tries, a lasting one at all of them.
"""

import asyncio
import hashlib
import os
import random
import socket
import struct
import sys
import time
from collections import Counter

PASSING = "500 503 429 reset half_reset short stall late corrupt".split()
LASTING = ["404", "403", "limited"]
RATE = 100  # requests a second, where they are limited
STALL = 60  # seconds, far over any timeout of a test
CODES = {"503": "SlowDown", "404": "NoSuchKey", "403": "AccessDenied", "500": "InternalError"}


# The header of a bitmap of 1 x 1 pixel, by which the bytes after it pass as a photo.
HEADER = struct.pack("<2sIII IiiHHIIiiII", b"BM", 0, 0, 54, 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)


def body(number: int) -> bytes:
    """The object's bytes, 2 to 12 KB."""
    draw = random.Random(number)
    return HEADER + draw.randbytes(draw.randrange(2_000, 12_000))


def fault_of(number: int, seed: int, share: float, faults: list[str]) -> str | None:
    """The fault that the object meets, or None."""
    place = int(random.Random(f"{seed} {number}").random() / share) if share else len(faults)
    return faults[place] if place < len(faults) else None


class Server:
    def __init__(self, seed: int, share: float, faults: list[str], log) -> None:
        self.chance, self.log, self.tries = (seed, share, faults), log, Counter()
        self.tokens, self.filled = 0.0, time.monotonic()

    def has_token(self) -> bool:
        """Whether one of RATE requests a second is left."""
        now = time.monotonic()
        self.tokens = min(20, self.tokens + (now - self.filled) * RATE)
        self.filled = now
        left = self.tokens >= 1
        self.tokens -= left
        return left

    def fault(self, number: int) -> str | None:
        """The fault of this try."""
        self.tries[number] += 1
        fault = fault_of(number, *self.chance)
        lasting = fault in LASTING or self.tries[number] <= 1 + number % 2
        return fault if lasting else None

    async def serve(self, reader, writer) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path = head.split(b" ", 2)[:2]
                self.log.write(f"{method.decode()} {path.decode()}\n")
                self.log.flush()
                if not await self.answer(writer, method, int(path.split(b"/")[-1].split(b".")[0])):
                    return
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, writer, method: bytes, number: int) -> bool:
        """Write the answer; False if the connection is to end."""
        content, fault = body(number), self.fault(number)
        if fault == "limited":
            fault = None if self.has_token() else "503"
        tag = f'x-amz-request-id: 1\r\nETag: "{hashlib.md5(content).hexdigest()}"\r\n'
        if fault and fault.isdigit():
            text = f"<Error><Code>{CODES.get(fault, 'Other')}</Code></Error>".encode()
            asked = "Retry-After: 1\r\n" * (fault == "429")
            head = f"HTTP/1.1 {fault} x\r\n{asked}Content-Length: {len(text)}\r\n\r\n"
            writer.write(head.encode() + text * (method == b"GET"))
            return True
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            return False
        if fault == "late":
            await asyncio.sleep(STALL)
            return False
        if fault == "slow":
            await asyncio.sleep(0.02)
        writer.write(f"HTTP/1.1 200 OK\r\n{tag}Content-Length: {len(content)}\r\n\r\n".encode())
        if method == b"HEAD":
            return True
        if fault in ("half_reset", "short", "stall"):
            writer.write(content[: len(content) // 2])
            await writer.drain()
            if fault == "stall":
                await asyncio.sleep(STALL)
            if fault == "half_reset":
                writer.transport.abort()
            return False
        if fault == "corrupt":
            content = bytes([content[0] ^ 1]) + content[1:]
        writer.write(content)
        return True


async def main(seed: str, share: str, faults: str, port_file: str, log: str) -> None:
    with open(log, "w") as file:
        handler = Server(int(seed), float(share), faults.split(","), file)
        server = await asyncio.start_server(handler.serve, "127.0.0.1", 0)
        with open(port_file + ".part", "w") as out:
            out.write(str(server.sockets[0].getsockname()[1]))
        os.replace(port_file + ".part", port_file)
        async with server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""Where images and the COCO JSON come from: a folder, or S3 and http(s)."""

import asyncio
import filecmp
import hashlib
import os
import time
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlunsplit

import pycurl

from stowaway.core.names import public, why_unsafe_key
from stowaway.download.answers import Answer, Unavailable
from stowaway.download.pace import Pace
from stowaway.download.transfer import Client

DEAD, DEAD_AFTER = 20, 5.0  # requests and seconds in which nothing was ever answered


class Folder:
    """A folder whose files are linked, not copied, since it may be large."""

    def __init__(self, url: str) -> None:
        self.name, self.folder = public(url), Path(url)
        self.broken, self.pace = 0, None
        if not self.folder.is_dir():
            raise Unavailable("not a folder that can be read", "unusable")

    def _file(self, key: str) -> Path:
        file = self.folder.absolute() / _safe(key)
        if not file.is_file():
            raise Unavailable("no such file in the folder", "missing")
        return file

    async def bring(self, key: str, path: Path) -> tuple[int, str]:
        """Link the file at `path`; what is there already stays as it is. No MD5: none is read."""
        return await asyncio.to_thread(self._link, key, path)

    async def same(self, key: str, path: Path) -> tuple[int, str] | None:
        """Bytes and MD5 of the file at `path` if it is the source's; None if it is not."""
        return await asyncio.to_thread(self._same, key, path)

    async def size(self, key: str) -> int | None:
        """Bytes of the object."""
        return await asyncio.to_thread(lambda: self._file(key).stat().st_size)

    def _link(self, key: str, path: Path) -> tuple[int, str]:
        file = self._file(key)
        if not (path.exists() and file.samefile(path)):
            temporary = path.with_name(f".{path.name}.part")
            temporary.unlink(missing_ok=True)
            os.symlink(file, temporary)
            os.replace(temporary, path)
        return file.stat().st_size, ""

    def _same(self, key: str, path: Path) -> tuple[int, str] | None:
        file = self._file(key)
        same = file.samefile(path) or filecmp.cmp(file, path, shallow=False)
        return (file.stat().st_size, "") if same else None


class Remote:
    """Objects over http(s), whose address and further libcurl options `locate` gives."""

    def __init__(self, name: str, client: Client, connections: int, locate) -> None:
        self.name, self.client, self.locate = name, client, locate
        self.pace = Pace(connections)
        self.broken, self.answered = 0, False  # requests in a row; whether any was answered
        self.opened = time.monotonic()

    async def _ask(self, request, key: str, *rest):
        url, options = self.locate(_safe(key))
        try:
            async with self.pace:
                answer = await request(url, *rest, options, self.name.startswith("s3://"))
        except Unavailable as error:
            if error.kind == "throttled":
                self.pace.throttled()
            self.broken = self.broken + 1 if error.kind == "broken" else 0
            self.answered |= error.kind in ("missing", "refused", "throttled")
            if self.broken >= DEAD and not self.answered and self._waited():
                raise Unavailable(f"it never answered; {error}", "unusable") from None
            raise
        self.pace.went_well()
        self.broken, self.answered = 0, True
        return answer

    def _waited(self) -> bool:
        return time.monotonic() - self.opened > DEAD_AFTER

    async def bring(self, key: str, path: Path) -> tuple[int, str]:
        """Fetch the object to `path`; returns its bytes, and its MD5 where the server gives one."""
        return await self._ask(self.client.get, key, path)

    async def same(self, key: str, path: Path) -> tuple[int, str] | None:
        """Bytes and MD5 of the file at `path` if it is the source's; None if it is not.

        By its MD5; only by its length where the server gives no checksum.
        """
        answer: Answer = await self._ask(self.client.head, key)
        if answer.length != path.stat().st_size:
            return None
        if answer.md5 and answer.md5 != await asyncio.to_thread(_md5, path):
            return None
        return answer.length, answer.md5 or ""

    async def size(self, key: str) -> int | None:
        """Bytes of the object, if the server says."""
        return (await self._ask(self.client.head, key)).length


FOLLOW = {
    pycurl.FOLLOWLOCATION: 1,
    pycurl.MAXREDIRS: 5,
    pycurl.REDIR_PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
}


def web(base, key: str) -> tuple[str, dict]:
    path = f"{quote(base.path.rstrip('/'), safe='/%')}/{quote(key)}"
    return urlunsplit(base._replace(path=path)), FOLLOW


def _safe(key: str) -> str:
    if reason := why_unsafe_key(key):
        raise Unavailable(reason, "refused")
    return key


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()

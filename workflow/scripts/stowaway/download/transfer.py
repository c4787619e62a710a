"""One object over http(s) by libcurl: streamed to a file, complete and checked or not there."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pycurl

from stowaway.core.files import replacing
from stowaway.download.answers import Answer, Unavailable, broken_by, refused_by
from stowaway.download.checksum import BUFFER, Checksum
from stowaway.download.multi import Multi

CONNECT = 15  # seconds to connect


class Client:
    """Requests of one event loop, in one thread: none waits for another.

    A transfer of which nothing comes for `timeout` seconds is broken; one of over `most` bytes is
    refused. Certificates are always checked, against $AWS_CA_BUNDLE or $SSL_CERT_FILE if set.
    """

    def __init__(self, timeout: float, most: int) -> None:
        self.most = most
        self._multi = Multi(timeout)
        self._hashing = ThreadPoolExecutor(1)  # one, so that pieces keep their order
        self._idle: list[pycurl.Curl] = []
        if not (bundle := os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")):
            import certifi

            bundle = certifi.where()
        self._bundle = bundle

    def close(self) -> None:
        """Close all connections."""
        self._multi.close()
        self._hashing.shutdown()

    async def head(self, url: str, options: dict, s3: bool = False) -> Answer:
        """What the server says of the object. Raises `Unavailable`."""
        answer = Answer(0, {}, s3)
        await self._request(url, {pycurl.NOBODY: 1, **options}, answer, lambda piece: None)
        return answer

    async def get(self, url: str, path: Path, options: dict, s3: bool = False) -> tuple[int, str]:
        """Bring the object to `path`; returns its bytes, and its MD5 if the server gives one.

        The file appears once its length and MD5 are right. Raises `Unavailable`, `OSError`.
        """
        answer, size = Answer(0, {}, s3), 0
        checksum = Checksum(self._hashing)
        temporary = path.with_name(f".{path.name}.part")

        def take(piece: bytes) -> None:
            nonlocal size
            size += len(piece)
            if size > self.most:
                raise Unavailable(f"over the limit of {self.most} bytes", "refused")
            file.write(piece)
            if answer.md5:
                checksum.update(piece)

        with replacing(path, "wb", temporary, BUFFER) as file:
            await self._request(url, options, answer, take)
            if answer.length is not None and answer.length != size:
                raise Unavailable(f"{size} bytes came of {answer.length}", "broken")
            if answer.md5 and answer.md5 != await checksum.hexdigest():
                raise Unavailable("the bytes do not match the server's checksum", "broken")
        return size, answer.md5 or ""

    async def _request(self, url: str, options: dict, answer: Answer, take: Callable) -> None:
        """Fill in the answer's head and pass the body's pieces on."""
        curl = self._idle.pop() if self._idle else pycurl.Curl()
        curl.reset()  # keeps nothing but the memory; connections are the multi's
        refusal, failure = bytearray(), []

        def body(piece: bytes) -> int | None:
            try:
                self._multi.touch(curl)
                if answer.status == 200:
                    take(piece)
                else:
                    refusal.extend(piece[: 4096 - len(refusal)])
                return None
            except BaseException as error:  # through libcurl, it would be lost
                failure.append(error)
                return -1

        basic = {
            pycurl.URL: url,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.USERAGENT: "stowaway",
            pycurl.CAINFO: self._bundle,
            pycurl.CONNECTTIMEOUT: CONNECT,
            pycurl.BUFFERSIZE: BUFFER,
            pycurl.HEADERFUNCTION: answer.add,
            pycurl.WRITEFUNCTION: body,
        }
        for option, value in (basic | options).items():
            curl.setopt(option, value)
        error = await self._multi.perform(curl)
        self._idle.append(curl)
        if failure:
            raise failure[0]
        if error:
            raise broken_by(error)
        if answer.status != 200:
            raise refused_by(answer, bytes(refusal))

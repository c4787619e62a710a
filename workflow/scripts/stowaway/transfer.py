"""One object over http(s) by libcurl: streamed to a file, complete and checked or not there."""

import hashlib
import os
import threading
from pathlib import Path

import pycurl

from .answers import Answer, Unavailable, broken_by, refused_by
from .run import replacing

CONNECT = 15  # seconds to connect
BUFFER = 1 << 18  # bytes; fewer, larger pieces cost less Python


class Client:
    """Thread-safe; each thread keeps its own connection.

    A transfer of which nothing comes for `timeout` seconds is broken; one of over `most` bytes is
    refused. Certificates are always checked, against $AWS_CA_BUNDLE or $SSL_CERT_FILE if set.
    """

    def __init__(self, timeout: float, most: int) -> None:
        self.timeout, self.most = timeout, most
        self.stop = threading.Event()  # ends transfers
        self._own = threading.local()
        if not (bundle := os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")):
            import certifi

            bundle = certifi.where()
        self._bundle = bundle

    def head(self, url: str, options: dict) -> Answer:
        """What the server says of the object. Raises `Unavailable`."""
        return self._request(url, {pycurl.NOBODY: 1, **options}, lambda piece: None)

    def get(self, url: str, path: Path, options: dict) -> tuple[int, str]:
        """Bring the object to `path`; returns its bytes and MD5. Raises `Unavailable`, `OSError`.

        The file appears once its length, and its MD5 where the server gives one, are right.
        """
        with replacing(path, "wb", path.with_name(f".{path.name}.part")) as file:
            checksum = hashlib.md5(usedforsecurity=False)
            size = 0

            def take(piece: bytes) -> None:
                nonlocal size
                size += len(piece)
                if size > self.most:
                    raise Unavailable(f"over the limit of {self.most} bytes", "refused")
                file.write(piece)
                checksum.update(piece)

            answer = self._request(url, options, take)
            if answer.length is not None and answer.length != size:
                raise Unavailable(f"{size} bytes came of {answer.length}", "broken")
            if answer.md5 and answer.md5 != checksum.hexdigest():
                raise Unavailable("the bytes do not match the server's checksum", "broken")
        return size, checksum.hexdigest()

    def _request(self, url: str, options: dict, take) -> Answer:
        curl = getattr(self._own, "curl", None)
        if curl is None:
            curl = self._own.curl = pycurl.Curl()
        curl.reset()  # keeps the connection
        answer = Answer(0, {})
        refusal = bytearray()
        failure: list[Exception] = []

        def head(line: bytes) -> None:
            if line.startswith(b"HTTP/"):  # also that of the answer after a redirect
                answer.status = int(line.split()[1])
                answer.headers.clear()
            elif b":" in line:
                name, _, value = line.decode("latin-1").partition(":")
                answer.headers[name.strip().lower()] = value.strip()

        def body(piece: bytes) -> int | None:
            try:
                if self.stop.is_set():
                    return -1
                if answer.status == 200:
                    take(piece)
                else:
                    refusal.extend(piece[: 4096 - len(refusal)])
                return None
            except Exception as error:  # through libcurl, it would be lost
                failure.append(error)
                return -1

        basic = {
            pycurl.URL: url,
            pycurl.NOSIGNAL: 1,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.USERAGENT: "stowaway",
            pycurl.CAINFO: self._bundle,
            pycurl.CONNECTTIMEOUT: CONNECT,
            pycurl.LOW_SPEED_LIMIT: 1,
            pycurl.LOW_SPEED_TIME: max(1, round(self.timeout)),
            pycurl.BUFFERSIZE: BUFFER,
            pycurl.HEADERFUNCTION: head,
            pycurl.WRITEFUNCTION: body,
        }
        for option, value in (basic | options).items():
            curl.setopt(option, value)
        try:
            curl.perform()
        except pycurl.error as error:
            if failure:
                raise failure[0] from None
            raise broken_by(error.args[0]) from None
        if answer.status != 200:
            raise refused_by(answer, bytes(refusal))
        return answer

"""Where images and the COCO JSON come from: folders, S3 and web servers, asked in their order."""

import base64
import filecmp
import hashlib
import os
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import HTTPStore

from stowaway.core.files import replacing
from stowaway.core.names import listed, public, why_unsafe_key
from stowaway.core.script import BadInput
from stowaway.download.errors import Unavailable, explained
from stowaway.download.s3 import open_s3

ADDRESSES = ("s3://", "http://", "https://")  # else it is a folder
TRIES = 5  # of one object, each with obstore's own retries
PAUSE = 0.2  # seconds, the longest first pause between them
AGAIN = {"broken", "unanswered"}  # kinds of failures that may pass
CONNECT = timedelta(seconds=15)
CHUNK, BUFFER = 1 << 23, 1 << 13  # bytes that each connection holds, and that a file gathers


class Folder:
    """A folder whose files are linked, not copied, since it may be large."""

    def __init__(self, url: str) -> None:
        self.folder = Path(url).absolute()
        if not self.folder.is_dir():
            raise Unavailable("not a folder that can be read", "unusable")

    def fetch(self, key: str, path: str) -> tuple[int, str, bool]:
        """As `Sources.fetch`; the MD5 is empty, since nothing is read."""
        size, file = self.size(key), self.folder / key
        if Path(path).is_file() and filecmp.cmp(file, path, shallow=False):
            return size, "", False
        temporary = Path(_temporary(path))
        temporary.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(file)
        temporary.replace(path)
        return size, "", True

    def size(self, key: str) -> int:
        """Bytes of the object."""
        if not (self.folder / key).is_file():
            raise Unavailable("no such file in the folder", "missing")
        return (self.folder / key).stat().st_size


class Remote:
    """The objects under an s3:// or http(s):// address; for the arguments see `Sources`."""

    def __init__(self, url: str, aws: dict, timeout: float, most: int) -> None:
        self.most, parts, options = most, urlsplit(url), _options(timeout)
        self.is_s3 = parts.scheme == "s3"
        if self.is_s3:
            bucket, prefix = parts.netloc, parts.path.strip("/")
            self.store, self.under_kms = open_s3(bucket, prefix, aws, options)
        else:  # obstore sends the query of a signed address along, but no user and password
            login, _, host = parts.netloc.rpartition("@")
            if login:
                login = base64.b64encode(unquote(login).encode()).decode()
                options["client_options"]["default_headers"] = {"authorization": f"Basic {login}"}
            address = parts._replace(netloc=host, path=parts.path.rstrip("/"))
            self.store = HTTPStore(address.geturl(), **options)

    def fetch(self, key: str, path: str) -> tuple[int, str, bool]:
        """As `Sources.fetch`; the MD5 is empty where S3 does not tell it."""
        if os.path.isfile(path):  # noqa: PTH113  since pathlib would take a tenth of all time
            with suppress(Unavailable):  # some servers refuse to tell, but give
                size, md5 = self._ask(obstore.head, key)[1:]
                if size == Path(path).stat().st_size and md5 in ("", _md5_of(path)):
                    return size, md5, False
        answer, size, md5 = self._ask(obstore.get, key)
        if size > self.most:
            raise Unavailable(f"over the limit of {self.most} bytes", "refused")
        checksum = hashlib.md5()
        try:
            pieces = [answer.bytes()] if size <= CHUNK else answer.stream(CHUNK)
            with replacing(path, "wb", _temporary(path), BUFFER) as file:
                for piece in pieces:
                    file.write(piece)
                    if md5:
                        checksum.update(piece)
                if md5 and md5 != checksum.hexdigest():
                    if not self.under_kms(key):
                        raise Unavailable("the bytes do not match the server's checksum", "broken")
                    md5 = ""
        except BaseError as error:
            raise explained(error) from None
        return size, md5, True

    def size(self, key: str) -> int:
        """Bytes of the object."""
        return self._ask(obstore.head, key)[1]

    def _ask(self, request: Callable, key: str) -> tuple:
        """The answer to obstore's get or head, the object's bytes and its MD5, or ''.

        S3's ETag may be an MD5; another server's may look like one and be anything.
        """
        try:
            answer = request(self.store, key)
        except (BaseError, OSError) as error:
            raise explained(error) from None
        meta = answer if request is obstore.head else answer.meta
        md5 = self.is_s3 and re.fullmatch('"?([0-9a-f]{32})"?', meta["e_tag"] or "")
        return answer, meta["size"], md5[1] if md5 else ""


def _temporary(path: str) -> str:
    """A hidden name beside it; always the same, so that a killed run leaves no rest for long."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.part"


def _md5_of(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _options(timeout: float) -> dict:
    """How obstore connects, waits and retries; a whole object may take a day."""
    patience = timedelta(seconds=timeout)
    client = {"allow_http": True, "connect_timeout": CONNECT, "user_agent": "stowaway"}
    client |= {"read_timeout": patience, "timeout": timedelta(days=1)}
    if bundle := os.environ.get("AWS_CA_BUNDLE"):
        client["root_certificate"] = Path(bundle).read_bytes()
    return {"client_options": client, "retry_config": {"retry_timeout": patience}}


class Sources:
    """The folders, s3:// and http(s):// addresses in `urls`, asked in their order, by any thread.

    A request of which nothing comes for `timeout` seconds breaks; it is repeated, `TRIES` times in
    all and ever later. An object of over `most` bytes is refused. `aws` has profile, region,
    anonymous and endpoint_url.
    """

    def __init__(self, urls: str | list[str], aws: dict, timeout: float, most: int) -> None:
        self.silent = ""  # the source that last did not answer, which is asked last
        self.sources: dict[str, Folder | Remote | Unavailable] = {}
        for url in listed(urls):
            try:
                source = (
                    Remote(url, aws, timeout, most) if url.startswith(ADDRESSES) else Folder(url)
                )
            except Unavailable as failure:
                source = failure
            except (OSError, ValueError):
                source = Unavailable("malformed, or AWS_CA_BUNDLE cannot be read", "unusable")
            self.sources[public(url)] = source

    def fetch(self, key: str, path: str) -> tuple[int, str, bool]:
        """Bring the object to `path`, whole and checked: its bytes, MD5, and whether it came now.

        A file that is there stays if it is the object: by its MD5, or by its length where that is
        not known. Raises `Unavailable`, of kind missing if it is in no source, else failed, and
        `BadInput` where no source can be used (credentials, certificate, no such bucket).
        """
        return self._first(key, lambda source: source.fetch(key, path))

    def size(self, key: str) -> int:
        """Bytes of the object. Raises likewise."""
        return self._first(key, lambda source: source.size(key))

    def _first(self, key: str, ask: Callable):
        """What the first source answers that has the object."""
        if key and (reason := why_unsafe_key(key)):  # without a key, it is the address itself
            raise Unavailable(reason, "failed")
        failures: dict[str, Unavailable] = {}
        for tried in range(TRIES):
            for name in sorted(self.sources, key=lambda name: name == self.silent):
                source = self.sources[name]
                if isinstance(source, Unavailable):  # it could not be used before
                    failures[name] = source
                elif name not in failures or failures[name].kind in AGAIN:
                    try:
                        return ask(source)
                    except Unavailable as failure:
                        failures[name] = failure
                        if failure.kind == "unusable":
                            self.sources[name] = failure
                        elif failure.kind == "unanswered":
                            self.silent = name
            kinds = {failure.kind for failure in failures.values()}
            if not kinds & AGAIN or tried == TRIES - 1:
                break
            time.sleep(random.uniform(0, PAUSE * 4**tried))
        reasons = "; ".join(f"{name}: {failure}" for name, failure in failures.items())
        if kinds == {"unusable"}:
            raise BadInput(reasons)
        raise Unavailable(reasons, "missing" if kinds == {"missing"} else "failed")

"""Where images and the COCO JSON come from: folders, S3 and web servers, asked in their order."""

import base64
import filecmp
import hashlib
import os
import random
import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, NotSupportedError
from obstore.store import HTTPStore

from stowaway.core.files import link_or_copy, replacing
from stowaway.core.names import ADDRESSES, listed, other_spelling, public, why_unsafe_key
from stowaway.core.script import BadInput, say
from stowaway.download.errors import Unavailable, explained
from stowaway.download.s3 import is_under_kms, open_s3

Check = Callable[[Path | str], str | None]  # why the file is not what was asked for
MD5 = partial(hashlib.md5, usedforsecurity=False)
TRIES, PAUSE = 5, 0.2  # of an object that arrives broken; seconds, the longest first pause
CHUNK, BUFFER = 1 << 23, 1 << 13  # bytes in memory for each connection, and for each open file


def passes(path: Path | str) -> None:
    """The check that finds nothing wrong with any file."""


class Folder:
    """A folder whose files are linked, not copied, since it may be large."""

    def __init__(self, url: str, check: Check) -> None:
        self.folder, self.check, self.copies = Path(url).absolute(), check, False
        if not os.path.isdir(self.folder):  # noqa: PTH112  `is_dir` raises where it may not look
            raise Unavailable("not a folder that can be read", "unusable")

    def fetch(self, key: str, path: str) -> tuple[int, str, bool]:
        """As `Sources.fetch`; the MD5 is empty, since no file is read to its end."""
        size, file, target = self.size(key, self.check), self.folder / key, Path(path)
        with suppress(OSError):  # nothing there, or nothing that can be read
            if target.samefile(file) or filecmp.cmp(file, target, shallow=False):
                return size, "", False
        if not link_or_copy(file, target) and not self.copies:
            self.copies = True
            say(f"{target.parent}: no symbolic links can be made here; photos are copied")
        return size, "", True

    def head(self, key: str, length: int) -> bytes:
        """The first bytes of the file, `length` of them at most."""
        self.size(key)
        try:
            with open(self.folder / key, "rb") as file:
                return file.read(length)
        except OSError as error:
            raise Unavailable(f"cannot be read: {error.strerror}", "refused") from None

    def size(self, key: str, check: Check = passes) -> int:
        file = self.folder / key
        try:
            status = file.stat()
            reason = check(file) if stat.S_ISREG(status.st_mode) else "a folder, or no file"
        except (FileNotFoundError, NotADirectoryError):
            near = other_spelling(self.folder, key)
            hint = f"; {near}; rename the file, or mend the COCO" if near else ""
            raise Unavailable(f"no such file in the folder{hint}", "missing") from None
        except OSError as error:
            raise Unavailable(f"cannot be read: {error.strerror}", "refused") from None
        if reason:
            raise Unavailable(reason, "refused")
        return status.st_size


class Remote:
    """The objects under an s3:// or http(s):// address; for the arguments see `Sources`."""

    def __init__(self, url: str, aws: dict, timeout: float, most: int, check: Check) -> None:
        parts, patience = urlsplit(url), timedelta(seconds=timeout)
        self.most, self.check = most, check
        self.parts = parts._replace(path=parts.path.rstrip("/"))
        login, _, host = self.parts.netloc.rpartition("@")
        client = {"allow_http": True, "user_agent": "stowaway", "timeout": timedelta(days=1)}
        client |= {"connect_timeout": timedelta(seconds=15), "read_timeout": patience}
        if bundle := os.environ.get("AWS_CA_BUNDLE"):
            client["root_certificate"] = Path(bundle).read_bytes()
        if login:  # obstore sends the query of a signed address along, but no user and password
            encoded = base64.b64encode(unquote(login).encode()).decode()
            client["default_headers"] = {"authorization": f"Basic {encoded}"}
        options = {"client_options": client, "retry_config": {"retry_timeout": 3 * patience}}
        if self.parts.scheme == "s3":
            self.store, self.boto3 = open_s3(self.parts, aws, options)
        else:
            self.store = HTTPStore(self.parts._replace(netloc=host).geturl(), **options)

    def fetch(self, key: str, path: str) -> tuple[int, str, bool]:
        """As `Sources.fetch`, checked by the length and S3's MD5, which may be empty."""
        if os.path.isfile(path):  # noqa: PTH113  since pathlib would take a tenth of all time
            with suppress(Unavailable, OSError):  # some servers refuse to tell, but give
                _, size, md5 = self._ask(obstore.head, key)
                there = Path(path).read_bytes()
                same = len(there) == size and md5 in ("", MD5(there).hexdigest())
                if same and not self.check(path):
                    return size, md5, False
        answer, size, md5 = self._ask(obstore.get, key)
        if size > self.most:
            raise Unavailable(f"over the limit of {self.most} bytes", "refused")
        folder, _, name = path.rpartition("/")
        part, checksum = f"{folder}/.{name}.part", MD5()
        try:
            pieces = [answer.bytes()] if size <= CHUNK else answer.stream(CHUNK)
            with replacing(path, "wb", part, BUFFER, sync=False) as file:
                for piece in pieces:
                    file.write(piece)
                    if md5:
                        checksum.update(piece)
                if md5 not in ("", checksum.hexdigest()):
                    if not (self.boto3 and is_under_kms(self.boto3, self.parts, key)):
                        raise Unavailable("the bytes do not match the server's checksum", "broken")
                    md5 = ""
                file.flush()
                if reason := self.check(part):
                    raise Unavailable(reason, "refused")
        except BaseError as error:
            raise explained(error) from None
        return size, md5, True

    def head(self, key: str, length: int) -> bytes:
        """The object's first bytes, in a request for these alone, where the server has such."""
        try:
            answer = obstore.get(self.store, key, options={"range": (0, length)})
            return bytes(answer.bytes())
        except NotSupportedError:
            head = b""
            try:
                for piece in self._ask(obstore.get, key)[0].stream(length):
                    head += bytes(piece)
                    if len(head) >= length:
                        break
            except BaseError as error:
                raise explained(error) from None
            return head[:length]
        except (BaseError, OSError) as error:
            raise explained(error) from None

    def size(self, key: str) -> int:
        return self._ask(obstore.head, key)[1]

    def _ask(self, request: Callable, key: str) -> tuple:
        """The answer to obstore's get or head, the object's bytes, and S3's MD5 of it or ''."""
        try:
            answer = request(self.store, key)
        except (BaseError, OSError) as error:
            raise explained(error) from None
        meta = answer if request is obstore.head else answer.meta
        md5 = re.fullmatch('"?([0-9a-f]{32})"?', meta["e_tag"] or "")
        return answer, meta["size"], md5[1] if md5 and self.parts.scheme == "s3" else ""


class Sources:
    """The folders, s3:// and http(s):// addresses in `urls`, asked in their order, by any thread.

    obstore repeats what is not answered in `timeout` seconds; what arrives broken is asked for
    again here, ever later. Objects of over `most` bytes are refused, and those of which `check`
    gives a reason, asked with the path of a file. For `aws` see `open_s3`.
    """

    def __init__(
        self, urls: str | list[str], aws: dict, timeout: float, most: int, check: Check = passes
    ) -> None:
        self.sources: dict[str, Folder | Remote] = {}
        self.unusable: dict[str, Unavailable] = {}
        self.silent = ""  # the source that last did not answer is asked last
        for url in listed(urls):
            name, folder = public(url), not url.startswith(ADDRESSES)
            try:
                remote = aws, timeout, most, check
                self.sources[name] = Folder(url, check) if folder else Remote(url, *remote)
            except Unavailable as failure:
                self.unusable[name] = failure
            except (OSError, ValueError):
                raise BadInput(f"{name} is malformed, or AWS_CA_BUNDLE cannot be read") from None

    def fetch(self, key: str, path: str) -> tuple[int, str, bool]:
        """Bring the object to `path`, unless it is there: its bytes, MD5, and whether it came now.

        Raises `Unavailable`, missing or failed, and `BadInput` if no source can be used at all.
        """
        return self._first(key, lambda source: source.fetch(key, path))

    def head(self, key: str, length: int) -> bytes:
        """The object's first bytes, `length` of them at most. Raises likewise."""
        return self._first(key, lambda source: source.head(key, length))

    def size(self, key: str) -> int:
        """Bytes of the object. Raises likewise."""
        return self._first(key, lambda source: source.size(key))

    def _first(self, key: str, ask: Callable):
        if key and (reason := why_unsafe_key(key)):  # without a key, it is the address itself
            raise Unavailable(reason, "failed")
        failures = dict(self.unusable)
        for tried in range(TRIES):
            for name in sorted(self.sources, key=lambda name: name == self.silent):
                if name in failures and failures[name].kind != "broken":
                    continue
                try:
                    return ask(self.sources[name])
                except Unavailable as failure:
                    failures[name] = failure
                    if failure.kind == "unusable":
                        self.unusable[name] = failure
                    elif failure.kind == "unanswered":
                        self.silent = name
            kinds = {failure.kind for failure in failures.values()}
            if "broken" not in kinds:
                break
            time.sleep(random.uniform(0, PAUSE * 4**tried) if tried < TRIES - 1 else 0)
        reasons = "; ".join(f"{name}: {failure}" for name, failure in failures.items())
        if kinds == {"unusable"}:
            raise BadInput(reasons)
        raise Unavailable(reasons, "missing" if kinds == {"missing"} else "failed")

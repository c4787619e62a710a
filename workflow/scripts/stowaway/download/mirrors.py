"""Several sources of the same objects, asked in their order, again and ever later."""

import asyncio
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from stowaway.core.names import listed, public
from stowaway.core.script import BadInput
from stowaway.download.answers import Unavailable
from stowaway.download.pace import TRIES, pause
from stowaway.download.sources import Folder, Remote, web
from stowaway.download.transfer import Client

DOWN = 8  # broken requests in a row after which other sources are asked first


class Mirrors:
    """Sources of the same objects, asked in their order, within one event loop.

    A broken request is repeated, `TRIES` times in all and ever later; a throttled one for as long
    as the server answers others. A source that cannot be used (credentials, certificate, no such
    bucket) is not asked again.
    """

    def __init__(self, sources: list, unusable: list[str], client: Client) -> None:
        self.sources, self.unusable, self.client = sources, unusable, client
        self._in_order()  # says at once if there is none

    async def bring(self, key: str, path: Path) -> tuple[int, str]:
        """Bring the object to `path`; its bytes and MD5 (none where it is linked).

        Raises `Unavailable`, of kind missing if it is in no source, else failed; `BadInput` if no
        source can be used.
        """
        return await self._ask("bring", key, path)

    async def same(self, key: str, path: Path) -> tuple[int, str] | None:
        """Bytes and MD5 of the file at `path` if it is the object; None if not. Raises likewise."""
        return await self._ask("same", key, path)

    async def size(self, key: str) -> int | None:
        """Bytes of the object, where the server says. Raises likewise."""
        return await self._ask("size", key)

    async def _ask(self, request: str, key: str, *rest):
        failures: dict[object, Unavailable] = {}
        tried = 0
        while True:
            for source in self._in_order():
                if source in failures and failures[source].kind in ("missing", "refused"):
                    continue
                try:
                    return await getattr(source, request)(key, *rest)
                except Unavailable as failure:
                    failures[source] = failure
                    if failure.kind == "unusable":
                        self._leave(source, failure)
            again = [f for f in failures.values() if f.kind in ("broken", "throttled")]
            # A server that is busy, but answers some, will answer this one too.
            tried += not again or any(f.kind == "broken" for f in again) or self._given_up()
            if not again or tried >= TRIES:
                break
            await asyncio.sleep(pause(tried + 1, max(f.wait for f in again)))
        self._in_order()
        raise self._all(failures)

    def _given_up(self) -> bool:
        return all(source.pace.given_up for source in self.sources if source.pace)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()

    def _leave(self, source, failure: Unavailable) -> None:
        self.unusable = [*self.unusable, f"{source.name}: {failure}"]
        self.sources = [other for other in self.sources if other is not source]

    def _in_order(self) -> list:
        """The usable sources, those that seem to be down last."""
        if not self.sources:
            raise BadInput("; ".join(dict.fromkeys(self.unusable)))
        return sorted(self.sources, key=lambda source: source.broken > DOWN)

    def _all(self, failures: dict[object, Unavailable]) -> Unavailable:
        """One for all; missing only if it is in none of the sources."""
        gone = not self.unusable and all(f.kind == "missing" for f in failures.values())
        reasons = [f"{source.name}: {failure}" for source, failure in failures.items()]
        if len(reasons) == 1 and not self.unusable:
            reasons = [str(failure) for failure in failures.values()]
        return Unavailable("; ".join(reasons), "missing" if gone else "failed")


def open_sources(
    urls: str | list[str], aws: dict, connections: int, timeout: float, most: int
) -> Mirrors:
    """The folders, s3:// and http(s):// addresses in `urls`, to be asked for objects by their key.

    `aws` has profile, region, anonymous and endpoint_url; `timeout` is in seconds; `most` is the
    limit of an object's bytes. Raises `BadInput` where none of them can be used.
    """
    client = Client(timeout, most)
    sources, unusable = [], []
    for url in listed(urls):
        parts, name = urlsplit(url), public(url)
        try:
            if parts.scheme == "s3":
                from stowaway.download.s3 import locate_s3  # boto3 takes half a second to import

                locate = locate_s3(parts.netloc, parts.path.strip("/"), aws)
            elif parts.scheme in ("http", "https"):
                locate = partial(web, parts)
            else:
                sources.append(Folder(url))
                continue
            sources.append(Remote(name, client, connections, locate))
        except Unavailable as reason:
            unusable.append(f"{name}: {reason}")
    return Mirrors(sources, unusable, client)

"""Where images and the COCO JSON come from: a folder, S3, or http(s)."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

from .names import why_unsafe
from .run import BadInput, replacing

RETRIES = 5
CHUNK = 1 << 20


class Missing(Exception):
    """An object is not there. The message says why, without any credential."""


class Unreachable(Missing):
    """An object may be there but could not be had: refused, or the connection broke."""


# Fetch the object `key` to the path; raise `Missing` or `Unreachable` if it cannot be had.
Fetch = Callable[[str, Path], None]


def public(url: str) -> str:
    """The URL without user, password and query, to be printed."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else parts.path


def open_source(url: str, aws: dict, connections: int) -> Fetch:
    """A thread-safe function that brings one object of `url` (folder, s3:// or http(s)://) here.

    `aws` has profile, region, anonymous and endpoint_url. A fetched file is complete or not there.
    """
    scheme = urlsplit(url).scheme
    if scheme == "s3":
        bucket, prefix = urlsplit(url).netloc, urlsplit(url).path.strip("/")
        get = _s3(bucket, aws, connections)
        return lambda key, path: get(f"{prefix}/{key}" if prefix else key, path)
    if scheme in ("http", "https"):
        get = _http(connections)
        return lambda key, path: get(f"{url.rstrip('/')}/{_safe(key, quote)}", path)
    folder = Path(url)
    if not folder.is_dir():
        raise BadInput(f"images.source: {url} is not a folder that can be read")
    return lambda key, path: _link(folder.absolute() / _safe(key), path)


def _safe(key: str, then: Callable[[str], str] = str) -> str:
    if reason := why_unsafe(key):
        raise Missing(reason)
    return then(key)


def _link(source: Path, path: Path) -> None:
    """Link the file, since the folder may be large; what is there already stays as it is."""
    if not source.is_file():
        raise Missing("no such file in the folder")
    if path.exists() and source.samefile(path):
        return
    temporary = path.with_name(f".{path.name}.part")
    temporary.unlink(missing_ok=True)
    os.symlink(source, temporary)
    os.replace(temporary, path)


def _s3(bucket: str, aws: dict, connections: int) -> Fetch:
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

    settings = Config(
        max_pool_connections=connections,
        retries={"max_attempts": RETRIES, "mode": "adaptive"},
        connect_timeout=20,
        read_timeout=60,
        **({"signature_version": UNSIGNED} if aws["anonymous"] else {}),
        # a dotted bucket does not match the certificate of bucket.s3.amazonaws.com
        **({"s3": {"addressing_style": "path"}} if "." in bucket or aws["endpoint_url"] else {}),
    )
    try:
        session = boto3.Session(profile_name=aws["profile"], region_name=aws["region"])
        client = session.client("s3", endpoint_url=aws["endpoint_url"], config=settings)
    except ProfileNotFound:
        raise BadInput(
            f"aws.profile: '{aws['profile']}' is not in ~/.aws; run: aws configure --profile "
            f"{aws['profile']}"
        ) from None

    def get(key: str, path: Path) -> None:
        try:
            answer = client.get_object(Bucket=bucket, Key=key)
            with replacing(path, "wb") as file:
                for chunk in answer["Body"].iter_chunks(CHUNK):
                    file.write(chunk)
                if file.tell() != answer["ContentLength"]:
                    raise Unreachable("the body was cut short")
        except ClientError as error:
            code = error.response["Error"].get("Code", "error")
            raise (Missing if code in ("NoSuchKey", "404") else Unreachable)(code) from None
        except BotoCoreError as error:
            raise Unreachable(f"{type(error).__name__}: {str(error).split('?')[0]}") from None

    return get


def _http(connections: int) -> Fetch:
    import urllib3

    pool = urllib3.PoolManager(
        maxsize=connections,
        timeout=urllib3.Timeout(connect=20, read=60),
        retries=urllib3.Retry(
            RETRIES, backoff_factor=0.5, status_forcelist=[429, 500, 502, 503, 504]
        ),
    )

    def get(url: str, path: Path) -> None:
        try:
            with pool.request("GET", url, preload_content=False) as answer:
                if answer.status != 200:
                    kind = Missing if answer.status in (404, 410) else Unreachable
                    raise kind(f"HTTP status {answer.status}")
                with replacing(path, "wb") as file:  # urllib3 itself refuses a short body
                    for chunk in answer.stream(CHUNK, decode_content=False):
                        file.write(chunk)
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(type(error).__name__) from None

    return get


def fetch_one(url: str, aws: dict, path: Path) -> None:
    """Bring one object of s3:// or http(s):// to `path`; raises `BadInput` if it cannot be had."""
    scheme = urlsplit(url).scheme
    try:
        if scheme == "s3":
            _s3(urlsplit(url).netloc, aws, 1)(urlsplit(url).path.lstrip("/"), path)
        elif scheme in ("http", "https"):
            _http(1)(url, path)  # the URL as it stands: it may be signed
        else:
            raise Missing("put the export there, or correct the key coco")
    except Missing as reason:
        raise BadInput(f"coco: {public(url)} is not there or cannot be had: {reason}") from None

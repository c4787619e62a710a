"""Where images and the COCO JSON come from: a folder, S3, or http(s)."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

from .names import why_unsafe
from .run import BadInput, replacing

RETRIES = 5
CHUNK = 1 << 20


class Missing(Exception):
    """An object cannot be had; the message says why, without any credential."""


# Fetch the object `key` to the path; raise `Missing` if it cannot be had.
Fetch = Callable[[str, Path], None]


def open_source(url: str, aws: dict, connections: int) -> Fetch:
    """A thread-safe function that brings one object of `url` (folder, s3:// or http(s)://) here.

    `aws` has profile, region, anonymous and endpoint_url. A fetched file is complete or not there.
    """
    scheme = urlsplit(url).scheme
    if scheme == "s3":
        return _s3(url, aws, connections)
    if scheme in ("http", "https"):
        return _http(url, connections)
    folder = Path(url)
    if not folder.is_dir():
        raise BadInput(f"images.source: {url} is not a folder that can be read")
    return _folder(folder.absolute())


def _folder(folder: Path) -> Fetch:
    def fetch(key: str, path: Path) -> None:
        if reason := why_unsafe(key):
            raise Missing(reason)
        source = folder / key
        if not source.is_file():
            raise Missing("no such file in the folder")
        temporary = path.with_name(f".{path.name}.part")
        temporary.unlink(missing_ok=True)
        os.symlink(source, temporary)  # linked, not copied: the folder may be large
        os.replace(temporary, path)

    return fetch


def _s3(url: str, aws: dict, connections: int) -> Fetch:
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

    bucket, prefix = urlsplit(url).netloc, urlsplit(url).path.strip("/")
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

    def fetch(key: str, path: Path) -> None:
        name = f"{prefix}/{key}" if prefix else key
        try:
            answer = client.get_object(Bucket=bucket, Key=name)
            with replacing(path, "wb") as file:
                for chunk in answer["Body"].iter_chunks(CHUNK):
                    file.write(chunk)
                if file.tell() != answer["ContentLength"]:
                    raise Missing(f"cut short at {file.tell()} of {answer['ContentLength']} bytes")
        except ClientError as error:
            raise Missing(error.response["Error"].get("Code", "error")) from None
        except BotoCoreError as error:
            raise Missing(type(error).__name__ + ": " + str(error).split("?")[0]) from None

    return fetch


def _http(url: str, connections: int) -> Fetch:
    import urllib3

    pool = urllib3.PoolManager(
        maxsize=connections,
        timeout=urllib3.Timeout(connect=20, read=60),
        retries=urllib3.Retry(
            RETRIES, backoff_factor=0.5, status_forcelist=[429, 500, 502, 503, 504]
        ),
    )

    def fetch(key: str, path: Path) -> None:
        if reason := why_unsafe(key):
            raise Missing(reason)
        try:
            with pool.request(
                "GET", f"{url.rstrip('/')}/{quote(key)}", preload_content=False
            ) as answer:
                if answer.status != 200:
                    raise Missing(f"HTTP status {answer.status}")
                with replacing(path, "wb") as file:  # urllib3 itself refuses a short body
                    for chunk in answer.stream(CHUNK, decode_content=False):
                        file.write(chunk)
        except urllib3.exceptions.HTTPError as error:
            raise Missing(type(error).__name__) from None

    return fetch


def fetch_one(url: str, aws: dict, path: Path) -> None:
    """Bring one object of s3:// or http(s):// to `path`; raises `BadInput` if it cannot be had."""
    if not urlsplit(url).scheme:
        raise BadInput(f"coco: {url} is not there; put the export there, or correct the key coco")
    parent, _, name = url.rpartition("/")
    part = path.with_name(f".{path.name}.fetched")
    try:
        open_source(parent, aws, 1)(name, part)
        shutil.move(part, path)
    except Missing as reason:
        raise BadInput(f"coco: {url} cannot be fetched: {reason}") from None

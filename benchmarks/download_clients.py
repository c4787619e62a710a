"""One client downloads N objects to a folder and prints what it took, as JSON.

python download_clients.py CLIENT PORT SIZE COUNT CONNECTIONS FOLDER; run by download.py, in the
virtual environment that has the client. Every client writes each object under a temporary name and
renames it; nobody but stowaway checks and notes down what came.
"""

import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

OBJECTS = 200  # different ones that the server has of each size
AWS = {"profile": None, "region": "us-east-1", "anonymous": True}


def in_threads(get, count: int, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(get, range(count)))


def save(folder: Path, number: int, pieces) -> None:
    temporary = folder / f".{number}.part"
    with open(temporary, "wb") as file:
        for piece in pieces:
            file.write(piece)
    os.replace(temporary, folder / f"{number}.jpg")


def boto3_client(url: str, connections: int):
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    config = Config(
        signature_version=UNSIGNED,
        max_pool_connections=connections,
        s3={"addressing_style": "path"},
    )
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config)


def original(url, size, count, connections, folder):
    """A new client for each file, downloaded by eight threads whatever is asked for."""

    def get(number):
        client = boto3_client(url, 10)
        key = f"{size}/{number % OBJECTS}.jpg"
        client.download_file("bucket", key, str(folder / f"{number}.jpg"))

    in_threads(get, count, 8)


def boto3(url, size, count, connections, folder):
    client = boto3_client(url, connections)

    def get(number):
        body = client.get_object(Bucket="bucket", Key=f"{size}/{number % OBJECTS}.jpg")["Body"]
        save(folder, number, body.iter_chunks(1 << 20))

    in_threads(get, count, connections)


def obstore(url, size, count, connections, folder):
    import obstore
    from obstore.store import S3Store

    store = S3Store(
        "bucket",
        endpoint=url,
        skip_signature=True,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )

    def get(number):
        save(folder, number, [obstore.get(store, f"{size}/{number % OBJECTS}.jpg").bytes()])

    in_threads(get, count, connections)


def stowaway(url, size, count, connections, folder):
    """As the workflow does: store, journal, MD5, retries."""
    from stowaway.download.sources import Sources
    from stowaway.download.store import Store

    store = Store(folder, folder / ".journal/1.csv", "s3://bucket")
    listed = ((str(n), f"{n}.jpg", f"{size}/{n % OBJECTS}.jpg") for n in range(count))
    aws = AWS | {"endpoint_url": url}

    def opened():
        return Sources("s3://bucket", aws, timeout=30, most=10**8)

    assert not any(entry.error for entry in store.fill(listed, opened, connections))


CLIENTS = {"original": original, "boto3": boto3, "obstore": obstore, "stowaway": stowaway}

if __name__ == "__main__":
    name, port, size, count, connections, folder = sys.argv[1:]
    start, cpu = time.perf_counter(), time.process_time()
    CLIENTS[name](f"http://127.0.0.1:{port}", size, int(count), int(connections), Path(folder))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    done = sum(1 for _ in Path(folder).glob("*.jpg"))
    print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": memory, "done": done}))

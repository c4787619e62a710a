"""Downloads from a folder, a real HTTP server and a real S3 server (rclone), all on loopback."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from download_images import download_images
from shard_annotations import shard_annotations, shard_of
from stowaway.run import BadInput
from stowaway.sources import Missing, Unreachable, fetch_one, open_source
from stowaway.store import Entry, Store
from stowaway.tables import rows

AWS = {"profile": None, "region": "us-east-1", "anonymous": False, "endpoint_url": None}
FILES = {f"a/{n}.jpg": bytes([n]) * (1000 + n) for n in range(12)} | {"b c/é+1.jpg": b"blank"}


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / "source" / "bucket" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "source" / "bucket"


@pytest.fixture
def http(folder):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def copyfile(self, source, outputfile):
            if self.path.endswith("cut"):  # promises more than it sends
                outputfile.write(b"short")
            else:
                super().copyfile(source, outputfile)

    (folder / "cut").write_bytes(b"x" * 10_000)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def s3(folder, monkeypatch, tmp_path):
    """The endpoint of a server that checks signatures."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    rclone = Path(sys.executable).with_name("rclone")
    command = [rclone, "serve", "s3", "--auth-key", "key,secret", "--addr", f"127.0.0.1:{port}"]
    server = subprocess.Popen(
        [*command, str(folder.parent), "--config", "/dev/null"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"RCLONE_CONFIG": "/dev/null"},
    )
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


def fill(source, tmp_path, aws=AWS, names=tuple(FILES), journal=1):
    store = Store(tmp_path / "images", tmp_path / f"images/.journal/{journal}.csv", str(source))
    fetch = open_source(str(source), aws, 4)
    return {e.file_name: e for e in store.fill([(n, n, n) for n in names], fetch, 4)}


def check(entries, tmp_path):
    assert set(entries) == set(FILES)
    for name, content in FILES.items():
        assert entries[name].error == ""
        assert (tmp_path / "images" / name).read_bytes() == content
        assert entries[name].bytes == len(content)
        assert entries[name].sha256 == hashlib.sha256(content).hexdigest()
    assert not list((tmp_path / "images").rglob("*.part"))


def test_folder_is_linked(folder, tmp_path):
    check(fill(folder, tmp_path), tmp_path)
    assert (tmp_path / "images/a/1.jpg").is_symlink()


def test_http(http, tmp_path):
    check(fill(http, tmp_path), tmp_path)


def test_s3_with_signature(s3, tmp_path):
    check(fill("s3://bucket", tmp_path, AWS | {"endpoint_url": s3}), tmp_path)
    inside = fill("s3://bucket/a/", tmp_path / "2", AWS | {"endpoint_url": s3}, ["1.jpg"])
    assert inside["1.jpg"].bytes == 1001


def test_s3_errors_are_rows_without_secrets(s3, tmp_path, monkeypatch):
    settings = AWS | {"endpoint_url": s3}
    missing = fill("s3://bucket", tmp_path, settings, ["a/1.jpg", "nope.jpg"])
    assert missing["nope.jpg"].error == "NoSuchKey"
    assert missing["a/1.jpg"].error == ""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    refused = fill("s3://bucket", tmp_path / "2", settings, ["a/1.jpg"])["a/1.jpg"].error
    assert refused and "secret" not in refused


def test_a_missing_profile_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(BadInput, match="aws.profile: 'animl'.*aws configure --profile animl"):
        open_source("s3://bucket", AWS | {"profile": "animl"}, 1)


def test_short_body_missing_file_and_unsafe_key_leave_nothing(http, tmp_path):
    entries = fill(http, tmp_path, names=["cut", "nope.jpg"])
    assert "HTTP status 404" in entries["nope.jpg"].error
    assert entries["cut"].error
    assert [p.name for p in (tmp_path / "images").rglob("*") if p.is_file()] == ["1.csv"]
    with pytest.raises(Missing):
        open_source(http, AWS, 1)("../secret", tmp_path / "x")


def test_complete_files_are_not_fetched_again(folder, tmp_path):
    fill(folder, tmp_path)

    def offline(key, path):
        raise Missing("offline")

    images, journal = tmp_path / "images", tmp_path / "images/.journal/1.csv"
    listed = [(name, name, name) for name in FILES]
    (images / "a/3.jpg").unlink()
    (images / "a/3.jpg").write_bytes(b"half")  # a size other than the journal's
    with journal.open("a") as file:
        file.write("a/5.jpg,10")  # a line that a kill cut short

    def refetched(store):
        return {e.file_name for e in store.fill(listed, offline, 4) if e.error}

    assert refetched(Store(images, journal, str(folder))) == {"a/3.jpg"}
    assert refetched(Store(images, images / ".journal/of-8.csv", str(folder))) == {"a/3.jpg"}
    assert refetched(Store(images, journal, "another source")) == set(FILES)
    check(fill(folder, tmp_path), tmp_path)


def test_memory_of_work_in_flight_is_bounded(tmp_path):
    ahead, most = 0, 0

    def listed():
        nonlocal ahead, most
        for n in range(500):
            ahead += 1
            most = max(most, ahead)
            yield str(n), f"{n}.jpg", str(n)

    def fetch(key, path):
        path.write_bytes(b"x")

    for entry in Store(tmp_path, tmp_path / ".journal/1.csv", "x").fill(listed(), fetch, 2):
        ahead -= 1
        assert isinstance(entry, Entry)
    assert most <= 10


SHARD = (
    "crop_id,image_id,file_name,key,x,y,w,h,species,label,location,datetime,event,width,height\n"
)


def test_missing_images_are_rows_and_an_unreachable_source_is_an_error(
    folder, s3, tmp_path, monkeypatch
):
    shard = tmp_path / "1-of-1.csv"
    lines = [f"{n},{n},{n},{n},0,0,5,5,fox,fox,A,,e,," for n in ("a/1.jpg", "a/2.jpg", "nope.jpg")]
    shard.write_text(SHARD + "\n".join(lines))
    images = tmp_path / "images"
    places = (tmp_path / "manifest.csv", images, images / ".journal/1.csv")
    download_images(shard, *places, str(folder), AWS, 2)
    status = {row["file_name"]: (row["status"], row["error"]) for row in rows(places[0])}
    assert status["nope.jpg"] == ("missing", "no such file in the folder")
    assert status["a/1.jpg"] == ("ok", "")
    shard.write_text(SHARD + lines[2])  # alone in its shard, it still does not stop the run
    download_images(shard, *places, str(folder), AWS, 2)
    with pytest.raises(BadInput, match="is not a folder"):
        download_images(shard, *places, str(tmp_path / "no"), AWS, 2)
    monkeypatch.setattr("stowaway.store.PAUSES", ())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    with pytest.raises(BadInput, match="none of 1 images.*SignatureDoesNotMatch"):
        download_images(shard, *places, "s3://bucket", AWS | {"endpoint_url": s3}, 2)


def test_a_source_that_is_the_store_stays_as_it_is(folder, tmp_path):
    """A link to itself would lose the photo."""
    source = tmp_path / "source/bucket"
    store = Store(source, tmp_path / "journal/1.csv", str(source))
    listed = [(name, name, name) for name in FILES]
    assert not [e for e in store.fill(listed, open_source(str(source), AWS, 2), 2) if e.error]
    for name, content in FILES.items():
        assert not (source / name).is_symlink()
        assert (source / name).read_bytes() == content


def test_a_broken_connection_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr("stowaway.store.PAUSES", (0.01, 0.01))
    calls = []

    def flaky(key, path):
        calls.append(key)
        if len(calls) < 3:
            raise Unreachable("reset")
        path.write_bytes(b"whole")

    (entry,) = Store(tmp_path, tmp_path / ".j/1.csv", "x").fill([("1", "1.jpg", "1")], flaky, 1)
    assert (entry.status, entry.bytes, len(calls)) == ("ok", 5, 3)


def test_the_coco_itself_is_fetched_or_the_reason_said(http, folder, tmp_path):
    fetch_one(f"{http}/a/1.jpg", AWS, tmp_path / "coco.json")
    assert (tmp_path / "coco.json").read_bytes() == FILES["a/1.jpg"]
    with pytest.raises(BadInput, match="HTTP status 404") as error:
        fetch_one(
            f"{http.replace('//', '//user:word@')}/nope.json?sign=secret", AWS, tmp_path / "c"
        )
    assert "secret" not in str(error.value) and "word" not in str(error.value)
    fetch_one(f"{http}/b%20c/%C3%A9+1.jpg?X-Amz-Signature=1", AWS, tmp_path / "coco.json")
    with pytest.raises(BadInput, match="is not there"):
        fetch_one("data/coco.json", AWS, tmp_path / "coco.json")


def test_shards_do_not_move_when_images_are_added(tmp_path, monkeypatch):
    monkeypatch.setattr("shard_annotations.OPEN_FILES", 2)
    table, outs = tmp_path / "annotations.csv", [tmp_path / f"{n}.csv" for n in range(3)]
    for count in (50, 60):
        table.write_text("crop_id,image_id\n" + "".join(f"c{n},p:{n // 2}\n" for n in range(count)))
        shard_annotations(table, outs)
        dealt = {row["image_id"]: n for n, out in enumerate(outs) for row in rows(out)}
        assert dealt == {f"p:{n}": shard_of(f"p:{n}", 3) for n in range(count // 2)}
        assert sum(len(list(rows(out))) for out in outs) == count

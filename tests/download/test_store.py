"""The store, filled from a folder, a web server and an S3 server (rclone), all on loopback."""

import errno
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from faulty_server import HEADER
from site_config import config_of

from download_images import download_images
from fetch_annotations import fetch_annotations
from shard_annotations import shard_annotations, shard_of
from stowaway.core.script import BadInput
from stowaway.core.tables import rows
from stowaway.download.errors import Unavailable
from stowaway.download.journal import Journal
from stowaway.download.sources import Sources
from stowaway.download.store import Entry, Store

AWS = {"profile": None, "region": "us-east-1", "anonymous": False, "endpoint_url": None}
FILES = {f"a/{n}.jpg": HEADER + bytes([n]) * (946 + n) for n in range(12)}
FILES |= {"b c/é+1.jpg": HEADER + b"blank"}
COCO = b'{"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1}]}\n'


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """No long pauses between tries."""
    monkeypatch.setattr("stowaway.download.sources.PAUSE", 0.001)


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / "source" / "bucket" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "source" / "bucket"


@contextmanager
def serving(handler, context=None):
    """The address of a web server that lives as long as the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http{'s' * bool(context)}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


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
    with serving(partial(Quiet, directory=str(folder))) as url:
        yield url


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


def opened(source, aws=AWS, most=10**6):
    """The sources, opened; a list is tried in its order."""
    urls = source if isinstance(source, list) else str(source)
    return Sources(urls, aws, timeout=1, most=most)


def fill(source, tmp_path, aws=AWS, names=tuple(FILES), journal=1, **limits):
    store = Store(tmp_path / "images", tmp_path / f"images/.journal/{journal}.csv", str(source))
    listed = [(n, n, n) for n in names]
    return {e.file_name: e for e in store.fill(listed, lambda: opened(source, aws, **limits), 4)}


def check(entries, tmp_path):
    assert set(entries) == set(FILES)
    for name, content in FILES.items():
        assert entries[name].error == ""
        assert (tmp_path / "images" / name).read_bytes() == content
        assert entries[name].bytes == len(content)
        assert entries[name].md5 in ("", hashlib.md5(content).hexdigest())
    assert not list((tmp_path / "images").rglob("*.part"))


def test_folder_is_linked(folder, tmp_path):
    check(fill(folder, tmp_path), tmp_path)
    assert (tmp_path / "images/a/1.jpg").is_symlink()


def test_http(http, tmp_path):
    check(fill(http, tmp_path), tmp_path)


def test_s3_with_signature(s3, tmp_path):
    got = fill("s3://bucket", tmp_path, AWS | {"endpoint_url": s3})
    check(got, tmp_path)
    assert all(entry.md5 for entry in got.values())
    inside = fill("s3://bucket/a/", tmp_path / "2", AWS | {"endpoint_url": s3}, ["1.jpg"])
    assert inside["1.jpg"].bytes == 1001


def test_a_bucket_with_a_dot_in_its_name(s3, folder, tmp_path):
    """Its name as part of the host's would fit no certificate."""
    shutil.copytree(folder, folder.parent / "us-west-2.data.example")
    check(fill("s3://us-west-2.data.example", tmp_path, AWS | {"endpoint_url": s3}), tmp_path)


def test_s3_errors_are_rows_without_secrets(s3, tmp_path, monkeypatch):
    settings = AWS | {"endpoint_url": s3}
    missing = fill("s3://bucket", tmp_path, settings, ["a/1.jpg", "nope.jpg"])
    assert missing["nope.jpg"].error == "s3://bucket: HTTP status 404, NoSuchKey"
    assert missing["nope.jpg"].status == "missing"
    assert missing["a/1.jpg"].error == ""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    with pytest.raises(BadInput, match="SignatureDoesNotMatch: the secret key") as error:
        fill("s3://bucket", tmp_path / "2", settings, ["a/1.jpg"])
    assert "wrong-secret" not in str(error.value)
    with pytest.raises(BadInput, match="NoSuchBucket: there is no such bucket"):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        fill("s3://buckets", tmp_path / "2", settings, ["a/1.jpg"])


def test_a_missing_profile_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(BadInput, match="aws.profile: 'animl'.*aws configure --profile animl"):
        fill("s3://bucket", tmp_path, AWS | {"profile": "animl"})


def test_short_body_missing_file_and_unsafe_key_leave_nothing(http, tmp_path):
    entries = fill(http, tmp_path, names=["cut", "nope.jpg"])
    assert "HTTP status 404" in entries["nope.jpg"].error
    assert entries["cut"].error
    assert [p.name for p in (tmp_path / "images").rglob("*") if p.is_file()] == ["1.csv"]
    for key in ("../secret", "a/../../secret", "/secret", "a//b", "a\\b", "a\n", "a\u202eb"):
        with pytest.raises(Unavailable, match="^key "):
            opened(http).fetch(key, str(tmp_path / "x"))


def test_complete_files_are_not_fetched_again(folder, tmp_path):
    fill(folder, tmp_path)

    def offline():
        return opened([str(tmp_path)])  # where no such file is

    images, journal = tmp_path / "images", tmp_path / "images/.journal/1.csv"
    listed = [(name, name, name) for name in FILES]
    (images / "a/3.jpg").unlink()
    (images / "a/3.jpg").write_bytes(b"half")  # a size other than the journal's
    with journal.open("a") as file:
        file.write("a/1.jpg,x10,,0123456789abcdef\n" + "\0" * 200_000 + "\n")  # a power cut
        file.write("a/5.jpg,10")  # a line that a kill cut short
    (images / "a/4.jpg").unlink()

    def refetched(store):
        return {e.file_name for e in store.fill(listed, offline, 4) if e.error}

    gone = {"a/3.jpg", "a/4.jpg"}
    assert refetched(Store(images, journal, str(folder))) == gone
    assert refetched(Store(images, images / ".journal/of-8.csv", str(folder))) == gone
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

    class Instant:
        def fetch(self, key, path):
            Path(path).write_bytes(b"x")
            return 1, "", True

    for entry in Store(tmp_path, tmp_path / ".journal/1.csv", "x").fill(listed(), Instant, 2):
        ahead -= 1
        assert isinstance(entry, Entry) and not entry.error
    assert most <= 40


SHARD = (
    "crop_id,image_id,file_name,key,x,y,w,h,species,label,location,datetime,event,width,height\n"
)


def test_missing_images_are_rows_and_an_unreachable_source_is_an_error(
    folder, s3, tmp_path, monkeypatch
):
    shard, manifest = tmp_path / "1-of-1.csv", tmp_path / "manifest.csv"
    lines = [f"{n},{n},{n},{n},0,0,5,5,fox,fox,A,,e,," for n in ("a/1.jpg", "a/2.jpg", "nope.jpg")]
    images = tmp_path / "images"

    def download(content, source, aws=AWS):
        shard.write_text(SHARD + "\n".join([*content, ""]))
        download_images(
            shard=shard,
            manifest=manifest,
            failures=tmp_path / "failed.csv",
            folder=images,
            journal=images / ".journal/1.csv",
            connections=2,
            config=config_of(source, aws, max_failed=0.01),
        )

    download(lines, str(folder))
    status = {row["file_name"]: (row["status"], row["error"]) for row in rows(manifest)}
    assert status["nope.jpg"] == ("missing", f"{folder}: no such file in the folder")
    assert status["a/1.jpg"] == ("ok", "")
    assert [row["file_name"] for row in rows(tmp_path / "failed.csv")] == ["nope.jpg"]
    download(lines[2:], str(folder))  # alone in its shard, it still does not stop the run
    download(lines[:2], str(folder))
    assert not (tmp_path / "failed.csv").exists()
    with pytest.raises(BadInput, match="no: not a folder"):
        download(lines, str(tmp_path / "no"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    with pytest.raises(BadInput, match="s3://bucket: SignatureDoesNotMatch"):
        download(lines, "s3://bucket", AWS | {"endpoint_url": s3})
    with pytest.raises(BadInput, match="3 of 3 images .*127.0.0.1:9: no connection"):
        download(lines, "http://127.0.0.1:9")


def test_a_source_that_is_the_store_stays_as_it_is(folder, tmp_path):
    """A link to itself would lose the photo."""
    source = tmp_path / "source/bucket"
    store = Store(source, tmp_path / "journal/1.csv", str(source))
    listed = [(name, name, name) for name in FILES]
    assert not [e for e in store.fill(listed, lambda: opened(source), 2) if e.error]
    for name, content in FILES.items():
        assert not (source / name).is_symlink()
        assert (source / name).read_bytes() == content


@pytest.mark.parametrize("kind", ["http", "s3", "folder"])
def test_another_tools_files_are_adopted_once_compared(kind, http, s3, folder, tmp_path):
    """A wrong size or, where the server gives a checksum, a wrong byte, is fetched again."""
    source = {"http": http, "s3": "s3://bucket", "folder": folder}[kind]
    for name in ("a/1.jpg", "a/2.jpg", "a/3.jpg"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[name])
    (tmp_path / "images/a/2.jpg").write_bytes(FILES["a/2.jpg"][:-1])
    (tmp_path / "images/a/3.jpg").write_bytes(b"!" + FILES["a/3.jpg"][1:])
    got = fill(source, tmp_path, AWS | {"endpoint_url": s3})
    assert not got["a/1.jpg"].fetched
    assert bool(got["a/1.jpg"].md5) == (kind == "s3")
    assert got["a/2.jpg"].fetched
    assert got["a/3.jpg"].fetched == (kind != "http")  # that server gives no checksum
    if kind != "http":
        check(got, tmp_path)


def test_links_in_the_store_lead_nowhere(http, tmp_path):
    """A linked folder is refused; a link in a file's or its temporary's place is not followed."""
    images, outside = tmp_path / "images", tmp_path / "outside"
    outside.mkdir()
    (outside / "1.jpg").write_bytes(b"precious")
    images.mkdir()
    (images / "a").symlink_to(outside)
    refused = fill(http, tmp_path, names=["a/2.jpg"])["a/2.jpg"]
    assert (refused.status, refused.error) == ("failed", "a folder in the store is a symbolic link")
    (images / "a").unlink()
    (images / "a").mkdir()
    (images / "a/1.jpg").symlink_to(outside / "1.jpg")
    (images / "a/.2.jpg.part").symlink_to(outside / "1.jpg")
    check(fill(http, tmp_path), tmp_path)
    assert (outside / "1.jpg").read_bytes() == b"precious"
    assert [path.name for path in outside.iterdir()] == ["1.jpg"]


def test_sources_are_asked_in_their_order(http, folder, tmp_path):
    (folder / "a/1.jpg").rename(tmp_path / "1.jpg")  # gone from the web server too
    (tmp_path / "second/a").mkdir(parents=True)
    (tmp_path / "1.jpg").rename(tmp_path / "second/a/1.jpg")
    got = fill(["http://127.0.0.1:9", http, str(tmp_path / "second")], tmp_path)
    check(got, tmp_path)
    assert (tmp_path / "images/a/1.jpg").is_symlink()
    lost = fill([http, str(tmp_path / "second")], tmp_path / "2", names=["no.jpg"])["no.jpg"]
    assert lost.status == "missing"
    assert lost.error == f"{http}: HTTP status 404; {tmp_path}/second: no such file in the folder"
    half = fill([f"{tmp_path}/no", http], tmp_path / "3", names=["no.jpg"])["no.jpg"]
    assert half.status == "failed"  # the folder that is not there may have held it
    with pytest.raises(BadInput, match="no: not a folder.*nor: not a folder"):
        fill([f"{tmp_path}/no", f"{tmp_path}/nor"], tmp_path / "4")


def test_a_role_of_the_machine_signs(s3, tmp_path, monkeypatch):
    """The instance's metadata service gives the keys, as on EC2."""
    role = {"Code": "Success", "AccessKeyId": "key", "SecretAccessKey": "secret", "Token": "t"}
    role |= {"Expiration": "2099-01-01T00:00:00Z", "Type": "AWS-HMAC", "LastUpdated": "x"}

    class Metadata(BaseHTTPRequestHandler):
        def answer(self):
            path = self.path.rstrip("/")
            text = "token" if path.endswith("token") else "role"
            text = json.dumps(role) if path.endswith("/role") else text
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = answer

        def log_message(self, *args):
            pass

    with serving(Metadata) as url:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        check(fill("s3://bucket", tmp_path, AWS | {"endpoint_url": s3}), tmp_path)


def test_without_credentials_the_line_says_what_to_do(tmp_path, monkeypatch, s3):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(BadInput, match="no AWS credentials were found; set aws.profile, or aws.an"):
        fill("s3://bucket", tmp_path, AWS | {"endpoint_url": s3})


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (403, "AccessDenied", "failed", "403, AccessDenied; may these credentials read it?"),
        (400, "ExpiredToken", None, "ExpiredToken: the credentials have expired; get new ones"),
        (403, "RequestTimeTooSkewed", None, "this machine's clock is wrong"),
        (301, "PermanentRedirect", None, "the bucket is in another region; set aws.region to that"),
        (400, "AuthorizationHeaderMalformed", None, "the bucket is in another region; set aws."),
        (404, "NoSuchKey", "missing", "HTTP status 404, NoSuchKey"),
        (416, "InvalidRange", "failed", "HTTP status 416"),
    ],
)
def test_refusals_are_said_in_words(tmp_path, status, code, kind, words):
    """As S3 answers; what ends all requests ends the run, what concerns one object is its row."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            text = f"<Error><Code>{code}</Code><AWSAccessKeyId>AKIASECRET</AWSAccessKeyId></Error>"
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args):
            pass

    with serving(Refusing) as url:
        aws = AWS | {"endpoint_url": url, "anonymous": True}
        if kind:
            entry = fill("s3://bucket", tmp_path, aws, ["a/1.jpg"])["a/1.jpg"]
            said = entry.error
            assert entry.status == kind
        else:
            with pytest.raises(BadInput) as error:
                fill("s3://bucket", tmp_path, aws, ["a/1.jpg"])
            said = str(error.value)
    assert words in said and "AKIASECRET" not in said


def test_an_untrusted_certificate_is_refused(tmp_path, folder, monkeypatch):
    """And trusted once AWS_CA_BUNDLE names it."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    openssl = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    openssl += " -addext basicConstraints=critical,CA:FALSE -addext"
    command = [*openssl.split(), "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate to refuse")
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(partial(SimpleHTTPRequestHandler, directory=str(folder)), context) as url:
        with pytest.raises(BadInput, match="certificate cannot be trusted.*AWS_CA_BUNDLE"):
            fill(url, tmp_path, names=["a/1.jpg"])
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        assert fill(url, tmp_path, names=["a/1.jpg"])["a/1.jpg"].status == "ok"


def test_an_image_over_the_limit_is_refused(http, tmp_path):
    got = fill(http, tmp_path, names=["a/1.jpg", "a/9.jpg"], most=1005)
    assert got["a/1.jpg"].status == "ok"
    assert got["a/9.jpg"].error == f"{http}: over the limit of 1005 bytes"
    assert not (tmp_path / "images/a/9.jpg").exists()


def test_a_full_disk_ends_the_run_and_loses_nothing(http, tmp_path):
    """/dev/full says what a full disk says."""

    class Full:
        def fetch(self, key, path):
            with open("/dev/full", "wb", buffering=0) as file:
                file.write(b"x")

    fill(http, tmp_path, names=["a/1.jpg"])
    store = Store(tmp_path / "images", tmp_path / "images/.journal/1.csv", http)
    with pytest.raises(BadInput, match="the disk is full; free some, run again"):
        list(store.fill([(n, n, n) for n in FILES], Full, 2))
    assert (tmp_path / "images/a/1.jpg").read_bytes() == FILES["a/1.jpg"]


def test_two_processes_do_not_fill_the_same_shard(http, tmp_path):
    store = Store(tmp_path / "images", tmp_path / "images/.journal/1.csv", http)
    with store.journal.opened(), pytest.raises(BadInput, match="another process fills it"):
        fill(http, tmp_path)
    check(fill(http, tmp_path), tmp_path)


def test_an_etag_is_no_md5_where_kms_encrypts(s3, tmp_path, monkeypatch):
    """And only there: S3 says so to boto3, which is asked once the bytes do not match."""
    head = {"ETag": '"0123456789abcdef0123456789abcdef"', "Content-Length": "5"}

    class Encrypting(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            for name, value in head.items():
                self.send_header(name, value)
            if "kms" in self.path:
                self.send_header("x-amz-server-side-encryption", "aws:kms")
            self.end_headers()
            self.wfile.write(b"hello" * (self.command == "GET"))

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    with serving(Encrypting) as url:
        aws = AWS | {"endpoint_url": url}
        got = fill("s3://bucket/in", tmp_path, aws, ["kms.jpg", "other.jpg"])
        head["ETag"] += "-2"  # as of an upload in parts
        parts = fill("s3://bucket/in", tmp_path / "2", aws, ["other.jpg"])["other.jpg"]
        head["ETag"] = '"5d41402abc4b2a76b9719d911017c592"'  # the MD5 of hello
        web = fill(url, tmp_path / "3", aws, ["web.jpg"])["web.jpg"]
        whole = fill("s3://bucket", tmp_path / "4", aws, ["other.jpg"])["other.jpg"]
    assert (got["kms.jpg"].status, got["kms.jpg"].md5) == ("ok", "")
    assert got["other.jpg"].error == "s3://bucket/in: the bytes do not match the server's checksum"
    assert (parts.status, parts.md5) == (web.status, web.md5) == ("ok", "")
    assert whole.md5 == "5d41402abc4b2a76b9719d911017c592"


def test_a_signed_address_and_a_password_are_sent_and_never_said(tmp_path):
    asked = []

    class Signed(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(404 if "no" in self.path else 200)
            self.send_header("Content-Length", str(len(COCO)))
            self.end_headers()
            self.wfile.write(COCO)

        def log_message(self, *args):
            pass

    with serving(Signed) as url:
        signed = url.replace("//", "//user:p%40ss-word@") + "/b%20c/?sign=a%2Fsecret"
        got = fill(signed, tmp_path, names=["d/1.jpg", "no.jpg"])
        coco = f"{url}/o/a%2Fb%2Bc.json?sign=secret"
        fetch_annotations(tmp_path / "coco.json", "coco", {"coco": coco} | config_of("", AWS))
    paths, logins = zip(*asked, strict=True)
    assert sorted(paths[:2]) == [f"/b%20c/{name}?sign=a%2Fsecret" for name in ("d/1.jpg", "no.jpg")]
    assert set(logins[:2]) == {"Basic dXNlcjpwQHNzLXdvcmQ="}  # user:p@ss-word
    assert asked[2] == ("/o/a%2Fb%2Bc.json?sign=secret", None)  # as it stands
    assert got["d/1.jpg"].status == "ok" and got["no.jpg"].status == "missing"
    assert got["no.jpg"].error == f"{url}/b%20c/: HTTP status 404"


def test_a_large_object_is_streamed(s3, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("stowaway.download.sources.CHUNK", 100)
    check(fill("s3://bucket", tmp_path, AWS | {"endpoint_url": s3}), tmp_path)


def test_a_server_that_tells_nothing_beforehand_still_gives(folder, tmp_path):
    """What is there already is fetched again where HEAD is refused."""

    class OnlyGet(SimpleHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(405)

    (tmp_path / "images/a").mkdir(parents=True)
    (tmp_path / "images/a/1.jpg").write_bytes(FILES["a/1.jpg"])
    with serving(partial(OnlyGet, directory=str(folder))) as url:
        check(fill(url, tmp_path), tmp_path)


def test_what_ends_the_run_ends_it_at_once(tmp_path):
    """Not after the images before it, and without starting others."""
    started = 0

    class Slow:
        def fetch(self, key, path):
            nonlocal started
            started += 1
            time.sleep(5 if key == "0" else 0.01)
            raise OSError(errno.ENOSPC, "full")

    store = Store(tmp_path / "images", tmp_path / "images/.journal/1.csv", "x")
    start = time.monotonic()
    with pytest.raises(BadInput, match="the disk is full"):
        list(store.fill([(str(n), f"{n}.jpg", str(n)) for n in range(500)], Slow, 4))
    assert time.monotonic() - start < 2 and started <= 64


def test_a_journal_that_was_cut_anywhere_is_read(tmp_path):
    path = tmp_path / "1-of-2.csv"
    with Journal(path).opened() as note:
        for name in ('a"b.jpg', "é.jpg", "last.jpg"):
            note([name, 5, "", "0" * 16])
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length] + b"\n" + whole)
        assert Journal(path).records["last.jpg"] == (5, "", "0" * 16)


def test_journals_of_as_many_shards_are_not_asked(tmp_path):
    for name in ("1-of-2", "1-of-3"):
        with Journal(tmp_path / f"{name}.csv").opened() as note:
            note([f"{name}.jpg", 5, "", "0" * 16])
    journal = Journal(tmp_path / "2-of-2.csv")
    assert list(journal.records) == ["1-of-3.jpg"]


def test_the_coco_itself_is_fetched_or_the_reason_said(http, s3, folder, tmp_path):
    def fetch(*urls, aws=AWS):
        fetch_annotations(tmp_path / "coco.json", "coco", {"coco": list(urls)} | config_of("", aws))
        return (tmp_path / "coco.json").read_bytes()

    for name in ("a.json", "é +.json", "local.json"):
        (folder / name).write_bytes(COCO)
    assert fetch(f"{http}/a.json") == COCO
    assert fetch("s3://bucket/a.json", aws=AWS | {"endpoint_url": s3}) == COCO
    assert fetch(f"{http}/%C3%A9%20+.json?X-Amz-Signature=1") == COCO
    assert fetch(f"{http}/no.json", "no.json", str(folder / "local.json")) == COCO
    secret = f"{http.replace('//', '//user:word@')}/nope.json?sign=secret"
    with pytest.raises(BadInput, match="HTTP status 404.*there is no such file") as error:
        fetch(secret, "data/coco.json")
    assert "secret" not in str(error.value) and "word" not in str(error.value)


def test_shards_do_not_move_when_images_are_added(tmp_path, monkeypatch):
    monkeypatch.setattr("shard_annotations.OPEN_FILES", 2)
    table, outs = tmp_path / "annotations.csv", [tmp_path / f"{n}.csv" for n in range(3)]
    for count in (50, 60):
        table.write_text("crop_id,image_id\n" + "".join(f"c{n},p:{n // 2}\n" for n in range(count)))
        shard_annotations(table, outs)
        dealt = {row["image_id"]: n for n, out in enumerate(outs) for row in rows(out)}
        assert dealt == {f"p:{n}": shard_of(f"p:{n}", 3) for n in range(count // 2)}
        assert sum(len(list(rows(out))) for out in outs) == count

"""When photos were taken, by the first bytes of their files: in a folder, and on a web server."""

import csv
import json
import re
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread

import numpy as np
import pytest
from PIL import Image
from site_config import config_of

from fetch_annotations import fetch_annotations
from read_photo_times import read_photo_times
from stowaway.core.script import BadInput
from stowaway.download.photo_heads import HEADS, read_head
from stowaway.download.sources import Sources

AWS = {"profile": None, "region": "us-east-1", "anonymous": True, "endpoint_url": None}
LIMITS = {"json_bytes": 10**6, "zip_ratio": 200}
NOISE = np.random.default_rng(1).integers(0, 255, (300, 400, 3), dtype=np.uint8)


def jpeg(original=None, fraction=None, offset=None, turn=1, form="JPEG", **settings) -> bytes:
    """A photo of 400 x 300 pixels with these tags of EXIF."""
    exif, file = Image.Exif(), BytesIO()
    tags = {0x9003: original, 0x9291: fraction, 0x9011: offset}
    exif.get_ifd(0x8769).update({tag: text for tag, text in tags.items() if text})
    exif[0x0112] = turn
    Image.fromarray(NOISE).save(file, form, exif=exif, **settings)
    return file.getvalue()


PHOTOS = {
    "a/1.jpg": jpeg("2024:03:01 06:10:22", "25", "-07:00", quality=95),
    "a/é 2.jpg": jpeg("2024:03:01 06:10:23", turn=6),
    "b/3.jpg": jpeg(),
    "b/4.png": jpeg("2024:03:01 06:10:24", form="PNG"),
    "b/5.jpg": jpeg("0000:00:00 00:00:00", "x", "+7"),
}
EXPECTED = [
    ["a/1.jpg", "2024-03-01T06:10:22.25", "-07:00", "400", "300"],
    ["a/é 2.jpg", "2024-03-01T06:10:23", "", "300", "400"],
    ["b/3.jpg", "", "", "400", "300"],
    ["b/4.png", "2024-03-01T06:10:24", "", "400", "300"],
    ["b/5.jpg", "0000-00-00T00:00:00", "", "400", "300"],
]


class Server(BaseHTTPRequestHandler):
    """Serves PHOTOS and what is in `more`, with ranges or without."""

    ranges, sent = True, 0
    more: dict[str, bytes] = {}

    def do_GET(self):
        name = self.path.partition("?")[0].removeprefix("/photos/").replace("%C3%A9%20", "é ")
        content = (PHOTOS | self.more).get(name)
        if content is None:
            self.send_error(404)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"] or "")
        part = content
        if wanted and self.ranges:
            part = content[int(wanted[1]) : int(wanted[2]) + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes 0-{len(part) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        Server.sent += len(part)
        self.wfile.write(part)

    def log_message(self, *arguments):
        pass


@contextmanager
def serving(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/photos"
    finally:
        server.shutdown()
        server.server_close()


def read(folder, source, names, max_failed=0.0):
    """The rows of photo_times.csv, of a detections file of these photos."""
    images = [{"file": name, "detections": []} for name in names]
    content = {"detection_categories": {"1": "animal"}, "images": images}
    (folder / "md.json").write_text(json.dumps(content))
    table = folder / "photo_times.csv"
    failures, config = str(folder / "failed.csv"), config_of(source, AWS, max_failed)
    read_photo_times(folder / "md.json", table, failures, 4, LIMITS, config)
    return list(csv.reader(table.open(newline="", encoding="utf-8")))[1:]


@pytest.fixture
def photos(tmp_path):
    for name, content in PHOTOS.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "photos"


def test_times_of_photos_in_a_folder(photos, tmp_path):
    assert read(tmp_path, str(photos), PHOTOS) == EXPECTED
    assert not (tmp_path / "failed.csv").exists()


@pytest.mark.parametrize("ranges", [True, False])
def test_times_of_photos_on_a_server(tmp_path, ranges):
    """A request for the first 64 KB alone, where the server knows such requests."""
    assert len(PHOTOS["b/4.png"]) > 3 * HEADS[0]
    Server.sent = 0
    with serving(type("Ranges", (Server,), {"ranges": ranges})) as url:
        assert read(tmp_path, url, PHOTOS) == EXPECTED
    if ranges:
        assert Server.sent <= len(PHOTOS) * HEADS[0]


def test_a_header_longer_than_the_first_bytes_is_read_on(monkeypatch):
    monkeypatch.setattr("stowaway.download.photo_heads.HEADS", (100, 200, 1 << 20))
    with serving(Server) as url:
        head = read_head(Sources(url, AWS, 1, 10**6), "a/1.jpg")
    assert (head.datetime, head.width, head.status) == ("2024-03-01T06:10:22.25", 400, "ok")


def test_photos_that_cannot_be_read_are_counted_and_listed(photos, tmp_path):
    (photos / "b/3.jpg").write_bytes(b"<html>login</html>")
    names = [*PHOTOS, "b/no.jpg", "../x.jpg"]
    rows = read(tmp_path, str(photos), names, max_failed=0.34)
    assert [row[0] for row in rows] == names[:-1]  # what the index refuses is not asked for
    assert rows[2] == ["b/3.jpg", "", "", "", ""] and rows[5] == ["b/no.jpg", "", "", "", ""]
    failed = list(csv.reader((tmp_path / "failed.csv").open(newline="")))
    assert failed[1:] == [
        ["b/3.jpg", "failed", "not a photo: HTML page"],
        ["b/no.jpg", "missing", f"{photos}: no such file in the folder"],
    ]
    with pytest.raises(
        BadInput, match=r"2 of 6 images \(33.3%\) .* max_failed = 10.0%; .*run again"
    ):
        read(tmp_path, str(photos), names, max_failed=0.1)
    with pytest.raises(BadInput, match="none of the first 25 images could be had"):
        read(tmp_path, str(photos), ["b/3.jpg"] * 30, max_failed=1.0)


def test_detections_are_fetched_as_a_coco_is(tmp_path):
    content = json.dumps({"detection_categories": {"1": "animal"}, "images": [{"file": "a.jpg"}]})
    coco = json.dumps({"images": [{}], "annotations": [], "categories": [{"id": 1}]})
    more = {"md.json": content.encode(), "coco.json": coco.encode(), "cut.json": b'{"images": [{'}
    fetch = partial(fetch_annotations, tmp_path / "out.json", "detections")
    with serving(type("Files", (Server,), {"more": more})) as url:
        addresses = [f"{url}/coco.json", f"{url}/cut.json", f"{url}/no.json"]
        with pytest.raises(BadInput) as error:
            fetch({"detections": addresses} | config_of("", AWS))
        fetch({"detections": [*addresses, f"{url}/md.json?sign=secret"]} | config_of("", AWS))
    assert (tmp_path / "out.json").read_text() == content
    line = str(error.value)
    assert line.startswith("detections: it is not there or cannot be had: ")
    assert "a COCO JSON" in line and "cut short" in line and "HTTP status 404" in line

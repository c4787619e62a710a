"""What was fetched is what was asked for: photos, a whole COCO; other spellings; no links."""

import errno
import gzip
import json
import os
import unicodedata
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path

import pytest
from faulty_server import HEADER
from site_config import config_of
from test_store import AWS, SHARD, serving

from download_images import download_images
from fetch_annotations import fetch_annotations, why_not
from plan_download import plan_download
from stowaway.annotations.json_file import Limits
from stowaway.annotations.json_source import COCO
from stowaway.core.script import BadInput
from stowaway.core.tables import rows
from stowaway.data.photos import why_no_photo
from stowaway.download.sources import Sources
from stowaway.download.store import Entry, Store

PHOTO = HEADER + bytes(60)
PAGE = b"<!doctype html><title>Log in</title>" + bytes(len(PHOTO) - 36)  # as long as the photo
NOTHING = "no such file in the folder"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("stowaway.download.sources.PAUSE", 0.001)


@pytest.fixture
def site():
    """The address of a server that gives what its dict `files` holds, and that dict."""

    class Site(BaseHTTPRequestHandler):
        files: dict[str, bytes] = {}

        def do_GET(self):
            content = self.files.get(self.path[1:])
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write((content or b"") * (self.command == "GET"))

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    with serving(Site) as url:
        yield url, Site.files


def fill(source, folder: Path, *names: str) -> dict[str, Entry]:
    store = Store(folder / "images", folder / "images/.journal/1-of-1.csv", source)
    opened = partial(Sources, source, AWS, 1, 10**6, check=why_no_photo)
    return {e.file_name: e for e in store.fill([(n, n, n) for n in names], opened, 2)}


def files_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.suffix != ".csv" and not p.is_dir())


def test_a_login_page_is_no_photo_and_the_next_source_is_asked(site, tmp_path):
    url, files = site
    files |= {"1.jpg": PHOTO, "2.jpg": PAGE, "3.jpg": PAGE, "4.jpg": b""}
    (tmp_path / "second").mkdir()
    (tmp_path / "second/3.jpg").write_bytes(PHOTO)
    got = fill([url, str(tmp_path / "second")], tmp_path, *files)
    assert {name: entry.status for name, entry in got.items()} == {
        "1.jpg": "ok",
        "2.jpg": "failed",
        "3.jpg": "ok",
        "4.jpg": "failed",
    }
    why = f"{url}: not a photo: HTML page of 114 bytes; {tmp_path}/second: {NOTHING}"
    assert got["2.jpg"].error == why
    assert got["4.jpg"].error.startswith(f"{url}: not a photo: empty file; ")
    assert files_in(tmp_path / "images") == ["1.jpg", "3.jpg"]
    files["2.jpg"] = PHOTO  # the server is mended: simply running again brings it
    assert fill([url, str(tmp_path / "second")], tmp_path, "2.jpg")["2.jpg"].fetched


def test_a_page_that_an_older_version_stored_is_not_adopted(site, tmp_path):
    url, files = site
    files["1.jpg"] = PAGE
    (tmp_path / "images").mkdir()
    (tmp_path / "images/1.jpg").write_bytes(PAGE)
    assert fill(url, tmp_path, "1.jpg")["1.jpg"].status == "failed"
    files["1.jpg"] = PHOTO
    assert fill(url, tmp_path, "1.jpg")["1.jpg"].fetched
    assert (tmp_path / "images/1.jpg").read_bytes() == PHOTO


def test_too_many_login_pages_end_the_run(site, tmp_path):
    url, files = site
    files |= {f"{n}.jpg": PAGE if n < 3 else PHOTO for n in range(9)}
    shard = tmp_path / "1-of-1.csv"
    shard.write_text(SHARD + "".join(f"{n},{n},{n},{n},0,0,5,5,a,a,A,,e,,\n" for n in files))
    run = partial(
        download_images,
        shard=shard,
        manifest=tmp_path / "manifest.csv",
        failures=tmp_path / "failed.csv",
        folder=tmp_path / "images",
        journal=tmp_path / "images/.journal/1-of-1.csv",
        connections=2,
        config=config_of(url, AWS, 0.01),
    )
    with pytest.raises(BadInput, match=r"^3 of 9 images .*: not a photo: HTML page of 114 bytes$"):
        run()
    assert len(list(rows(tmp_path / "failed.csv"))) == 3
    files |= dict.fromkeys(files, PHOTO)
    run()
    assert {row["status"] for row in rows(tmp_path / "manifest.csv")} == {"ok"}


def test_what_was_forgotten_is_asked_for_again_and_nothing_else(site, tmp_path):
    url, files = site
    files |= {"1.jpg": PHOTO, "2.jpg": PHOTO}
    got = fill(url, tmp_path, *files)
    store = Store(tmp_path / "images", tmp_path / "images/.journal/1-of-1.csv", url)
    store.forget([{"file_name": "1.jpg", "path": got["1.jpg"].path}])
    assert files_in(tmp_path / "images") == ["2.jpg"]
    (tmp_path / "images/1.jpg").write_bytes(PHOTO[:-1] + b"x")  # as long as it was
    files["1.jpg"] = PHOTO + b"mended"
    again = fill(url, tmp_path, *files)
    assert [again[name].fetched for name in files] == [True, False]
    assert not any(entry.fetched for entry in fill(url, tmp_path, *files).values())


def test_a_placeholder_that_was_forgotten_and_kept_goes_once_the_server_is_mended(site, tmp_path):
    url, files = site
    files |= {"1.jpg": PHOTO, "2.jpg": PHOTO, "3.jpg": PHOTO}
    got = fill(url, tmp_path, *files)
    store = Store(tmp_path / "images", tmp_path / "images/.journal/1-of-1.csv", url)
    entries = [{"file_name": name, "path": got[name].path} for name in ("1.jpg", "2.jpg")]
    store.forget(entries, keep=True)
    assert files_in(tmp_path / "images") == ["1.jpg", "2.jpg", "3.jpg"]
    files["1.jpg"] = files["3.jpg"] = PHOTO + b"mended"
    again = fill(url, tmp_path, *files)
    assert [again[name].fetched for name in files] == [True, False, False]
    assert Path(got["1.jpg"].path).read_bytes() == PHOTO + b"mended"


@pytest.mark.parametrize("own", ["images", ".", "images/a"])
def test_to_forget_deletes_no_photo_of_a_source(tmp_path, own):
    (tmp_path / "images/a").mkdir(parents=True)
    (tmp_path / "images/a/1.jpg").write_bytes(PAGE)
    journal = tmp_path / "images/.journal/1-of-1.csv"
    entry = {"file_name": "a/1.jpg", "path": str(tmp_path / "images/a/1.jpg")}
    Store(tmp_path / "images", journal, ["s3://bucket", str(tmp_path / own)]).forget([entry])
    assert (tmp_path / "images/a/1.jpg").read_bytes() == PAGE
    Store(tmp_path / "images", journal, "s3://bucket").forget([entry, entry])
    assert not (tmp_path / "images/a/1.jpg").exists()


def refusing(monkeypatch, method: str, number: int, name: str = "bad.jpg") -> None:
    """Have a method of `Path` fail for the file of that name, as the system does."""
    before = getattr(Path, method)

    def failing(path, *arguments, **options):
        if path.name == name:
            raise OSError(number, os.strerror(number))
        return before(path, *arguments, **options)

    monkeypatch.setattr(Path, method, failing)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_what_a_folder_does_not_give_is_a_row_that_says_why(tmp_path, monkeypatch, number):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, content in {"good": PHOTO, "bad": PHOTO, "page": PAGE}.items():
        (folder / f"{name}.jpg").write_bytes(content)
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    (folder / "dangling.jpg").symlink_to(tmp_path / "gone")
    refusing(monkeypatch, "stat", number)
    names = "good bad page folder pipe dangling".split()
    got = fill(str(folder), tmp_path, *(f"{name}.jpg" for name in names))
    assert [entry.error.removeprefix(f"{folder}: ") for entry in got.values()] == [
        "",
        f"cannot be read: {os.strerror(number)}",
        "not a photo: HTML page of 114 bytes",
        "a folder, or no file",
        "a folder, or no file",
        NOTHING,
    ]
    assert files_in(tmp_path / "images") == ["good.jpg"]
    shard = tmp_path / "1-of-1.csv"
    shard.write_text(SHARD + "bad.jpg,bad.jpg,bad.jpg,bad.jpg,0,0,5,5,a,a,A,,e,,\n")
    config = config_of(str(folder), AWS)
    plan_download([shard], tmp_path / "plan.txt", str(tmp_path / "images"), 2, config)
    assert "1 of 1 are unknown" in (tmp_path / "plan.txt").read_text()


def test_a_folder_that_may_not_be_looked_at_is_said_to_be_so(tmp_path, monkeypatch):
    """Not that its address is malformed; another source may have the photos."""
    (tmp_path / "second").mkdir()
    (tmp_path / "second/1.jpg").write_bytes(PHOTO)
    stat, closed = os.stat, tmp_path / "closed/photos"

    def refuse(path, *arguments, **options):
        if str(path) == str(closed):
            raise PermissionError(errno.EACCES, "Permission denied")
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", refuse)
    got = fill([str(closed), str(tmp_path / "second")], tmp_path, "1.jpg", "2.jpg")
    assert got["1.jpg"].status == "ok"
    assert got["2.jpg"].error.startswith(f"{closed}: not a folder that can be read; ")
    with pytest.raises(BadInput, match="closed/photos: not a folder that can be read"):
        fill(str(closed), tmp_path / "2", "1.jpg")


def test_a_photo_of_a_source_that_is_the_store_stays_where_it_cannot_be_compared(
    tmp_path, monkeypatch
):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/bad.jpg").write_bytes(PHOTO)

    def refuse(*arguments, **options):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("filecmp.cmp", refuse)
    fill(str(tmp_path / "images"), tmp_path, "bad.jpg")
    assert (tmp_path / "images/bad.jpg").read_bytes() == PHOTO


@pytest.mark.parametrize(
    ("there", "asked", "words"),
    [
        ("cam/a.JPG", "cam/a.jpg", "case"),
        ("Cam 1/a.jpg", "cam 1/A.JPG", "case"),
        (unicodedata.normalize("NFD", "Ñu/é.jpg"), "Ñu/é.jpg", "Unicode form (NFC, NFD)"),
        (unicodedata.normalize("NFC", "é.jpg"), unicodedata.normalize("NFD", "é.jpg"), "Unicode"),
        (unicodedata.normalize("NFD", "é.JPG"), "é.jpg", "case"),
        ("cam/a.jpeg", "cam/a.jpg", None),
    ],
)
def test_a_name_that_is_spelt_otherwise_on_disk_is_said_and_not_taken(
    tmp_path, there, asked, words
):
    path = tmp_path / "photos" / there
    path.parent.mkdir(parents=True)
    path.write_bytes(PHOTO)
    entry = fill(str(tmp_path / "photos"), tmp_path, asked)[asked]
    assert entry.status == "missing" and files_in(tmp_path / "images") == []
    said = entry.error.removeprefix(f"{tmp_path}/photos: {NOTHING}")
    if words is None:
        assert said == ""
    else:
        assert said.startswith(f"; there is {there}: names differ in {words}")
        assert said.endswith("; rename the file, or mend the COCO")


def test_of_two_names_in_other_letters_none_is_said(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.JPG", "A.jpg", "B.jpg"):
        (tmp_path / "photos" / name).write_bytes(PHOTO)
    (tmp_path / "photos" / os.fsdecode(b"C\xff.jpg")).write_bytes(PHOTO)  # no UTF-8
    names = ["a.jpg", "b.jpg/x.jpg", "c\udcff.jpg"]
    got = fill(str(tmp_path / "photos"), tmp_path, *names[:2])
    assert {entry.error for entry in got.values()} == {f"{tmp_path}/photos: {NOTHING}"}
    with pytest.raises(Exception, match="control"):
        Sources(str(tmp_path / "photos"), AWS, 1, 9).fetch(names[2], str(tmp_path / "x"))


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_without_symbolic_links_photos_are_copied_and_that_is_said_once(
    tmp_path, monkeypatch, capsys, number
):
    (tmp_path / "photos").mkdir()
    names = [f"{n}.jpg" for n in range(9)]
    for name in names:
        (tmp_path / "photos" / name).write_bytes(PHOTO)

    def refuse(*arguments, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.symlink", refuse)
    got = fill(str(tmp_path / "photos"), tmp_path, *names)
    assert all(entry.fetched for entry in got.values()) and files_in(tmp_path / "images") == names
    assert not any(Path(entry.path).is_symlink() for entry in got.values())
    assert all(Path(entry.path).read_bytes() == PHOTO for entry in got.values())
    said = f"{tmp_path}/images: no symbolic links can be made here; photos are copied\n"
    assert 1 <= capsys.readouterr().err.count(said) <= 2  # of two threads
    assert not any(e.fetched for e in fill(str(tmp_path / "photos"), tmp_path, *names).values())


TEXT = json.dumps(
    {"info": {"n": 1}, "images": [{"id": 1}] * 50, "annotations": [], "categories": [{"id": 1}]}
)
LIMITS = Limits(json_bytes=10**6, zip_ratio=200)
ZIP = BytesIO()
with zipfile.ZipFile(ZIP, "w") as archive:
    archive.writestr("coco.json", TEXT)
WHOLE = {
    "JSON": TEXT.encode(),
    "JSON with a mark and blanks": b"\xef\xbb\xbf \n" + TEXT.encode() + b"\r\n" * 3000,
    "UTF-16": TEXT.encode("utf-16") + "\r\n".encode("utf-16-le"),
    "UTF-16, big-endian, no mark": TEXT.encode("utf-16-be"),
    "zip": ZIP.getvalue(),
    "gzip": gzip.compress(TEXT.encode()),
}
WRONG = {
    b"": "not a COCO JSON: empty file",
    b"<html>Log in": "not a COCO JSON: HTML page",
    b"id,file_name\n": r"not a COCO JSON: table (CSV) that begins with 'id,file_name\n'",
    b"[1, 2]": "not a COCO JSON: JSON list",
    b'{"message": "denied"}': "no 'categories' list (top level: 'message')",
    HEADER: "not a COCO JSON: BMP",
}


@pytest.mark.parametrize("form", WHOLE)
def test_a_whole_coco_passes_in_every_form_and_no_part_of_it_does(tmp_path, form):
    path, content = tmp_path / "coco", WHOLE[form]
    path.write_bytes(content)
    assert why_not(path, COCO, LIMITS) is None
    end = len(content.rstrip(b" \r\n\0"))
    for length in (end - 1, end - 8, end // 2):
        path.write_bytes(content[:length])
        assert "download it again" in why_not(path, COCO, LIMITS)


@pytest.mark.parametrize("content", WRONG)
def test_what_is_no_coco_is_never_kept(tmp_path, site, content):
    """The next address is asked; the line names each; another run asks again."""
    url, files = site
    files["coco.json"] = content
    (tmp_path / "local.json").write_bytes(content)
    target = tmp_path / "out/coco.json"
    addresses = [f"{url}/coco.json", str(tmp_path / "local.json")]
    with pytest.raises(BadInput) as error:
        fetch_annotations(target, "coco", {"coco": addresses} | config_of("", AWS))
    assert str(error.value) == (
        f"coco: it is not there or cannot be had: {url}/coco.json: {WRONG[content]}; {COCO.needs}; "
        f"{tmp_path}/local.json: {WRONG[content]}; {COCO.needs}"
    )
    assert not list(tmp_path.glob("out/*"))
    (tmp_path / "local.json").write_bytes(WHOLE["JSON"])
    fetch_annotations(target, "coco", {"coco": addresses} | config_of("", AWS))
    assert target.read_bytes() == WHOLE["JSON"]

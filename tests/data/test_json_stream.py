"""Lists of a JSON, streamed."""

import json
import zipfile

import pytest

from stowaway.core.script import BadInput
from stowaway.data.json_stream import Limits, items

IMAGES = [{"id": n, "size": n + 0.5, "name": "é"} for n in range(1000)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "coco.json"
    path.write_text(json.dumps({"info": {"images": 3}, "images": IMAGES, "annotations": []}))
    return path


def test_the_elements_of_a_list_one_at_a_time(path):
    stream = items(path, "images")
    assert next(stream) == IMAGES[0]
    assert list(stream) == IMAGES[1:]
    assert list(items(path, "annotations")) == []


def test_a_list_within_a_zip_beside_a_macs_own_files(path, tmp_path):
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "export/coco.json")
        archive.writestr("__MACOSX/export/._coco.json", "")
        archive.writestr("readme.txt", "")
    assert list(items(tmp_path / "c.zip", "images")) == IMAGES


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"images": [1, 2]}', "entry 0 of 'images' is no object"),
        ('{"images": []}', "no 'images' list with entries"),
        ('{"images": [{"id": 1},', "JSON cut short: it ends at byte 22"),
        ('{"images": [{"id": 1}, }]}', "JSON broken near byte"),
    ],
)
def test_what_is_no_such_list_is_one_clear_line(tmp_path, text, line):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=line) as error:
        list(items(path, "images"))
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


def test_reading_ends_at_the_limit(path):
    size = path.stat().st_size
    assert len(list(items(path, "images", Limits(json_bytes=size)))) == 1000
    with pytest.raises(BadInput, match=r"limits.json_bytes"):
        list(items(path, "images", Limits(json_bytes=size - 1)))

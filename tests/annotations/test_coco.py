"""Lists of a JSON, streamed."""

import json
import zipfile

import pytest

from stowaway.annotations.json_file import Limits, read_list
from stowaway.core.script import BadInput

GENEROUS = Limits(json_bytes=10**9, zip_ratio=200)
IMAGES = [{"id": n, "size": n + 0.5, "name": "é"} for n in range(1000)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "coco.json"
    path.write_text(json.dumps({"info": {"images": 3}, "images": IMAGES, "annotations": []}))
    return path


def test_the_elements_of_a_list_one_at_a_time(path):
    stream = read_list(path, "images", GENEROUS)
    assert next(stream) == IMAGES[0]
    assert list(stream) == IMAGES[1:]
    assert list(read_list(path, "annotations", GENEROUS)) == []


def test_a_list_within_a_zip_beside_a_macs_own_files(path, tmp_path):
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "export/coco.json")
        archive.writestr("__MACOSX/export/._coco.json", "")
        archive.writestr("readme.txt", "")
    assert list(read_list(tmp_path / "c.zip", "images", GENEROUS)) == IMAGES


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
        list(read_list(path, "images", GENEROUS))
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


def test_reading_ends_at_the_limit(path):
    size = path.stat().st_size
    assert len(list(read_list(path, "images", Limits(size, 200)))) == 1000
    with pytest.raises(BadInput, match=r"limits.json_bytes"):
        list(read_list(path, "images", Limits(size - 1, 200)))

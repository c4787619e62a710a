"""Files are whole or not there."""

import os

import pytest

from stowaway.core.files import replacing


def test_the_file_appears_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as file:
        file.write("é\r\n")
        assert not path.exists()
    assert path.read_bytes() == "é\r\n".encode()
    assert list(path.parent.iterdir()) == [path]


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda file: done.append(os.fstat(file).st_size))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("renamed") or replace(*paths))
    with replacing(tmp_path / "a.txt") as file:
        file.write("new")
    with replacing(tmp_path / "crop.jpg", "wb", sync=False) as file:
        file.write(b"new")
    assert done == [3, "renamed", "renamed"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_the_old_file_and_no_rest(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(error), replacing(path, "wb") as file:
        file.write(b"half of the new")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_rest_of_a_killed_process_is_overwritten_and_a_link_is_not_followed(tmp_path):
    path, rest, other = tmp_path / "a", tmp_path / "rest", tmp_path / "other"
    rest.write_text("longer than the new text")
    with replacing(path, temporary=rest) as file:
        file.write("new")
    assert path.read_text() == "new"
    other.write_text("precious")
    rest.symlink_to(other)
    with replacing(path, temporary=rest) as file:
        file.write("newer")
    assert (path.read_text(), other.read_text()) == ("newer", "precious")
    assert not path.is_symlink()

"""Tables: text stays text, blank numbers are missing, files are whole."""

import math

import pandas as pd
import pytest

from stowaway.core.tables import read_table, rows, write_table

CSV = 'crop_id,species,location,value\n1.jpg,NA,007,0.5\n"a,b.jpg",null,,\nc.jpg,rat,12,nan\n'


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(CSV)
    return path


def test_text_stays_text_and_a_blank_number_is_missing(path):
    table = read_table(path)
    assert table["species"].tolist() == ["NA", "null", "rat"]
    assert table["location"].tolist() == ["007", "", "12"]
    assert table["crop_id"].tolist() == ["1.jpg", "a,b.jpg", "c.jpg"]
    assert table["value"][0] == 0.5 and table["value"][1:].isna().all()


def test_some_columns_of_a_table(path):
    assert list(read_table(path, ["location", "crop_id"])) == ["crop_id", "location"]


def test_a_table_comes_back_as_it_was_written(path, tmp_path):
    table = read_table(path)
    write_table(table, tmp_path / "new" / "t.csv")
    pd.testing.assert_frame_equal(read_table(tmp_path / "new" / "t.csv"), table)


def test_a_table_that_cannot_be_written_leaves_the_old_one(path):
    class Unprintable:
        def __str__(self):
            raise ValueError("no text")

    with pytest.raises(ValueError, match="no text"):
        write_table(pd.DataFrame({"value": [1, Unprintable()]}), path)
    assert path.read_text() == CSV


def test_streamed_rows_are_text(path):
    streamed = list(rows(path))
    assert streamed[1] == {"crop_id": "a,b.jpg", "species": "null", "location": "", "value": ""}
    assert [row["value"] for row in streamed] == ["0.5", "", "nan"]
    assert math.isnan(float(streamed[2]["value"]))

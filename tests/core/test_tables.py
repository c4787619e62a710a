"""Tables: text stays text, blank numbers are missing, files are whole."""

import csv
import math

import pandas as pd
import pytest

from stowaway.core.tables import read_sheet, read_table, rows, write_sheet, write_table

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
    table.loc[0, "location"] = "a\rb"
    write_table(table, tmp_path / "new" / "t.csv")
    pd.testing.assert_frame_equal(read_table(tmp_path / "new" / "t.csv"), table)


FORMULAS = ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_like_a_formula_is_no_formula_in_a_spreadsheet(tmp_path, text):
    table = pd.DataFrame({"event": [text, "a=1", "o'neil"], "species": ["'quoted'", "", text]})
    table = table.assign(score=[-0.5, -1.0, 2.0], datetime=[None, "2024", text])
    write_sheet(table, tmp_path / "t.csv")
    with open(tmp_path / "t.csv", newline="") as file:
        cells = list(csv.reader(file))[1:]
    assert cells == [
        ["'" + text, "'quoted'", "-0.5", ""],  # numbers stay numbers
        ["a=1", "", "-1.0", "2024"],
        ["o'neil", "'" + text, "2.0", "'" + text],
    ]
    pd.testing.assert_frame_equal(read_sheet(tmp_path / "t.csv"), table.fillna(""))


def test_text_with_an_apostrophe_before_a_formula_comes_back_too(tmp_path):
    table = pd.DataFrame({"event": ["=1", "'=1", "''=1", "'", "''", "'a"]})
    write_sheet(table, tmp_path / "t.csv")
    written = (tmp_path / "t.csv").read_text().split()[1:]
    assert written == ["'=1", "''=1", "'" * 3 + "=1", "'", "''", "'a"]
    pd.testing.assert_frame_equal(read_sheet(tmp_path / "t.csv"), table)


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

import pytest

from stowaway.core.names import (
    clean_id,
    clean_label,
    clean_location,
    crop_name,
    location_key,
    name_key,
    shown,
    slug,
    why_unsafe,
    why_unsafe_key,
)


def test_labels_and_slugs():
    assert clean_label("  Scrub \t JAY ") == "scrub jay"
    assert slug("White-nosed Coati") == "white_nosed_coati"
    assert slug("Ōkārito kiwi") == "ōkārito_kiwi"
    assert slug("?!") == ""


def test_labels_are_compared_as_people_read_them():
    assert clean_label("n\u0303eque") == clean_label("\u00d1EQUE") == "\u00f1eque"
    assert clean_label("\ufefffox\u200b") == clean_label("fo\u00adx") == "fox"
    assert clean_label("red\tfox\x1b[31m\x00") == "red fox [31m"
    assert clean_label("\ufb01sher") == "fisher" and clean_label("\uff26OX") == "fox"
    assert clean_label("\uff1cfox\uff1e") == "(fox)" and clean_label("a\u3000 b") == "a b"
    assert clean_label("</script><img src=x>") == "(/script)(img src=x)"
    assert clean_label("fox\ud800") == "fox\ufffd"


@pytest.mark.parametrize("value", [1, 1.0, "1", " 1 ", "1.0", "\ufeff1"])
def test_one_id_in_its_many_forms(value):
    assert clean_id(value) == "1"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "\u200b",
        True,
        False,
        [1],
        {},
        float("nan"),
        float("inf"),
        1e308,
        2.0**53,
        -(2.0**53),
        9007199254740993.0,
        "9007199254740992.0",
    ],
)
def test_what_is_no_id(value):
    assert clean_id(value) is None
    assert clean_location(value) is None


def test_other_ids_stay_apart():
    values = [1, "01", "001", 1.5, -1, "a", "A", "a.0", "1.00", 2**63, 2**64]
    values += [2**53, 2**53 + 1, 2.0**53 - 1, "9007199254740995", "1e16"]
    assert len({clean_id(value) for value in values}) == len(values)
    assert clean_id(-0.0) == "0" and clean_id("e\u0301") == "\u00e9"
    assert clean_id(10**5000) is None


def test_locations():
    assert clean_location(" GIG-06  04\n") == "GIG-06 04"
    assert clean_location(7) == clean_location(7.0) == clean_location("7") == "7"
    assert clean_location("007") == "007"
    nested = []
    for _ in range(2000):
        nested = [nested]
    assert clean_location(nested) is None


@pytest.mark.parametrize(
    "value",
    [
        *["nan", "NaN", "None", "null", "NULL", "N/A", "NA", "n/a", "-", "?", "undefined"],
        *["(null)", "unknown  Location", "Unknown", " - ", "<NA>", "#N/A", "nil", "NaT", -1, "-1"],
    ],
)
def test_words_for_no_value_are_no_location_though_they_may_be_ids(value):
    assert clean_location(value) is None
    assert clean_id(value) is not None


@pytest.mark.parametrize("value", [0, "0", "01", "NA-1", "-2", "Nanaimo", "none such", "A-"])
def test_locations_that_look_like_no_value(value):
    assert clean_location(value) == str(value)


def test_one_location_in_its_many_forms():
    names = ["CAM-1", "cam\u20101", "Cam\u20111", "CAM\u20131", "CAM\u20141", "CAM\u22121"]
    names += ["\uff23\uff21\uff2d\uff0d\uff11", "CAM\u20151"]
    assert {location_key(name) for name in names} == {"cam-1"}
    assert clean_location("\u2014") is None and clean_location("\uff2e\uff0f\uff21") is None
    assert location_key("CAM 1") != location_key("CAM-1") != location_key("CAM_1")


def test_a_value_in_a_message_is_short_and_harmless():
    assert shown("a\x1b[2J\nb") == "'a [2J b'"
    assert shown("x" * 100) == "'" + "x" * 59 + "\u2026'"


@pytest.mark.parametrize(
    "name",
    [
        *["", None, "/etc/passwd", "../x.jpg", "a/../../x.jpg", "a//x.jpg", "./x.jpg", "C:/x.jpg"],
        *["c:x.jpg", "a\\..\\x.jpg", "a/x\0.jpg", "a/x\n.jpg", "a/\u202egpj.x", ".hidden/x.jpg"],
        *["a/" + "x" * 230 + ".jpg", "a/con.jpg", "a/x.jpg.", "a/x.jpg ", "a/ x.jpg", "é" * 115],
    ],
)
def test_unsafe_names(name):
    assert why_unsafe(name)


@pytest.mark.parametrize("name", ["x.jpg", "loc-1/002/003.jpg", "a b/é (1).jpg", "ab:c/d:e.jpg"])
def test_safe_names(name):
    assert why_unsafe(name) is None


@pytest.mark.parametrize("key", ["a/../b", "a\ud800", "a/" * 510 + "b", "a/" + "x" * 256])
def test_unsafe_keys(key):
    assert why_unsafe_key(key)
    assert why_unsafe_key("original/p:1-original.jpg") is None


def test_name_keys_of_names_that_a_file_system_mixes_up():
    assert name_key("A/É.jpg") == name_key("a/e\u0301.JPG")


def test_crop_names():
    assert crop_name("a/1.jpg", None) == "a/1.jpg"
    assert crop_name("a/1.JPG", 2) == "a/1.box2.JPG"
    assert crop_name("a/1.png", None) == "a/1.png.jpg"
    assert crop_name("a/1", 12) == "a/1.box12.jpg"

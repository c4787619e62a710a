import pytest

from stowaway.core.names import clean_label, crop_name, name_key, slug, why_unsafe


def test_labels_and_slugs():
    assert clean_label("  Scrub \t JAY ") == "scrub jay"
    assert slug("White-nosed Coati") == "white_nosed_coati"
    assert slug("Ōkārito kiwi") == "ōkārito_kiwi"
    assert slug("?!") == ""


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


def test_name_keys_of_names_that_a_file_system_mixes_up():
    assert name_key("A/É.jpg") == name_key("a/e\u0301.JPG")


def test_crop_names():
    assert crop_name("a/1.jpg", None) == "a/1.jpg"
    assert crop_name("a/1.JPG", 2) == "a/1.box2.JPG"
    assert crop_name("a/1.png", None) == "a/1.png.jpg"
    assert crop_name("a/1", 12) == "a/1.box12.jpg"

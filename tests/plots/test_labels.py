"""Labels on figures: short, in letters that some font has, never a formula, no two alike."""

import re
import warnings
from contextlib import nullcontext
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager
from matplotlib.text import Text
from snakemake.iocontainers import Namedlist

from conftest import ROOT
from stowaway.plots import labels, style
from stowaway.plots.labels import advice, plain
from stowaway.plots.style import plt, save

STYLE = str(ROOT / "workflow/stowaway.mplstyle")
RAT = "老鼠"
look_for_fonts = labels.installed.__wrapped__  # without its cache


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Only DejaVu is installed, no label was shown yet, and every warning is an error."""
    monkeypatch.setattr(fontManager, "ttflist", list(fontManager.ttflist))
    monkeypatch.setattr(labels, "shown", {})
    monkeypatch.setattr(labels, "fontless", set())
    monkeypatch.setattr(labels, "installed", lambda: ["DejaVu Sans", "DejaVu Serif"])
    with mpl.rc_context(), warnings.catch_warnings(action="error"):
        plt.style.use(STYLE)
        yield
        plt.close("all")


@pytest.fixture
def rat_font(tmp_path):
    """A font file that has the two letters of a rat and no other; both are squares."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in [(0, 700), (700, 700), (700, 0)]:
        pen.lineTo(corner)
    pen.closePath()
    names = [".notdef", "square"]
    font = FontBuilder(1000)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(letter): "square" for letter in RAT})
    font.setupGlyf(dict.fromkeys(names, pen.glyph()))
    font.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Rat Sans", "styleName": "Regular", "psName": "Rat"})
    font.setupOS2()
    font.setupPost()
    font.save(tmp_path / "rat.ttf")
    return str(tmp_path / "rat.ttf")


def labelled(text: str, tmp_path) -> tuple[plt.Figure, str]:
    """A saved figure with that label on an axis, and its SVG."""
    figure, axes = plt.subplots()
    axes.set_xlabel(plain(text))
    save(figure, str(tmp_path / "f.svg"), str(tmp_path / "f.png"), "demo")
    return figure, (tmp_path / "f.svg").read_text()


@pytest.mark.parametrize("label", ["лиса обыкновенная", "αλεπού", "ñeque", "müß", "fox"])
def test_letters_that_a_font_has_are_kept(label, tmp_path):
    assert f"<!-- {label} -->" in labelled(label, tmp_path)[1]
    assert advice() is None


def test_a_label_that_reads_leftward_does_not_turn_the_numbers_after_it(tmp_path):
    label = "أرنب بري"
    assert plain(label) == f"\u200e{label}\u200e"
    figure, axes = plt.subplots()
    axes.set_yticks([0, 1], [f"{plain(label)} (12 crops, 5 events)", f"{plain(label)} (12"])
    save(figure, str(tmp_path / "f.svg"), str(tmp_path / "f.png"), "demo")
    long, short = [
        [glyph.rpartition("-")[2] for glyph in re.findall('<use xlink:href="#([^"]+)"', text)]
        for text in re.findall(
            "<!-- \u200e.*? -->(.*?)</g>", (tmp_path / "f.svg").read_text(), re.S
        )
    ]
    assert long[: len(short)] == short  # the first number stands first
    assert advice() is None


def test_letters_that_no_font_has_are_shown_as_codes_and_named(tmp_path):
    assert "<!-- U+8001 U+9F20 -->" in labelled(RAT, tmp_path)[1]
    assert [plain(label) for label in ("fox 🦊", "กว")] == ["fox U+1F98A", "U+0E01 U+0E27"]
    assert advice() == (
        "figures: no font here has ก ว 老 鼠 🦊 (U+0E01 U+0E27 U+8001 U+9F20 U+1F98A): "
        "labels show their codes; install a font that has them (Debian: fonts-noto-cjk, "
        "fonts-noto-core), delete the figures and run again"
    )
    plain("一二三四五六七八九")
    assert " and 6 more: labels" in advice()


def test_a_font_that_was_installed_later_is_found_and_used(tmp_path, rat_font, monkeypatch):
    monkeypatch.setattr(labels, "installed", look_for_fonts)
    monkeypatch.setattr(labels, "findSystemFonts", lambda: [rat_font])
    figure, svg = labelled(RAT, tmp_path)
    assert f"<!-- {RAT} -->" in svg
    assert svg.count('id="Rat-') == 1  # the glyph of that font, for both letters
    assert svg.count('href="#Rat-') == 2
    assert "Rat Sans" in figure.axes[0].xaxis.label.get_family()  # older than the label
    assert advice() is None


@pytest.mark.parametrize(
    "label", ["$x^2$", r"$\frac{", "_under", "100 % $", r"a\b \alpha", "a_b^c", "<b>"]
)
def test_a_label_is_no_formula(tmp_path, label):
    figure, _ = labelled(label, tmp_path)
    assert figure.axes[0].get_xlabel() == label
    assert not any(text.get_parse_math() for text in figure.findobj(Text))


@pytest.mark.parametrize(
    "label", ["--><script>1</script>", "</svg><img onerror=1>", "]]><b>", "&lt;b&gt;", "--", "<!--"]
)
def test_a_label_is_no_markup_in_an_svg(tmp_path, label):
    _, svg = labelled(label, tmp_path)
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}
    own = {"svg", "g", "path", "defs", "style", "use", "rect", "clipPath"}
    assert tags <= own | {"metadata", "RDF", "Work", "type", "format", "creator", "Agent", "title"}


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (" two\nlines\u2028and\ttabs ", "two lines and tabs"),
        ("\x1b[31mred\x07", "U+001B [31mred U+0007"),
        ("fox\u202e)gnp(", "fox)gnp("),  # turns the direction of reading
        ("zero\u200bwidth", "zerowidth"),
        ("half\ud800", "half U+D800"),
        ("private \ue000", "private U+E000"),
        (7, "7"),
        ("", ""),
    ],
)
def test_a_label_is_one_line_without_control_characters(tmp_path, label, expected):
    assert plain(label) == expected
    labelled(label, tmp_path)


def test_a_long_label_loses_its_middle_and_no_two_look_alike(tmp_path):
    assert plain("a" * 30) == "a" * 30
    assert plain("0123456789" * 30) == "012345678901234…67890123456789"
    long = ["x" * 150 + middle + "x" * 149 for middle in "abc"]
    shown = [plain(label) for label in [*long, "ab", "a\u200db"]]
    assert len(set(shown)) == 5 and max(map(len, shown)) == 30
    assert [plain(label) for label in long] == shown[:3]  # each the same on every figure
    figure, _ = labelled("m" * 3000, tmp_path)
    assert figure.get_tightbbox().width < 10


def test_a_name_of_the_data_set_does_not_run_into_a_legend_that_is_wider(tmp_path):
    figure, axes = plt.subplots(figsize=(3, 3))
    figure.legend(
        [axes.plot([0])[0]] * 3, ["a" * 40, "b" * 40, "c" * 40], loc="outside lower center", ncols=3
    )
    save(figure, str(tmp_path / "f.svg"), str(tmp_path / "f.png"), "demo")
    (name,) = figure.texts
    assert not name.get_window_extent().overlaps(figure.legends[0].get_window_extent())


def test_a_script_says_once_which_letters_no_font_has(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(style, "rule_log", lambda path: nullcontext())
    monkeypatch.setattr(style, "say", said.append)
    outputs = {form: [str(tmp_path / f"{n}.{form}") for n in "ab"] for form in ("svg", "png")}
    rule = SimpleNamespace(
        input=Namedlist(fromdict={"style": STYLE}),
        output=Namedlist(fromdict=outputs),
        params=Namedlist(fromdict={"site": "demo", "names": ["老", "鼠"]}),
        wildcards=Namedlist(),
        log=["log"],
    )
    style.run_plot(lambda name: plt.figure(label=plain(name)), rule)
    assert said == [advice()] and "老 鼠" in said[0]

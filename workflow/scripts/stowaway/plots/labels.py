"""Labels from outside as figures show them: one short line, in letters that a font here has."""

import logging
import unicodedata
from contextlib import suppress
from functools import cache
from zlib import crc32

import numpy as np
from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font
from matplotlib.text import Text
from numpy.typing import NDArray

# A line for each font without a bold form.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

LONGEST = 30  # characters of a label
WEIGHTS = "normal", "bold"
MARK = "\u200e"  # left to right: around a label of the other direction, lest it turn what follows

shown: dict[str, str] = {}  # the label behind each text that is shown: no two look the same
fontless: set[str] = set()  # characters met that no font here has


def plain(text: object, longest: int = LONGEST) -> str:
    """A label or file name as figures show it, of `longest` characters at most.

    A longer one loses its middle. Letters that no font here has are shown as code points, U+9F20:
    a slug has the same letters. A label that would look like another one ends in its checksum.
    """
    label = str(text)
    visible = "".join(c for c in label if unicodedata.category(c) != "Cf")
    form = " ".join(visible.split())
    if missing := take_fonts(form):
        form = "".join(f" U+{ord(c):04X} " if c in missing else c for c in form)
        form = " ".join(form.split())
    short = shorten(form, longest)
    if shown.setdefault(short, label) != label:
        checksum = crc32(label.encode(errors="backslashreplace"))
        short = shorten(f"{form} {checksum:08x}", longest)
    leftward = any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in short)
    return f"{MARK}{short}{MARK}" if leftward else short


def shorten(text: str, longest: int) -> str:
    """The text; where it is too long, its two ends."""
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return text[: longest - 1 - tail] + "…" + text[-tail:]


def take_fonts(text: str) -> set[str]:
    """Take fonts into use that have the letters of a text; returns the letters that none has."""
    printable = {c for c in text if c.isprintable()}
    missing = printable - fontless
    for family in rcParams["font.family"]:
        missing -= covered(family, missing)
    while missing:
        family = max(installed(), key=lambda name: (len(covered(name, missing)), "Sans" in name))
        if not (found := covered(family, missing)):
            break
        rcParams["font.family"] = [*rcParams["font.family"], family]
        missing -= found
    fontless.update(missing)
    return set(text) - printable | printable & fontless


def covered(family: str, characters: set[str]) -> set[str]:
    """Those of some characters that the fonts of a family have."""
    points = np.array([ord(c) for c in characters], np.uint32)
    return {chr(point) for point in points[np.isin(points, code_points(family))]}


@cache
def code_points(family: str) -> NDArray[np.uint32]:
    """What the fonts of a family have, plain and bold."""
    with suppress(OSError, RuntimeError, ValueError):  # a font that was removed, or is broken
        fonts = (FontProperties(family=family, weight=weight) for weight in WEIGHTS)
        paths = [findfont(font, fallback_to_default=False) for font in fonts]
        return np.intersect1d(*(np.fromiter(get_font(path).get_charmap(), "u4") for path in paths))
    return np.array([], np.uint32)


@cache
def installed() -> list[str]:
    """The font families here, those too that were installed after matplotlib made its list."""
    for path in set(findSystemFonts()) - {font.fname for font in fontManager.ttflist}:
        with suppress(OSError, RuntimeError, ValueError):  # of bitmaps, as coloured emoji are
            fontManager.addfont(path)
    # The last resort has a box for every character.
    names = {font.name for font in fontManager.ttflist}
    return sorted(name for name in names if "last resort" not in name.lower())


def set_fonts(figure: Figure) -> None:
    """Give all texts of a figure the fonts in use, also those that are older than the last font."""
    for text in figure.findobj(Text):
        text.set_family(rcParams["font.family"])


def advice() -> str | None:
    """What to do about characters that could not be shown, or None where all could."""
    if not fontless:
        return None
    some, rest = sorted(fontless)[:8], len(fontless) - 8
    more = f" and {rest} more" if rest > 0 else ""
    return (
        f"figures: no font here has {' '.join(some)} ({' '.join(f'U+{ord(c):04X}' for c in some)})"
        f"{more}: labels show their codes; install a font that has them (Debian: fonts-noto-cjk, "
        "fonts-noto-core), delete the figures and run again"
    )

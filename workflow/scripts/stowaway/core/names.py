"""Labels, ids, slugs and file names: text from outside, made safe to compare and to store."""

import math
import os
import re
import unicodedata
from collections import defaultdict
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

ADDRESSES = ("s3://", "http://", "https://")  # how they begin; all else is a path
# Bytes of a file name; file systems allow 255. The rest is for ".box123.jpg" and a temporary file.
NAME_LIMIT = 220
PATH_LIMIT = 1000  # bytes of a path below the store or of a key; S3 allows 1,024
SHOWN = 60  # characters of a value in a message
EXACT = 2.0**53  # a float below it is the number that was written
MOST_NAMES = 100_000  # of a folder, kept to find one that is spelt otherwise

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")  # as the config's schema has it
UNNAMED = "unnamed"  # the species of boxes whose label names no animal

# What tables and exports write where there is no value, in lower case.
NO_VALUE = frozenset(
    "nan none null nil n/a na n.a. nat undefined unspecified unknown - -- ? ?? -1 #n/a <na> (na) "
    "(null) <null> (none) <none>".split()
) | {"unknown location", "location unknown"}

_HYPHENS = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")  # of all dashes, and the minus
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$")


def is_run_name(value: object) -> bool:
    """Whether it can name a run, and so a folder of results/."""
    return isinstance(value, str) and bool(RUN_NAME.fullmatch(value))


def clean_text(text: str) -> str:
    """The text as it is compared: NFC, without invisible characters, controls as blanks, stripped.

    A surrogate without its pair, which no file can hold, becomes U+FFFD.
    """
    if not (text.isascii() and text.isprintable()):  # which nearly all ids are
        text = unicodedata.normalize("NFC", "".join(map(_visible, text)))
    return text.strip()


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    return {"Cc": " ", "Cf": "", "Cs": "\N{REPLACEMENT CHARACTER}"}.get(category, character)


def clean_label(label: object) -> str:
    """A label in lower case with single blanks, so that ' Scrub  Jay' and 'scrub jay' are one.

    It is in NFKC, without ligatures and wide letters. Labels reach web pages, so that angle
    brackets become round ones.
    """
    text = unicodedata.normalize("NFKC", clean_text(str(label))).lower()
    text = unicodedata.normalize("NFKC", " ".join(text.split()))
    return text.replace("<", "(").replace(">", ")")


def clean_id(value: object) -> str | None:
    """An id as text: 1, 1.0, '1', ' 1 ' and '1.0' are '1', '01' is another; None if it is no id.

    A float from 2**53 on is none: it may be the nearest one to an id of another thing.
    """
    if isinstance(value, str):
        text = clean_text(value)
        whole = text[:-2] if text.endswith(".0") and text[:-2].isdecimal() else ""
        if not whole:
            return text or None
        return whole if float(whole) < EXACT else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not abs(value) < (EXACT if isinstance(value, float) else 1e40):  # or it is not finite
        return None
    return str(int(value) if value == math.floor(value) else value)


def clean_location(value: object) -> str | None:
    """The name of a location or sequence as it is shown: an id with single blanks.

    None where it is no id, or one of `NO_VALUE`. Compare locations by `location_key`.
    """
    text = " ".join((clean_id(value) or "").split())
    return None if location_key(text) in NO_VALUE else text or None


def location_key(location: str) -> str:
    """Equal for two names of one location, which may differ in case, wide letters and dashes."""
    return name_key(unicodedata.normalize("NFKC", location).translate(_HYPHENS))


def shown(value: object) -> str:
    """A value from outside as it stands in a message: in quotes, short, without controls."""
    if not (isinstance(value, str) or clean_id(value) or value is None):
        value = f"a {type(value).__name__}"  # a list may be too deep to print, a number too long
    text = clean_text(str(value))
    return f"'{text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}'"


def slug(label: str) -> str:
    """The label as a path and wildcard part: letters, digits and single underscores."""
    return re.sub(r"[\W_]+", "_", clean_label(label)).strip("_")


def why_unsafe(name: object) -> str | None:
    """The reason why `name` may not be joined to a folder, or None when it may.

    A safe name is relative, stays below the folder, and can be stored on every common file system.
    """
    if not isinstance(name, str) or not name:
        return "file name is missing"
    if _has_controls(name):
        return "file name has control or bidirectional characters"
    if "\\" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "file name is not a relative path with forward slashes"
    if _is_longer(name, PATH_LIMIT):
        return f"file name has over {PATH_LIMIT} bytes"
    for part in name.split("/"):
        if part in ("", ".", "..") or part.startswith("."):
            return "file name has an empty, hidden or parent folder part"
        if _is_longer(part, NAME_LIMIT):
            return f"file name has a part of over {NAME_LIMIT} bytes"
        if part != part.strip() or part.endswith(".") or _DEVICES.match(part):
            return "file name has a part that some file systems cannot hold"
    return None


def why_unsafe_key(key: str) -> str | None:
    """The reason why an object may not be requested by `key`, or None when it may.

    Servers and proxies resolve dots, so a key with them could name an object outside the source.
    """
    if _has_controls(key):
        return "key has control or bidirectional characters"
    if "\\" in key or any(part in ("", ".", "..") for part in key.split("/")):
        return "key is not a relative path with forward slashes"
    if _is_longer(key, PATH_LIMIT) or any(_is_longer(part, 255) for part in key.split("/")):
        return "key is longer than file systems and stores can hold"
    return None


def _is_longer(text: str, limit: int) -> bool:
    """Whether the text has more bytes than the limit; a character has up to four."""
    return len(text) * 4 > limit and len(text.encode()) > limit


def _has_controls(text: str) -> bool:
    forbidden = ("Cc", "Cf", "Cs")
    return not text.isprintable() and any(unicodedata.category(c) in forbidden for c in text)


def public(url: str) -> str:
    """The URL without user, password and query, safe to print; a path as it is.

    Of a malformed one the parts cannot be told, and nothing is shown.
    """
    try:
        parts = urlsplit(url)
        login, _, host = parts.netloc.rpartition("@")
        port = parts.port  # raises where it is the start of a password with a slash
    except ValueError:
        return "a malformed address"
    if port and not login and "@" in url or not host and ":" in url.partition("/")[0]:
        return "a malformed address"
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path


def listed(addresses: str | list[str]) -> list[str]:
    """The addresses of a setting that may hold one or several."""
    return [addresses] if isinstance(addresses, str) else list(addresses)


def name_key(name: str) -> str:
    """Equal for two names that are one file on a case-insensitive or normalising file system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def crop_name(file_name: str, box: int | None) -> str:
    """The crop's path: the image's `file_name`, with `box` where the image has several boxes.

    Crops are JPEG. A suffix of another format stays in the name, followed by `.jpg`.
    """
    path = PurePosixPath(file_name)
    stem, suffix = (
        (path.stem, path.suffix)
        if path.suffix.lower() in (".jpg", ".jpeg")
        else (path.name, ".jpg")
    )
    return str(path.with_name(stem + (f".box{box}" if box else "") + suffix))


def other_spelling(folder: Path, path: str) -> str:
    """Words about the one file below `folder` whose path differs from `path` in case or Unicode
    form alone, as macOS and Windows write them; '' where there is none.
    """
    other = ""
    for part in path.split("/"):
        names = _names_in(folder / other).get(name_key(part), [])
        if len(names) != 1 and part not in names:
            return ""
        other += "/" * bool(other) + (part if part in names else names[0])
    if other == path or why_unsafe_key(other):
        return ""
    same = unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", path)
    return (
        f"there is {other[-80:]}: names differ in {'Unicode form (NFC, NFD)' if same else 'case'}"
    )


@lru_cache(16)
def _names_in(folder: Path) -> dict[str, list[str]]:
    """The names in a folder by `name_key`; of a very large one, the first."""
    names = defaultdict(list)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, MOST_NAMES):
            names[name_key(entry.name)].append(entry.name)
    return names

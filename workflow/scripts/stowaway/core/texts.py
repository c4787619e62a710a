"""What a person may write in a config: texts, paths, addresses, species; and how they are shown."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

from stowaway.core.names import ADDRESSES, clean_label, slug, why_unsafe

_SLUG_LIMIT = 200  # bytes; the folder of a fold has "leave_out_" before it
_PATH_LIMIT, _PART_LIMIT = 4000, 255  # bytes, as file systems take them
_LARGEST = 2**53  # above it a float is not exact
_DEPTH = 4  # keys above a value, as in detectors.cae.layers.0
# They end a line, move the cursor, turn the direction of reading, or are half a letter.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_YAML_WORDS = {
    "True": ("yes, on and true as true", "yes"),
    "False": ("no, off and false as false", "no"),
    "None": ("null, ~ and a blank as nothing", "null"),
}


def shown(value: object) -> str:
    """A value for a message: one line of at most 80 characters, and nothing of an address.

    An address may hold a password before an `@` and a signature after a `?`. One that is written
    wrongly cannot be taken apart, so none is shown.
    """
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    if not isinstance(value, str):
        return {"None": "null"}.get(repr(value), str(value).lower()[:80])
    if "@" in value or "://" in value:
        return "an address"
    start, _, rest = value.partition("?")
    text = repr(f"{start}?…" if rest.strip("?") else value)
    return text if len(text) <= 80 else f"{text[:40]}…{text[-39:]}"


def dotted(keys: tuple) -> str:
    """The keys that lead to a value, as a message names it: split.fractions.test."""
    names = (shown(key).strip("'\"") for key in keys)
    return ".".join(name if len(name) <= 40 else f"{name[:39]}…" for name in names)


def misread(value: object) -> str:
    """What to say of a value or a key, neither text nor map nor list, where a text is wanted."""
    reading, example = _YAML_WORDS.get(repr(value), (None, str(value)[:40]))
    if reading is None:
        kind = "number" if isinstance(value, int | float) else type(value).__name__
        reading = f"this as a {kind}"
    return f'YAML reads {reading}; quote it, as in "{example}"'


def oddities(value: object, keys: tuple = ()) -> Iterator[tuple[str, str]]:
    """The dotted key of each value that no config can have, wherever it stands, and what is wrong.

    These are keys that are no text, control characters, numbers without an exact value, what only
    YAML knows (dates, sets), and maps or lists too deep to be settings.
    """
    here = dotted(keys)
    if isinstance(value, dict | list):
        if len(keys) > _DEPTH:
            yield here, "is nested too deeply"
            return
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            inside = (*keys, key)
            if isinstance(value, dict) and not isinstance(key, str):
                yield dotted(inside), misread(key)
            elif isinstance(key, str) and _CONTROL.search(key):
                yield dotted(inside), "the key has a line break or control character; take it out"
            else:
                yield from oddities(below, inside)
    elif isinstance(value, str):
        if _CONTROL.search(value):
            yield here, f"{shown(value)} has a line break or control character; take it out"
    elif isinstance(value, int | float):
        if not abs(value) <= _LARGEST:  # so is .nan
            yield here, "is no number, or too large a one"
    elif value is not None:
        yield here, misread(value)


def as_path(text: str) -> str:
    """The path that `~/photos` or `file:///data/photos` means; any other text as it is."""
    host, slash, path = text.removeprefix("file://").partition("/")
    if text.startswith("file://") and host in ("", "localhost") and slash:
        return f"/{unquote(path)}"
    return os.path.expanduser(text) if text.startswith("~") else text  # noqa: PTH111  it may fail


def why_no_address(text: str) -> str | None:
    """The reason why a text, as `as_path` gives it, is no path and no address, or None."""
    if re.search("[{}<>]", text):
        return "has one of { } < >, which Snakemake reads as a wildcard; rename the file or folder"
    if text != text.strip() or _CONTROL.search(text):
        return "has blanks around it or a control character; take them out"
    if not text.startswith(ADDRESSES):
        return _why_no_path(text)
    try:
        parts = urlsplit(text)
        if not parts.hostname:
            return "names no server or bucket"
        if parts.port is not None and text.count("@") > ("@" in parts.netloc):
            return "has an @ in its path; write %40"
    except ValueError:
        return "is a malformed address"
    if parts.scheme == "s3" and "@" in parts.netloc:
        return "has keys in it; put them into a profile of ~/.aws, named by aws.profile"
    return "has a blank in it; write %20" if " " in text else None


def _why_no_path(text: str) -> str | None:
    if ":" in text.partition("/")[0] or text.startswith("//"):
        return (
            "is neither a path nor an address that begins with s3://, http:// or https:// (write "
            "./ before a path with a colon)"
        )
    if text.startswith("~"):
        return "begins with ~ and names no user of this machine; write the whole path"
    longest = max(len(part.encode()) for part in text.split("/"))
    if longest > _PART_LIMIT or len(text.encode()) > _PATH_LIMIT:
        return "is too long for a path"
    return None


def why_no_file(text: str) -> str | None:
    """The reason why a path or an address, good in itself, names no single file, or None."""
    if not text.startswith(ADDRESSES):
        is_folder, fault = _is_folder(text)
        if fault or is_folder is False or not text.endswith("/") and is_folder is None:
            return fault
        return "is a folder; name the file in it"
    name = urlsplit(text).path.rpartition("/")[2]
    reason = why_unsafe(name)  # the file is stored under that name
    return reason and (f"its {reason}" if name else "names no file at its end")


def why_no_folder(text: str) -> str | None:
    """The reason why a path or an address, good in itself, names no folder, or None."""
    if text.startswith(ADDRESSES):
        return None
    is_folder, fault = _is_folder(text)
    return "is a file; name the folder of the photos" if is_folder is False else fault


def _is_folder(path: str) -> tuple[bool | None, str | None]:
    """Whether a path is a folder, None if it is not there, and why that cannot be told."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode), None  # noqa: PTH116  quicker at every start
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"


def why_no_label(label: str) -> str | None:
    """The reason why a text cannot stand for a label in a config, or None."""
    if re.search("[<>]", label):
        return "has < or >; write ( and ) instead, as the labels are read"
    return None if clean_label(label) else "is blank"


def why_no_species(label: str) -> str | None:
    """The reason why a label cannot be a species of a config, or None.

    Species name files and stand in the report. A label that cannot can be renamed.
    """
    if reason := why_no_label(label):
        return reason
    if _CONTROL.search(label):
        return "has a line break or control character"
    if re.search("[{}]", label):
        return "has { or }, which Snakemake reads as a wildcard; rename it with labels.rename"
    if not slug(label):
        return "has no letter or digit to name a file with"
    if len(slug(label).encode()) > _SLUG_LIMIT:
        return f"is over {_SLUG_LIMIT} bytes as a file's name; rename it with labels.rename"
    if why_unsafe(slug(label)):
        return "is a name that some file systems keep for themselves; rename it with labels.rename"
    return None


def duplicate_keys(path: Path) -> Iterator[str]:
    """A line for each key that stands twice in a map of a YAML or JSON file: YAML takes the last.

    A file that cannot be read is left to who reads it first.
    """
    try:  # JSON may have tabs, which YAML refuses
        root = yaml.compose(path.read_text("utf-8").replace("\t", " "), yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return
    waiting, known = [((), root)], set()
    while waiting:
        keys, node = waiting.pop()
        if id(node) in known:  # an alias
            continue
        known.add(id(node))
        first = {}
        if isinstance(node, yaml.SequenceNode):
            waiting += [((*keys, number), below) for number, below in enumerate(node.value)]
        for key, below in node.value if isinstance(node, yaml.MappingNode) else ():
            here, line = (*keys, str(key.value)), key.start_mark.line + 1
            waiting.append((here, below))
            if here in first and key.value != "<<":  # of which there may be several
                where = f"lines {first[here]} and {line}" if first[here] < line else f"line {line}"
                yield f"{dotted(here)}: stands twice, on {where} of {path.name}; keep one"
            first.setdefault(here, line)

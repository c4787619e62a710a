"""The entries of the lists of a COCO JSON or of MegaDetector results, one at a time, each checked.

Python's own parser reads one entry at a time from a window of text: memory is bounded, every number
has its value, and a fault has its place. An entry that a window's end cuts is parsed again, four
times at most: time is linear in the file's size.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from stowaway.annotations.json_source import (
    COCO,
    MEGADETECTOR,
    Format,
    JsonText,
    Limits,
    excerpt,
    json_text,
)
from stowaway.core.script import BadInput

__all__ = ["COCO", "MEGADETECTOR", "Format", "Limits", "read_list"]

LONGEST = 4_000_000  # characters of an entry: those of real exports have hundreds, masks thousands
DEEPEST = 100  # lists and objects within one another in an entry: those of real exports have four
LOOK_AHEAD = 4  # a number that a window's end cuts reads as another number: 1, 1., 1.5e, 1.5e-
BLANKS = re.compile(r"[ \t\r\n]*")
COMMA = re.compile(r"[ \t\r\n]*,")
STRING = r'"(?:[^"\\]++|\\.)*+"?'
BRACKETS = re.compile(rf"{STRING}|[\[\]{{}}]", re.DOTALL)
CONSTANT = re.compile(rf"{STRING}|(NaN|-?Infinity)", re.DOTALL)
LONG_INTEGER = re.compile(rf"{STRING}|(?<![.\d])(\d{{641,}}+)(?![.eE])", re.DOTALL)
CUT = re.compile(r"[\\\w.+-]{0,12}\s*")  # what is left of a JSON that was cut within a value
TYPES = {"{": "a map", "[": "a list", '"': "a text", "n": "null", "t": "true", "f": "false"}


def read_list(source: Path, name: str, limits: Limits, wanted: Format = COCO) -> Iterator[dict]:
    """Yield the entries of one of the lists of the `wanted` file at `source`, one at a time.

    Of one of its maps, the one entry is the map.

    The file may be UTF-8, UTF-16 or UTF-32, a gzip, or a zip of one JSON. Integers come in any
    size, a number beyond the range of a float as `inf`. Within an entry, what is nested deeper than
    `DEEPEST` comes as an empty list. The whole file is read and checked, whichever the list.
    Raises `BadInput` with the byte offset where the JSON is broken or cut, and for a file that is
    none or has no entry in the list (unless it is the annotations that are none).
    """
    places, keys, number = {}, {}, -1
    with json_text(source, limits, wanted) as text:
        reader = _Reader(text)
        for key in reader.items("the top level", "{"):
            if key in wanted.others or len(keys) < 6:
                keys[key] = None
            if key not in (*wanted.lists, *wanted.maps):
                reader.skip()
                continue
            if key in places:
                at = f"bytes {places[key]} and {reader.place()}"
                raise BadInput(f"{source}: two lists '{key}', at {at}; merge them or remove one")
            places[key] = reader.place()
            for position in [0] if key in wanted.maps else reader.items(f"'{key}'", "["):
                entry = reader.value()
                if key != name:
                    continue
                number = position
                if not isinstance(entry, dict):
                    what = f"{TYPES.get(json.dumps(entry)[0], 'a number')}, not a map"
                    raise BadInput(
                        f"{source}: entry {number} of '{name}' is {what}; {wanted.needs}"
                    )
                yield entry
        reader.end()
    if missing := [name for name in (*wanted.lists, *wanted.maps) if name not in places]:
        if kinds := [key for key in wanted.others if key in keys]:
            raise BadInput(f"{source}: {wanted.refusal(kinds[0])}")
        what = "map" if missing[0] in wanted.maps else "list"
        this = f"no '{missing[0]}' {what} (top level: {_listed(keys)})"
        raise BadInput(f"{source}: {this}; {wanted.needs}")
    if number < 0 and name != "annotations":
        raise BadInput(f"{source}: no '{name}' list with entries; is this {wanted.name}?")


class _SameKey(ValueError):
    """A map has a key twice, with two values."""


class _Constant(ValueError):
    """`NaN`, `Infinity` or `-Infinity`, which Python writes, stands for a number."""


class _Reader:
    """Reads a JSON value by value, in a window of its text from which what was read is dropped."""

    def __init__(self, source: JsonText) -> None:
        self.source, self.text, self.pos = source, "", 0
        constant = float if source.wanted.constants else _refuse
        self.decode = json.JSONDecoder(object_pairs_hook=_map, parse_constant=constant).raw_decode

    def items(self, what: str, opening: str) -> Iterator[str | int]:
        """Yield the keys of the map or the positions of the list here; the caller reads the values.

        `what` names it in the error where another type stands here.
        """
        begin = self.peek()
        if begin != opening and (begin in TYPES or begin.isdigit()):
            types = f"{TYPES.get(begin, 'a number')}, not {TYPES[opening]}"
            raise self.error(f"{what} is {types} (byte {self.place()}); {self.source.wanted.needs}")
        self.take(opening)
        closing = {"{": "}", "[": "]"}[opening]
        if self.peek() == closing:
            self.take(closing)
            return
        position = 0
        while True:
            if opening == "[":
                yield position
            elif self.peek() == '"':
                key = self.value()
                self.take(":")
                yield key
            else:
                raise self.missing("a name in double quotes")
            position += 1
            between = COMMA.match(self.text, self.pos)
            if between and between.end() < len(self.text):  # the short way, for speed
                self.pos = between.end()
            elif self.take("," + closing) == closing:
                return

    def skip(self) -> None:
        """Read the value here, of any size, and forget it."""
        opening = self.peek()
        if opening not in ("{", "["):
            self.value()
            return
        for _ in self.items("", opening):
            self.value()

    def value(self) -> object:
        """The value that begins here, of `LONGEST` characters at most."""
        self.peek()
        while True:
            error, end = None, len(self.text)
            try:
                value, end = self._decoded()
            except json.JSONDecodeError as fault:
                error = fault
            except ValueError as fault:
                raise self.no_value(fault) from None
            # at the window's end, a value may go on and an error may be none
            if end + LOOK_AHEAD <= len(self.text) or not self._more():
                break
        if error:
            raise self.broken(error.msg, error.pos)
        self.pos = end
        return value

    def take(self, wanted: str) -> str:
        """The next character that is not blank, which must be one of `wanted`."""
        found = self.peek()
        if not found or found not in wanted:
            raise self.missing(" or ".join(map(repr, wanted)))
        self.pos += 1
        return found

    def peek(self) -> str:
        """The next character that is not blank; empty at the end of the file."""
        self.pos = BLANKS.match(self.text, self.pos).end()
        while self.pos == len(self.text) and self._more():
            self.pos = BLANKS.match(self.text, self.pos).end()
        return self.text[self.pos : self.pos + 1]

    def end(self) -> None:
        """Refuse anything but blanks here."""
        if begin := self.peek():
            rest = f"at byte {self.place()}: {excerpt(self.text[self.pos :])}"
            if begin == "{":
                lines = "(joined files, or JSON lines)"
                raise self.error(f"a second JSON begins {rest} {lines}; {self.source.wanted.needs}")
            raise self.error(f"the JSON has ended, and something follows {rest}; remove it")

    def place(self, at: int | None = None) -> int:
        """The byte of the character at a position of the window, or of the one to read next."""
        if at is None:
            self.peek()
            at = self.pos
        return self.source.byte_of(self.text[at:])

    def error(self, what: str) -> BadInput:
        """The error for this file."""
        return BadInput(f"{self.source.path}: {what}")

    def missing(self, what: str) -> BadInput:
        """The error for what does not stand here."""
        while self._more():
            pass
        return self.broken(f"{what} is missing", self.pos)

    def broken(self, why: str, at: int) -> BadInput:
        """The error for a fault in the syntax at a position of the window, or for too little."""
        rest, before = self.text[at:], self.text[:at].rstrip()
        if why.startswith("Unterminated string") or CUT.fullmatch(rest):
            if self.source.ended:
                return self.source.cut_short()
            size = f"a value of over {LONGEST:,} characters begins at byte {self.place(self.pos)}"
            return self.error(f"{size}; no such file has one; remove it, or repair a missing quote")
        if "trailing comma" in why or (before.endswith(",") and rest[0] in "]}"):
            why = "nothing follows the comma; remove it"
            at = at if rest[0] == "," else len(before) - 1
        elif rest.startswith(("//", "/*", "#")):
            why = "a comment, which JSON does not know; remove it"
        elif why == "Expecting value" and rest[0].isalpha():
            why = "a word without quotes; put null in its place if it means that there is no value"
        else:
            why = f"{why.removesuffix(' at')}; repair it there, or where the file is written"
        where = f"at byte {self.place(at)}, before {excerpt(self.text[at:])}"
        return self.error(f"JSON broken {where}: {why}")

    def no_value(self, fault: ValueError) -> BadInput:
        """The error for what is well-formed, or looks so, and has no clear value."""
        if isinstance(fault, _SameKey):
            place = self.place(self.pos)
            return self.error(f"{fault}, in the value at byte {place}; remove one")
        pattern = CONSTANT if isinstance(fault, _Constant) else LONG_INTEGER
        odd = next(match for match in pattern.finditer(self.text, self.pos) if match[1])
        where = f"at byte {self.place(odd.start())}"
        if pattern is LONG_INTEGER:
            return self.error(f"a number of {len(odd[1]):,} or more digits {where}; mend it there")
        near = excerpt(self.text[max(0, odd.start() - 12) : odd.end() + 4])
        return self.error(f"{odd[1]} {where} ({near}) is no JSON; put null in its place")

    def _more(self) -> bool:
        """Read on, and drop what was read before, unless the window is full or the file ends."""
        if len(self.text) - self.pos > LONGEST or not (piece := self.source.read()):
            return False
        begin = max(0, self.pos - 40)  # for messages
        self.text, self.pos = self.text[begin:] + piece, self.pos - begin
        return True

    def _decoded(self) -> tuple[object, int]:
        """The value that begins here, and its end; what is nested too deep in it is left out."""
        try:
            value, end = self.decode(self.text, self.pos)
            if self.text.count("[", self.pos, end) + self.text.count("{", self.pos, end) <= DEEPEST:
                return value, end
        except RecursionError:
            pass
        flat = _flattened(self.text, self.pos)
        try:
            value, end = self.decode(flat, 0)
        except json.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, self.text, self.pos + error.pos) from None
        return value, self.pos + end


def _refuse(constant: str) -> None:
    raise _Constant(constant)


def _map(pairs: list[tuple[str, object]]) -> dict:
    """The pairs as a dictionary. Raises `_SameKey` where a key has two values."""
    entry = dict(pairs)
    if len(entry) < len(pairs):
        for key, value in pairs:
            if entry[key] != value:
                raise _SameKey(f"the key {excerpt(key)} stands twice, with two values")
    return entry


def _flattened(text: str, begin: int) -> str:
    """The value that begins there, as long, with `[]` for what is nested below `DEEPEST` in it."""
    parts, depth, end = [], 0, begin
    for token in BRACKETS.finditer(text, begin):
        if token[0] in ("[", "{"):
            if depth == DEEPEST:
                parts.append(text[end : token.start()])
                end = token.start()
            depth += 1
        elif token[0] in ("]", "}"):
            depth -= 1
            if depth == DEEPEST:
                parts.append("[]".ljust(token.end() - end))
                end = token.end()
            if depth == 0:
                return "".join(parts) + text[end : token.end()]
    rest = text[end:]
    return "".join(parts) + ("[".ljust(len(rest)) if depth > DEEPEST else rest)


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(excerpt(key) for key in keys) or "empty"

"""The entries of a COCO's lists: read whole, or refused at the byte where the JSON is at fault."""

import json
import math
import random
import re
import tracemalloc
from collections import Counter
from contextlib import contextmanager

import pytest

from stowaway.annotations.json_file import Limits, _Reader, read_list
from stowaway.core.script import BadInput

GENEROUS = Limits(json_bytes=10**9, zip_ratio=200)
IMAGES = [{"id": n, "size": n + 0.5, "name": "é"} for n in range(1000)]
START = '{"categories": [], "annotations": [], "images": ['
NEEDS = "coco needs one JSON object with the lists 'images', 'annotations' and 'categories'"
MEND = "repair it there, or where the file is written"
COMMA = "nothing follows the comma; remove it"
COMMENT = "a comment, which JSON does not know; remove it"
NAME = "Expecting property name enclosed in double quotes"
NULL = "put null in its place if it means that there is no value"
CUT = "JSON cut short: it ends at byte {}; export or download it again"
TOO_LONG = (
    "a value of over 40,000 characters begins at byte {}; no such file has one; "
    "remove it, or repair a missing quote"
)


@pytest.fixture
def images(tmp_path):
    """A function that reads the images of a JSON that is given as text or bytes."""

    def read(content: str | bytes, name: str = "images") -> list[dict]:
        path = tmp_path / "coco.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_list(path, name, GENEROUS))

    return read


@pytest.fixture
def refusal(images, tmp_path):
    """A function that returns the one line with which a JSON is refused, without its path."""

    def read(content: str | bytes) -> str:
        with pytest.raises(BadInput) as error:
            images(content)
        path, _, line = str(error.value).partition(": ")
        assert path == str(tmp_path / "coco.json")
        assert line.isprintable() and len(line) < 250
        return line

    return read


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of 10 kB and values of up to 40,000 characters, so that these tests are short."""
    monkeypatch.setattr("stowaway.annotations.json_source.PIECE", 10_000)
    monkeypatch.setattr("stowaway.annotations.json_file.LONGEST", 40_000)


def test_the_elements_of_a_list_one_at_a_time(images, tmp_path):
    coco = {"info": {"images": 3}, "images": IMAGES, "annotations": [], "categories": [{}]}
    assert images(json.dumps(coco)) == IMAGES
    assert images(json.dumps(coco, indent=2)) == IMAGES
    assert images(json.dumps(coco), "annotations") == []
    assert next(read_list(tmp_path / "coco.json", "images", GENEROUS)) == IMAGES[0]


def test_entries_across_the_ends_of_pieces_of_text(images):
    entries = [{"id": n, "sides": [1.25e-3, -n, n / 3], "text": '"\\é' * n} for n in range(1500)]
    coco = {"a": 12345, "annotations": [], "x": {"y": [1]}, "categories": [], "images": entries}
    text = json.dumps(coco, ensure_ascii=False)
    assert len(text) > 3 << 20
    assert images(text) == entries


@pytest.mark.parametrize("number", ["1234567", "-1.5", "1.5e-7", "true", "null"])
def test_a_value_that_a_piece_of_text_cuts_anywhere(images, number):
    for cut in range(len(number) + 1):
        blanks = " " * ((1 << 20) - len(START) - 6 - cut)
        assert images(f'{START}{blanks}{{"id":{number}}}]}}') == [{"id": json.loads(number)}]


def test_integers_have_all_their_digits_and_floats_beyond_range_are_infinite(images):
    text = '{"a": 18446744073709551617, "b": -%s1, "c": 1e400, "d": -1e400, "e": 1e-400}'
    (entry,) = images(START + text % ("9" * 40) + "]}")
    assert entry == {"a": 2**64 + 1, "b": -(10**41 - 9), "c": math.inf, "d": -math.inf, "e": 0.0}


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        (
            '{"id": 1}, {"width": NaN, "x": 1}]}',
            'NaN at byte 70 (\', {"width": NaN, "x\') is no JSON; put null in its place',
        ),
        (
            '{"NaN": "-Infinity", "é": -Infinity}]}',
            '-Infinity at byte 76 (\'nity", "é": -Infinity}]}\') is no JSON; put null in its place',
        ),
        (
            '{"id": %s}]}' % ("1" * 5000),
            "a number of 5,000 or more digits at byte 56; mend it there",
        ),
        (
            '{"id": 1, "id": 2}]}',
            "the key 'id' stands twice, with two values, in the value at byte 49; remove one",
        ),
        ("1, 2]}", f"entry 0 of 'images' is a number, not a map; {NEEDS}"),
        ("{}, [1]]}", f"entry 1 of 'images' is a list, not a map; {NEEDS}"),
        ("null]}", f"entry 0 of 'images' is null, not a map; {NEEDS}"),
        ("]}", "no 'images' list with entries; is this a COCO JSON?"),
    ],
)
def test_what_has_no_clear_value_is_refused_at_its_byte(refusal, entries, line):
    assert refusal(START + entries + " " * 100_000) == line


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ('{"id": 1}, }]}', f"58, before ', }}]}}': {COMMA}"),
        ('{"a": [1,]}]}', f"57, before ',]}}]}}': {COMMA}"),
        ('{"a": "é" "b"}]}', f"60, before '\"b\"}}]}}': Expecting ',' delimiter; {MEND}"),
        ('{"a": 1} {}]}', f"58, before '{{}}]}}': ',' or ']' is missing; {MEND}"),
        ("{'a': 1}]}", f"50, before \"'a': 1}}]}}\": {NAME}; {MEND}"),
        ('{"a": 01}]}', f"56, before '1}}]}}': Expecting ',' delimiter; {MEND}"),
        (
            '{"a": "\x1b[31m"}]}',
            f"56, before '\\x1b[31m\"}}]}}': Invalid control character; {MEND}",
        ),
        ('{"a": None}]}', f"55, before 'None}}]}}': a word without quotes; {NULL}"),
        ('{"a": 1} // b\n]}', f"58, before '// b\\n]}}': {COMMENT}"),
    ],
)
def test_broken_json_has_the_place_of_its_fault(refusal, entries, line):
    assert refusal(START + entries) == f"JSON broken at byte {line}"


def test_faults_are_where_the_parser_of_the_whole_text_finds_them(images, small_pieces):
    """A COCO with one random edit is read, or refused at its place, as `json.loads` does."""
    draw, outcomes = random.Random(1), Counter()
    entries = [{"id": n, "é": [1.5, -2, None], "x": {"a": '\\"é'}} for n in range(9)]
    text = json.dumps({"categories": [], "annotations": [], "images": entries}, ensure_ascii=False)
    for _ in range(1000):
        at, edit = draw.randrange(len(text)), draw.choice([*'{}[]",:0.-e \\\nx', "", "null"])
        edited = text[:at] + edit + text[at + draw.randrange(2) :]
        try:
            expected, place = json.loads(edited), None
        except json.JSONDecodeError as error:
            place = len(edited[: error.pos].encode())
        try:
            assert images(edited) == expected["images"]
            outcomes["read"] += 1
        except BadInput as error:
            line = str(error)
            if "JSON broken" in line and COMMA not in line:
                outcomes["broken"] += 1
                assert f"at byte {place}, before" in line
            elif "cut short" in line:
                outcomes["cut"] += 1
                assert place is not None and line.endswith(CUT.format(len(edited.encode())))
    assert outcomes["broken"] > 500 and outcomes["read"] > 100, outcomes


def test_every_cut_is_called_one(refusal):
    whole = START + '{"id": 1.5e3, "é": "\\u00e9\\n", "list": [true, null, {}]}]}'
    content = whole.encode()
    for length in range(1, len(content)):
        assert refusal(content[:length]) == CUT.format(length)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (START + "{}]}\n\0\x1b]", r"the JSON has ended, and something follows at byte 54: "
         r"'\x00\x1b]'; remove it"),
        ('{"id": 1}\n{"id": 2}\n', "a second JSON begins at byte 10: '{\"id\": 2}\\n' "
         f"(joined files, or JSON lines); {NEEDS}"),
        ('{"images": {"1": {}}}', f"'images' is a map, not a list (byte 11); {NEEDS}"),
        ('{"images": null}', f"'images' is null, not a list (byte 11); {NEEDS}"),
        ('{"images": 12}', f"'images' is a number, not a list (byte 11); {NEEDS}"),
        ('{"images": [{}], "x": 1, "images": [{}]}',
         "two lists 'images', at bytes 11 and 35; merge them or remove one"),
        ('{"categories": [], "images": [{}], "categories": []}',
         "two lists 'categories', at bytes 15 and 49; merge them or remove one"),
        ('{"images": [{"file": "a", "detections": []}], "detection_categories": {"1": "animal"}}',
         f"not a COCO JSON: MegaDetector results, which have boxes and no labels; give "
         f"the file as detections; {NEEDS}"),
        ('{"predictions": []}',
         f"not a COCO JSON: a SpeciesNet results file, not yet checked by a person; {NEEDS}"),
        ('{"profile": "x", "resources": []}',
         "not a COCO JSON: the datapackage.json of a Camtrap DP, whose labels are in its tables; "
         + NEEDS),
        ('{"type": "FeatureCollection", "features": []}',
         f"not a COCO JSON: a GeoJSON, which has places and no photos; {NEEDS}"),
        ('{"total_results": 1}',
         f"not a COCO JSON: an answer of iNaturalist, which is no export; {NEEDS}"),
        ('{"images": [{}], "annotations": []}',
         f"no 'categories' list (top level: 'images', 'annotations'); {NEEDS}"),
        ("{}", f"no 'categories' list (top level: empty); {NEEDS}"),
        ("  ", CUT.format(2)),
    ],
)  # fmt: skip
def test_what_is_no_coco_is_told_what_it_is(refusal, text, line):
    assert refusal(text) == line


def test_a_key_may_stand_twice_with_one_value(images):
    assert images(START + '{"id": 1, "id": 1}]}') == [{"id": 1}]


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@contextmanager
def memory_below(limit: float):
    """The block never holds more than `limit` bytes of new objects."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit


@pytest.mark.parametrize("inner", ["[%s]", '{"a": %s}', '[1, {"a": [%s, "]"]}]'])
def test_what_is_nested_too_deep_comes_as_an_empty_list_in_little_memory(images, inner):
    before, after = inner.split("%s")
    deep = before * 20_000 + "0" + after * 20_000
    with memory_below(20e6):
        first, last = images(f'{START}{{"id": 1, "location": {deep}, "w": 2}}, {{"id": 2}}]}}')
    assert (first["id"], first["w"], last) == (1, 2, {"id": 2})
    assert max(len(part) for part in re.findall(r"[\[{]+", json.dumps(first))) <= 100


def test_a_hundred_levels_are_read_as_they_are(images):
    # the entry is the first level
    for depth, kept in (99, 99), (100, 100), (101, 100), (900, 100):
        assert images(f'{START}{{"a": {nested(depth)}}}]}}') == [{"a": json.loads(nested(kept))}]


@pytest.mark.parametrize("text", [nested(40_000), f'{{"a": {nested(40_000)}}}'])
def test_what_is_nested_too_deep_and_no_entry_is_read_over(images, text):
    assert images(START.replace("{", f'{{"info": {text},', 1) + '{"id": 1}]}') == [{"id": 1}]


@pytest.mark.parametrize(
    ("start", "more"),
    [
        ('"', "x"),
        ('"', '\\"'),
        ("1.", "0"),
        ("1", " "),
        ("[[]", ",[]"),
        ("", "["),
        ("", '{"a":'),
        ('{"a": 1', ',"a": 1'),
    ],
)
def test_a_value_without_end_is_refused_before_it_fills_the_memory(
    refusal, small_pieces, start, more
):
    text = START + '{"id": ' + start + more * (1_000_000 // len(more))
    with memory_below(len(text) + 4e6):  # the test's own text as bytes, and what is read
        line = refusal(text)
    assert line == TOO_LONG.format(49)


@pytest.mark.parametrize(
    "entry",
    [
        '{"id": 1}',
        '{"id": "' + "x" * 39_000 + '"}',
        '{"id": "' + '\\"' * 19_000 + '"}',
        '{"id": ' + nested(19_000) + "}",
        '{"id": [' + nested(110) + "]}",
        '{"id":' + " " * 39_000 + "1}",
    ],
    ids=["small", "text", "escapes", "deep", "many deep", "blanks"],
)
def test_the_parser_reads_each_character_a_few_times(images, small_pieces, monkeypatch, entry):
    """Counts the characters that the parser is given, in files of n entries and of 2 n."""
    given, decoded = [], _Reader._decoded

    def counting(reader):
        end = len(reader.text)
        try:
            value, end = decoded(reader)
            return value, end
        finally:
            given.append(end - reader.pos)

    monkeypatch.setattr(_Reader, "_decoded", counting)
    for count in 200_000 // len(entry), 400_000 // len(entry):
        given.clear()
        text = START + ",".join([entry] * count) + "]}"
        assert len(images(text)) == count
        assert sum(given) < 6 * len(text)

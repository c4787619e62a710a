import csv

import pytest
import yaml

from conftest import ROOT
from propose_species import propose_species
from stowaway.core.config import ConfigError, check_config, refuse_duplicate_keys
from stowaway.core.names import public
from stowaway.core.texts import as_path, duplicate_keys, shown, why_no_address, why_no_species

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
SITE = "name: site\ncoco: data/coco.json\nimages: {source: data/photos}\n"
WILDCARD = "has one of { } < >, which Snakemake reads as a wildcard; rename the file or folder"
NO_ADDRESS = (
    "is neither a path nor an address that begins with s3://, http:// or https:// (write ./ before "
    "a path with a colon)"
)
KEPT = "is a name that some file systems keep for themselves"
CONTROL = "has a line break or control character; take it out"
BRACKETS = "has < or >; write ( and ) instead, as the labels are read"
SECRETS = ["user:", "pw", "KEY", "SECRET", "sig"]


def lines(text: str) -> list[str]:
    """What is said of a config, given as YAML and laid over a site's."""
    given = yaml.safe_load(SITE) | yaml.safe_load(text)
    with pytest.raises(ConfigError) as error:
        check_config(given, SCHEMA)
    *mistakes, last = str(error.value).split("\n")
    assert last == "Every key is explained in docs/config.md."
    return mistakes


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # what YAML reads as something else
        (
            "labels: {rename: {no: paca}}",
            'labels.rename.false: YAML reads no, off and false as false; quote it, as in "no"',
        ),
        (
            "labels: {rename: {on: paca}}",
            'labels.rename.true: YAML reads yes, on and true as true; quote it, as in "yes"',
        ),
        (
            "labels: {high_level: {~: paca}}",
            "labels.high_level.null: YAML reads null, ~ and a blank as nothing; quote it, as in "
            '"null"',
        ),
        (
            "labels: {rename: {2020-01-01: paca}}",
            'labels.rename.2020-01-01: YAML reads this as a date; quote it, as in "2020-01-01"',
        ),
        (
            "labels: {rename: {liz: 5}}",
            'labels.rename.liz: YAML reads this as a number; quote it, as in "5"',
        ),
        (
            "species: {native: [fox, off]}",
            'species.native.1: YAML reads no, off and false as false; quote it, as in "no"',
        ),
        (
            "labels: {drop: [empty, ]}\nspecies: {native: [~]}",
            "species.native.0: YAML reads null, ~ and a blank as nothing; quote it, as in "
            '"null"',
        ),
        ("1: x", '1: YAML reads this as a number; quote it, as in "1"'),
        ("name: 2020", 'name: YAML reads this as a number; quote it, as in "2020"'),
        (
            "events: {gap: 1e3}",
            "events.gap: '1e3' is a text, not a number; write it without quotes, 1e-3 as 1.0e-3",
        ),
        # numbers
        ("shards: 4.5", "shards: 4.5 is not a whole number"),
        ("shards: true", "shards: true is not a whole number"),
        ("shards: 0", "shards: 0 is below 1"),
        ("shards: 10001", "shards: 10001 is above 10,000"),
        ("split: {seed: 4294967296}", "split.seed: 4294967296 is above 4,294,967,295"),
        ("events: {gap: .nan}", "events.gap: is no number, or too large a one"),
        ("limits: {zip_ratio: .inf}", "limits.zip_ratio: is no number, or too large a one"),
        (
            "limits: {json_bytes: 100000000000000000000}",
            "limits.json_bytes: is no number, or too large a one",
        ),
        # names
        ('name: "site\\n"', f"name: 'site\\n' {CONTROL}"),
        ("name: con", f"name: 'con' {KEPT}"),
        ("tsne: {map: NUL}", f"tsne.map: 'NUL' {KEPT}"),
        ("evaluation: {other_site: aux}", f"evaluation.other_site: 'aux' {KEPT}"),
        ("detectors: {aux: {kind: dense}}", f"detectors.aux: 'aux' {KEPT}"),
        (f"name: {'x' * 101}", "name: is longer than 100"),
        (
            "detectors: {Mine: {kind: dense}}",
            "detectors: 'Mine' is not a name of small letters, digits and _ that begins with a "
            "letter",
        ),
        ("name: ''", "name: '' is not a name of letters, digits, - and _ that begins with a letter "
         "or a digit"),
        ("images: {source: a, box: corner}",
         "images.box: 'corner' is not one of pixels, relative, corners, null; did you mean "
         "'corners'?"),
        # paths and addresses
        ("coco: 'a{b}.json'", f"coco: {WILDCARD}"),
        ("images: {source: [a, '<b>']}", f"images.source: {WILDCARD}"),
        ("coco: /tmp", "coco: is a folder; name the file in it"),
        ('coco: "a\\0b"', f"coco: 'a\\x00b' {CONTROL}"),
        ("coco: 'http://[::1'", "coco: is a malformed address"),
        ("coco: 'https://host/'", "coco: names no file at its end"),
        ("coco: 's3://KEY:SECRET@bucket/x.json'", "coco: has keys in it; put them into a profile "
         "of ~/.aws, named by aws.profile"),
        ("coco: 'https:/user:pw@host/x'", f"coco: {NO_ADDRESS}"),
        ("coco: user:pw@host/x", f"coco: {NO_ADDRESS}"),
        ("coco: ~nobody_here/x", "coco: begins with ~ and names no user of this machine; write "
         "the whole path"),
        ("coco: data/x/", "coco: is a folder; name the file in it"),
        ("images: {source: /etc/passwd}", "images.source: is a file; name the folder of the "
         "photos"),
        ("coco: ''", "coco: is empty"),
        ("coco: []", "coco: is empty"),
        (f"coco: {'x' * 300}", "coco: is too long for a path"),
        ("coco: [[https://user:pw@host/x]]", "coco.0: a list is not a text"),
        ("coco: {'https://user:pw@host/x?sig=1': 1}",
         "coco: a map is not a text or a list or null"),
        ("coco: [https://user:pw@host/x, https://user:pw@host/x]",
         "coco: an address is listed twice"),
        ("aws: {endpoint_url: user:pw@host}", "aws.endpoint_url: an address is not "
         "http(s)://host:port"),
        ("aws: {endpoint_url: 'https://user:pw@host'}",
         "aws.endpoint_url: has more in it than http(s)://host:port"),
        ("images: {source: a, key: 'https://user:pw@host/?sig=1'}",
         "images.key: an address is not one of file_name, serving_bucket_key"),
        ("https://user:pw@host/?sig=1: 5", "an address: unknown key"),
        ("alarm: {detector: 'https://user:pw@host'}",
         "alarm.detector: an address is no detector fitted on natives"),
        # labels
        ("species: {native: ['a<b']}", f"species: 'a<b' {BRACKETS}"),
        ("labels: {rename: {a: '<b>'}}", f"labels.rename: '<b>' {BRACKETS}"),
        ("labels: {drop: ['x>']}", f"labels.drop: 'x>' {BRACKETS}"),
        ("labels: {high_level: {'x>': y}}", f"labels.high_level: 'x>' {BRACKETS}"),
        ('species: {native: ["a\\e[31m"]}', f"species.native.0: 'a\\x1b[31m' {CONTROL}"),
        ("species: {native: ['a{b}']}", "species: 'a{b}' has { or }, which Snakemake reads as a "
         "wildcard; rename it with labels.rename"),
        ("labels: {drop: ['a{b}']}", "labels.drop: 'a{b}' has { or }, which Snakemake reads as a "
         "wildcard; rename it first"),
        ("labels: {drop: [' ']}", "labels.drop: ' ' is blank"),
        ("species: {native: [con]}", f"species: 'con' {KEPT}; rename it with labels.rename"),
        ("species: {native: ['???']}", "species: '???' has no letter or digit to name a file with"),
        ("labels: {rename: {a: b, 'A ': c}}", "labels.rename: 'a' stands twice, with two meanings"),
        ("labels: {rename: {a: b, b: c}}",
         "labels.rename: 'b' is renamed to 'c' by labels.rename; list that"),
        ("labels: {rename: {rodnet: rodent}, drop: [rodnet]}",
         "labels.drop: 'rodnet' is renamed to 'rodent' by labels.rename; list that"),
        # times
        ("events: {datetime_format: dayfirst}", "events.datetime_format: 'dayfirst' is not "
         "day_first, month_first or a pattern such as %d.%m.%Y %H:%M"),
        ("events: {datetime_format: '%d.%m.%Y %Q'}", "events.datetime_format: '%d.%m.%Y %Q' is not "
         "day_first, month_first or a pattern such as %d.%m.%Y %H:%M"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(text, line):
    said = lines(text)
    assert line in said
    assert not [secret for one in said for secret in SECRETS if secret in one]


def test_a_value_is_short_and_holds_nothing_of_an_address():
    assert shown("fox") == "'fox'" and shown(None) == "null" and shown(True) == "true"
    assert shown("fox?") == "'fox?'" and shown("a?sig=1") == "'a?…'"
    for address in ("https://user:pw@host", "https:/user:pw@host", "user:pw@host", "s3://K:S@b"):
        assert shown(address) == "an address"
    for long in ("x" * 500, "\x1b" * 500, "\U000e0001" * 70, 10**300):
        assert len(shown(long)) <= 80 and shown(long).isprintable()


@pytest.mark.parametrize(
    ("url", "printed"),
    [
        ("https://user:pw@host/x?sig=1", "https://host/x"),
        ("https://user:p@w@host:90/x", "https://host:90/x"),
        ("s3://KEY:SECRET@bucket/x", "s3://bucket/x"),
        ("https://host/a@b.jpg", "https://host/a@b.jpg"),
        ("/data/a@b", "/data/a@b"),
        *(
            (malformed, "a malformed address")
            for malformed in (
                "https:/user:pw@host/x",
                "https:user:pw@host/x",
                "user:pw@host/x",
                "user:pw@host:22/x",
                "https://user:p/w@host/x",
                "https://user:p?w@host/x",
                "https://user:12/w@host/x",
                "http://user:pw@[::1",
            )
        ),
    ],
)
def test_what_is_printed_of_an_address_is_no_secret(url, printed):
    assert public(url) == printed


def test_a_path_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    line = ": cannot be read: Too many levels of symbolic links"
    path = tmp_path / "loop/x"
    assert lines(f"coco: {path}\nimages: {{source: {path}}}") == [
        "coco" + line,
        "images.source" + line,
    ]


def test_paths_are_read_as_a_shell_and_a_browser_do(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    given = yaml.safe_load(SITE) | {
        "coco": ["~/coco.json", "https://host/coco.json"],
        "images": {"source": "file:///data/a%20b"},
        "backbone": {"weights": "file://localhost/w.pt"},
    }
    checked = check_config(given, SCHEMA)
    assert checked["coco"] == ["/home/ada/coco.json", "https://host/coco.json"]
    assert checked["images"]["source"] == "/data/a b"
    assert checked["backbone"]["weights"] == "/w.pt"
    assert as_path("a/~b") == "a/~b"
    assert why_no_address(as_path("file://data/x")) == NO_ADDRESS
    assert why_no_address(as_path("file:///a%7Bb%7D")) == WILDCARD


def test_only_what_the_config_accepts_is_proposed(tmp_path):
    labels = ["fox", "scrub jay", "scrub-jay", "a{b}", "</script>", "con", "???", "灰" * 90, "no"]
    labels += ["unnamed", "e\x1b[31m", "https://user:pw@host/x?sig=1", "ñeque"]
    path = tmp_path / "annotations.csv"
    with path.open("w") as file:
        table = csv.writer(file)
        table.writerow(["species"])
        for number, label in enumerate(labels):
            table.writerows([[label]] * (20 - number))
    propose_species(path, tmp_path / "proposal.yaml", 18, ["bird"])
    text = (tmp_path / "proposal.yaml").read_text()
    species = yaml.safe_load(text)["species"]
    assert species == {
        "native": ["fox", "scrub jay"],
        "invasive": ["no", "https://user:pw@host/x?sig=1", "ñeque"],
        "propose_threshold": 18,
    }
    assert check_config(yaml.safe_load(SITE) | {"species": species}, SCHEMA)
    notes = [line for line in text.splitlines() if line.startswith("# left out: ")]
    assert len(notes) == 7 and "\x1b" not in text
    assert notes[0] == (
        "# left out: 'scrub-jay' (18) has the slug of 'scrub jay'; rename it with labels.rename"
    )
    assert notes[2] == f"# left out: '</script>' (16) {BRACKETS}"


def test_a_species_has_a_name_for_its_files():
    assert why_no_species("scrub jay") is None and why_no_species("fox?") is None
    assert why_no_species("灰" * 66) is None  # 198 bytes
    too_long = "is over 200 bytes as a file's name; rename it with labels.rename"
    assert why_no_species("灰" * 67) == too_long


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "shards: 3\nname: x\nshards: 5\n",
            "shards: stands twice, on lines 1 and 3 of x.yaml; keep one",
        ),
        (
            "labels:\n  rename:\n    a: b\n    'a': c\n",
            "labels.rename.a: stands twice, on lines 3 and 4 of x.yaml; keep one",
        ),
        ('{"a": 1, "a": 2}', "a: stands twice, on line 1 of x.yaml; keep one"),
        (
            '{\n\t"a": [{\n\t"b": 1,\n\t"b": 2}]}',
            "a.0.b: stands twice, on lines 3 and 4 of x.yaml; keep one",
        ),
        (
            "https://user:pw@host/: 1\nhttps://user:pw@host/: 2",
            "an address: stands twice, on lines 1 and 2 of x.yaml; keep one",
        ),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_lines(tmp_path, text, line):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    assert list(duplicate_keys(path)) == [line]
    with pytest.raises(ConfigError, match="keep one"):
        refuse_duplicate_keys([path])


def test_the_same_key_in_two_maps_or_by_an_alias_stands_once(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("a: &a {k: 1}\nb: {k: 2, <<: *a}\nc: [*a, *a]\n")
    assert not list(duplicate_keys(path))
    path.write_text("- [")  # Snakemake has refused it
    assert not list(duplicate_keys(path))

"""The report that is shared runs no script of a label: read as HTML, and opened in a browser.

Snakemake writes params, labels and captions as they are into inline scripts of the page. What may
stand there is what the checks of the config let through.
"""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import ROOT, run_snakemake
from plot_reconstructions import plot_reconstructions
from stowaway.core.config import ConfigError, check_config
from stowaway.core.names import clean_label, slug
from stowaway.core.tables import write_sheet, write_table
from stowaway.plots.style import plt, save
from write_overview import write_overview

pytestmark = pytest.mark.workflow

ATTACK = "document.title=4711"  # all in small letters, as labels are
HOSTILE = [
    f"</script><img src=x onerror={ATTACK}>",
    f"<!--<script><img src=x onerror={ATTACK}>",
    f"</script/x><img src=x onerror={ATTACK}>",
    f"<svg onload={ATTACK}>",
    f"--><b onmouseover={ATTACK}>",
    f"]]><script>{ATTACK}</script>",
    f'a";{ATTACK};//',
    f"a';{ATTACK};//",
    f"a`+({ATTACK})+`",
    f"a`` ``` `x <javascript:{ATTACK}>`_ |x| **b**",
    f"a ${{{ATTACK}}}",
    "a {{ config }} {% raw %}",
    f'a\\";{ATTACK};//',
    f"a\u2028{ATTACK}//",
    f"a\n\n.. raw:: html\n\n   <img src=x onerror={ATTACK}>",
    f"javascript:{ATTACK}",
    f"a &lt;/script&gt;&lt;img src=x onerror={ATTACK}&gt;",
    "müß & co",
]
SNAKEFILE = """
import sys
sys.path.insert(0, {scripts!r})
from stowaway.core.names import slug

configfile: "config.yaml"
report: "overview.rst"

SPECIES = dict(zip(map(slug, config["species"]["invasive"]), config["species"]["invasive"]))

rule all:
    input:
        expand("figures/cae/{{species}}.svg", species=SPECIES),

rule plot_reconstructions:
    output:
        svg=report(
            "figures/{{detector}}/{{species}}.svg",
            caption={root!r} + "/workflow/report/reconstructions.rst",
            category="5. Models",
            labels={{"detector": "{{detector}}", "figure": "reconstructions: {{species}}"}},
        ),
    params:
        site=config["name"],
        species=lambda w: SPECIES[w.species],
        high_level=config["labels"]["high_level"],
        names=list(SPECIES.values()),
    shell:
        "cp drawn/{{wildcards.species}}.svg {{output}}"
"""
PARTS_OF_A_PAGE = {"html", "head", "meta", "title", "script", "style", "body", "div", "p"}
PARTS_OF_A_CAPTION = {"p", "tt", "em", "strong", "span", "ul", "li", "div", "pre", "blockquote"}
PARTS_OF_THE_OVERVIEW = set(
    "style h1 h2 b i br code ol figure figcaption img table tr th td".split()
)


class Tags(HTMLParser):
    """The tags and the attributes of a page as a browser meets them; a script ends at </script>."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names, self.attributes = [], set()
        self.feed(page)

    def handle_starttag(self, name: str, attributes: list) -> None:
        self.names.append(name)
        self.attributes |= {attribute for attribute, _ in attributes}


def checked(labels: list[str]) -> dict:
    """A config, checked, with those of the labels of a COCO that the checks let through."""
    schema, base = (
        ROOT / "workflow/schemas/config.schema.yaml",
        {"name": "island", "coco": "a.json"},
    )
    accepted = []
    for label in (clean_label(f"{label} {n}") for n, label in enumerate(labels)):
        species = {"native": ["fox"], "invasive": [label]}
        config = base | {"images": {"source": "photos"}, "species": species}
        try:
            check_config(config | {"labels": {"high_level": {label: label}}}, schema)
            accepted.append(label)
        except ConfigError:
            print("refused:", ascii(label))
    config["species"] = {"native": ["fox"], "invasive": accepted}
    config["labels"] = {"high_level": {label: label for label in accepted}}
    return check_config(config, schema)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project of figures of hostile species, with its report."""
    folder = tmp_path_factory.mktemp("report")
    config = checked(HOSTILE)
    plt.style.use(ROOT / "workflow/stowaway.mplstyle")
    for species in config["species"]["invasive"]:
        pairs = {"species": np.array([species]), "role": np.array(["novel"])}
        pairs |= {"score": np.array([0.1]), "pairs": np.zeros((1, 2, 8, 8, 3), np.uint8)}
        figure = plot_reconstructions(pairs, species, species)
        save(figure, f"{folder}/drawn/{slug(species)}.svg", f"{folder}/drawn/a.png", species)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    overview_of(config["species"]["invasive"] + HOSTILE, folder)
    text = SNAKEFILE.format(scripts=str(ROOT / "workflow/scripts"), root=str(ROOT))
    (folder / "Snakefile").write_text(text)
    for arguments in (["all", "--cores", "2"], ["--report", "report.html"]):
        status, printed = run_snakemake(folder, arguments)
        assert status == 0, printed[-3000:]
    return folder


def overview_of(labels: list[str], folder: Path) -> None:
    """Write the overview of a run where these are species and locations, and of their models."""
    n = len(labels)
    events = [f"{n}" for n in range(n)]
    queue = pd.DataFrame({"rank": range(n), "event": events, "location": labels[::-1]})
    queue = queue.assign(species=labels, p_value=0.1, alarm="yes", sampled="alarm")
    queue = queue.assign(datetime="2026-11-20", crop_id=events, role="new")
    write_sheet(queue, folder / "queue.csv")
    crops = pd.DataFrame({"species_label": labels, "event": events})
    write_table(crops, folder / "labels.csv")
    days = pd.DataFrame({"location": labels, "date": "2026-11-20", "images": 1})
    write_table(days, folder / "camera_days.csv")
    pixels = np.zeros((n, 8, 8, 3), np.uint8)
    np.savez(folder / "a.npz", event=events, crops=pixels, box=np.tile([0, 0, 8, 8], (n, 1)))
    facts = dict.fromkeys(("stowaway", "run", "made"), labels[0])
    facts |= {"native_events_per_camera_day": 1, "config": {"detectors": {}}, "arrays_sha256": ""}
    facts |= {"backbone": {"weights_sha256": labels[0], "precision": labels[0]}}
    facts |= {"natives": {label: {"events": 1} for label in labels}}
    facts |= {"calibration": {"events": 1, "groups": 1}, "libraries": {labels[0]: labels[0]}}
    (folder / "models.json").write_text(json.dumps(facts))
    names = "labels camera_days queue".split()
    files = {name: folder / f"{name}.csv" for name in names} | {"explanations": folder / "a.npz"}
    files |= dict.fromkeys("alarms metrics comparison worth performance".split(), [])
    files["models"] = folder / "models.json"
    files |= {"guide": ROOT / "workflow/report/guide.rst", "overview": folder / "overview.rst"}
    card = {"Purpose": labels[0]}
    site = {"site": labels[0], "synthetic": True, "species": {"Natives": labels}}
    write_overview(**files, **site, card=card, backbone={"name": "a", "weights": None})


def data_of(page: str) -> dict:
    """The JSON values that the page's inline scripts set."""
    values = re.findall(r'<script id="[^"]+">\s+var (\w+) = (.*);\s+</script>', page)
    return {name: json.loads(value) for name, value in values}


def test_a_report_before_the_run_is_one_clear_line(project_copy):
    printed = project_copy().run("--report", "report.html", ok=False)
    assert "results/demo/overview.rst: not there yet; run the workflow before its report" in printed
    assert "Traceback" not in printed


def test_an_unchecked_label_would_add_a_tag():
    assert Tags(f"<script>var a = {json.dumps(HOSTILE[0])};</script>").names == ["script", "img"]


def test_a_label_adds_no_tag_to_the_report(folder):
    page = (folder / "report.html").read_text()
    assert ATTACK in page  # what is shown of the labels
    tags = Tags(page)
    assert set(tags.names) <= PARTS_OF_A_PAGE
    assert page.lower().count("</script") == tags.names.count("script")
    assert not [name for name in tags.attributes if name.startswith("on")]
    data = data_of(page)
    assert len(data["results"]) >= 8
    captions = [result["caption"] for result in data["results"].values()] + [data["workflow_desc"]]
    for caption in captions:  # the page sets them as HTML
        tags = Tags(caption)
        overview = caption is data["workflow_desc"]
        known = PARTS_OF_A_CAPTION | PARTS_OF_THE_OVERVIEW if overview else PARTS_OF_A_CAPTION
        assert set(tags.names) <= known, caption
        assert tags.attributes <= {"class", "id"} | ({"src", "alt"} if overview else set())
    assert "problematic" not in data["workflow_desc"]  # docutils' mark of what it could not read
    assert ATTACK in data["workflow_desc"]


@pytest.fixture
def attacked(chromium):
    """A function that opens a file in a browser and says whether a script of a label ran."""
    tab = chromium.new_page()

    def attacked(path: Path) -> bool:
        tab.goto(path.as_uri())
        tab.wait_for_load_state("networkidle")
        return tab.title() == "4711"

    yield attacked
    tab.close()


def test_a_browser_runs_what_this_test_looks_for(attacked, tmp_path):
    (tmp_path / "a.html").write_text(f"<!doctype html><html><script>var a='{HOSTILE[0]}'</script>")
    assert attacked(tmp_path / "a.html")


def test_no_script_of_a_label_runs_in_a_browser(folder, attacked):
    assert not attacked(folder / "report.html")
    data = data_of((folder / "report.html").read_text())
    captions = [result["caption"] for result in data["results"].values()]
    (folder / "captions.html").write_text("<!doctype html><html><body>" + "".join(captions))
    assert not attacked(folder / "captions.html")
    for figure in sorted(folder.glob("drawn/*.svg")):
        assert not attacked(figure), figure

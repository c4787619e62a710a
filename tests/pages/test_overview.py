"""The report's first page: what it says of a run, and that labels stay text in it."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from docutils.core import publish_parts
from jinja2 import Environment

from conftest import ROOT
from stowaway.core.tables import write_sheet, write_table
from stowaway.pages import overview as of
from write_overview import write_overview

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "a\n\n.. raw:: html\n\n   <b>",
    "{{ 7 * 7 }} {% raw %} {# a #}",
    "`x <javascript:alert(1)>`_ |x| **b**",
    "<!--<script>",
    "w" * 50_000,
]
ALARM = {
    "fold": "listed", "detector": "fusion", "location": "all", "target": "false_alarm_rate",
    "setting": 0.1, "realised": 0.189, "low": 0.027, "high": 0.351, "recall": 1.0,
    "recall_low": 0.845, "recall_high": 1.0, "native": 37, "novel": 21, "calibration": 36,
    "calibration_events": 37, "too_few": False, "asked": "yes",
}  # fmt: skip
IN_USE = {
    "week": "all", "location": "all", "alarms": 30, "confirmed": 4, "realised": 0.12, "low": 0.05,
    "high": 0.2, "recall": 0.8, "recall_low": 0.4, "recall_high": 1.0,
}  # fmt: skip


FACTS = {
    "stowaway": "0.2", "run": "mysite", "made": "2026-11-01", "config": {"detectors": {}},
    "arrays_sha256": "",
    "backbone": {"weights_sha256": "0123456789abcdef", "precision": "float32"},
    "natives": {"fox": {"crops": 90, "events": 30}, "jay": {"crops": 5, "events": 1}},
    "calibration": {"events": 37, "groups": 36}, "libraries": {"torch": "2.14.1"},
    "native_events_per_camera_day": 0.5,
}  # fmt: skip


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.names, self.attributes, self.words = [], set(), ""
        self.feed(page)

    def handle_starttag(self, name, attributes):
        self.names.append(name)
        self.attributes |= {attribute for attribute, _ in attributes}

    def handle_data(self, data):
        self.words += data


def rendered(rst: str, config: dict) -> str:
    """The page as Snakemake makes it: Jinja, then docutils."""
    environment = Environment(trim_blocks=True, lstrip_blocks=True)
    snakemake = type("Snakemake", (), {"config": config})
    text = environment.from_string(rst).render(snakemake=snakemake)
    return publish_parts(text, writer="html")["html_body"]


CONFIG = {"name": "w47", "alarm": {"detector": "fusion"}, "split": {"group": "event", "seed": 1}}


@pytest.fixture
def written(tmp_path):
    """A function that writes the overview of a run and returns its HTML, and its words."""

    def write(labels=("pig", "rat"), alarms=None, in_use=None, models=FACTS, batch=False, n=10):
        events = [f"e{i}" for i in range(n)]
        label = [labels[i % len(labels)] for i in range(n)]
        queue = pd.DataFrame({"rank": range(1, n + 1), "event": events, "location": label})
        queue = queue.assign(p_value=0.0263157, alarm="yes", species="unnamed" if batch else label)
        queue = queue.assign(datetime="2026-11-20T21:05:09-08:00", crop_id=events, role="new")
        queue["sampled"] = ["" if i == 1 else "alarm" for i in range(n)]
        write_sheet(queue, tmp_path / "queue.csv")
        crops = pd.DataFrame(
            {"event": ["a", "a", "b", "c"], "species_label": ["fox"] * 3 + ["rat"]}
        )
        write_table(crops, tmp_path / "labels.csv")
        days = pd.DataFrame({"location": ["A", "A", "B"], "images": [3, 1, 2]})
        days["date"] = ["2026-11-15", "2026-11-16", "2026-11-16"]  # a Sunday and a Monday
        write_table(days, tmp_path / "camera_days.csv")
        shown = np.array([event for event in events if event != "e1"], str)
        crops, box = (
            np.zeros((len(shown), 8, 8, 3), np.uint8),
            np.tile([0, 2, 8, 4], (len(shown), 1)),
        )
        np.savez(tmp_path / "a.npz", event=shown, crops=crops, box=box)
        files = {name: tmp_path / f"{name}.csv" for name in ("queue", "labels", "camera_days")}
        files |= {"explanations": tmp_path / "a.npz", "overview": tmp_path / "overview.rst"}
        for name, row in {"alarms": alarms, "performance": in_use}.items():
            files[name] = tmp_path / f"{name}.csv" if row else []
            if row:
                write_table(pd.DataFrame([row]), files[name])
        files["models"] = tmp_path / "models.json"
        files["models"].write_text(json.dumps(models))
        lists = {"Natives": ["fox", "skunk"], "Invasive species": ["rat"]}
        write_overview(
            **files,
            metrics=[],
            comparison=[],
            worth=[],
            guide=ROOT / "workflow/report/guide.rst",
            site="w47",
            synthetic=False,
            species=lists,
            card={"Purpose": "ranks"},
            backbone={"name": "efficientnet_lite0", "weights": None},
        )
        text = (tmp_path / "overview.rst").read_text()
        page = rendered(text, CONFIG | ({"models": "mysite"} if batch else {}))
        return page, " ".join(Tags(page.partition("</style>")[2]).words.split())

    return write


def test_a_run_with_labels_says_what_was_asked_and_found(written):
    page, words = written(alarms=ALARM)
    assert "w47: which animals do not belong here? 10 of 10 events raised an alarm." in words
    for tile in ("6photos", "4animals", "3events", "2locations", "3camera-days", "2weeks"):
        assert tile in words
    assert "The photos are of 2026-11-15 to 2026-11-16." in words
    assert (
        "Natives, with their events: fox (2) Invasive species, with their events: rat (1)" in words
    )
    assert "Asked for: at most 10% false alarms." in words
    assert "Realised: 19% [3%, 35%] of 37 native events, which nothing was fitted on." in words
    assert "Found: 100% [84%, 100%] of 21 events of species" in words
    assert "That agrees with what was asked for" in words
    assert "surely more" not in words and "People judged" not in words
    lines = {
        "Models": "of the run mysite, made 2026-11-01 by stowaway 0.2",
        "Natives": "fox (30), jay (1); in brackets, their events in all roles",
        "Calibration": "37 native events in 36 groups, which set the threshold",
        "Weights": "checksum 0123456789ab…, computed in float32",
        "Packages": "torch 2.14.1",
    }
    for name, line in lines.items():
        assert f"<th>{name}</th><td>{line}</td>" in page
    assert "ImageNet-1k" in words and "Detection compares the detectors" in words
    sources = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)"', page)
    assert len(sources) == 8  # of the nine events that are shown
    assert "labelled pig" in words and "p = 0.026" in words and "2026-11-20 21:05" in words


def test_a_batch_says_what_was_trained_and_that_nothing_is_measured_yet(written):
    _, words = written(batch=True)
    assert "Nothing measures this run yet" in words and "95 %" not in words
    assert "labelled" not in words.partition("Model card")[0]
    assert "trained in the run mysite" in words and "one_split" not in words


def test_decisions_tell_the_rate_and_the_recall_in_use(written):
    _, words = written(batch=True, in_use=IN_USE)
    assert "People judged 30 alarms and confirmed 4." in words
    assert "False alarms in use: 12% [5%, 20%] of native events." in words
    assert "from the random sample below the threshold: 80% [40%, 100%]." in words


def test_an_alarm_that_breaks_its_promise_is_called_so(written):
    _, words = written(alarms=ALARM | {"low": 0.12, "too_few": True})
    assert "surely more false alarms than were asked for" in words
    assert "The 36 calibration groups are too few" in words and "Add labelled photos" in words


def test_a_score_no_better_than_a_shortcut_is_called_so():
    table = {"detector": ["fusion", "shortcut_area", "shortcut_bytes_per_pixel"]}
    table |= {"value": [0.8, 0.4, 0.72], "low": [0.7, 0.3, 0.5], "high": [0.9, 0.5, 0.9]}
    metrics = pd.DataFrame(table).assign(
        fold="listed", level="event", stratum="all", metric="auroc"
    )
    gain = {"detector": "fusion", "rival": "shortcut_bytes_per_pixel", "low": -0.1}
    gains = pd.DataFrame([gain]).assign(fold="listed", level="event", metric="auroc")
    first, shortcut, verdict = of.ordering(metrics, gains, "fusion")
    assert "<b>80 [70, 90]</b>" in first and "(bytes per pixel), has 72." in shortcut
    assert "not surely better" in verdict
    assert len(of.ordering(metrics, gains.assign(low=0.01), "fusion")) == 2
    assert len(of.ordering(metrics, gains.assign(low=np.nan), "fusion")) == 3
    assert of.ordering(metrics, gains, "knn") == []


def test_what_examples_are_worth_stands_beside_shortcuts_with_the_same_examples():
    worth = pd.DataFrame(
        [
            ("novelty", 1, "auroc", 0.6, 0.5, 0.7),
            ("watch list", 0, "auroc", 0.6, 0.5, 0.7),
            ("watch list", 1, "auroc", 0.84, 0.73, 0.94),
            ("watch list", 1, "recall_at_5_fpr", 0.4, 0.2, 0.6),
            ("shortcuts", 1, "auroc", 0.6, 0.5, 0.7),
            ("watch list", 3, "auroc", None, None, None),  # no event is left to test
            ("shortcuts", 3, "auroc", None, None, None),
        ],
        columns="detector examples metric value low high".split(),
    )
    (line,) = of.with_examples(worth)
    assert "Given 1 event of a newcomer" in line
    assert (
        "in <b>84 [73, 94]</b> of 100 pairs with a native event; by novelty alone in 60, by" in line
    )
    assert line.endswith("shortcuts with the same examples in 60.")
    assert of.with_examples(worth[:0]) == []


def test_labels_stay_text(written):
    facts = FACTS | {"run": HOSTILE[0], "natives": dict.fromkeys(HOSTILE, {"events": 1})}
    facts |= {"backbone": dict.fromkeys(FACTS["backbone"], HOSTILE[1])}
    page, words = written(HOSTILE, alarms=ALARM, models=facts)
    assert "system-message" not in page and "problematic" not in page
    tags = Tags(page)
    assert tags.attributes <= {"class", "id", "src", "alt"} and "script" not in tags.names
    assert tags.names.count("img") == 8
    assert "</script" not in page and "<!--" not in page
    assert "</script><img src=x onerror=alert(1)>" in words and "{{ 7 * 7 }}" in words


def test_the_card_says_what_a_backbone_has_seen_and_what_is_not_stated():
    stated = {"trained_on": "LVD-142M (weights lvd142m)", "licence": "apache-2.0"}
    seen = "LVD-142M (weights lvd142m). Their licence: apache-2.0."
    for known, weights, line in (
        (stated, None, f"Its weights have seen: {seen}"),
        ({}, None, "Its weights have seen: not stated. Their licence: not stated."),
        ({}, "w.pt", "Its weights are the user's and have seen: not stated."),
    ):
        facts = FACTS | {"backbone": FACTS["backbone"] | known}
        card = of.about(facts, {"name": "timm/vit", "weights": weights})
        assert card["Backbone"].startswith(f"timm/vit. {line}")


def test_an_empty_queue(written):
    _, words = written(n=0)
    assert "0 of 0 events raised an alarm." in words and "The queue is empty." in words


def test_a_queue_that_shows_nothing_asks_for_nothing():
    queue = pd.DataFrame({"sampled": ["", ""], "alarm": ["no", "no"]})
    assert of.what_next(queue, None, False) == [
        "<p>Nothing is to be decided: no event is on the page.</p>"
    ]

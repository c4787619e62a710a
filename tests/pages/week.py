"""A made-up week for tests of the page: the files that write_review_page reads, and Chromium."""

import json
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from conftest import ROOT
from stowaway.core.tables import write_sheet, write_table
from stowaway.models.facts import NEEDED
from stowaway.review.examples import TEXTS, Examples, save
from write_review_page import write_review_page

HOSTILE = "</script><img src=x onerror=hacked()>"
SPECIES = ["fox", "mouse", "skunk"]


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (16, 12)) -> bytes:
    encoded = BytesIO()
    Image.new("RGB", size, colour).save(encoded, "JPEG")
    return encoded.getvalue()


class Week:
    """`events` events of two crops each in `folder`, every third in infrared; two locations.

    The first is an alarm, the last a sample from below. Its tables are attributes, to be changed
    before `write`, which returns the path of the page.
    """

    def __init__(self, folder: Path, events: int = 6) -> None:
        self.folder = folder
        crops = []
        for n in range(events):
            colour = (90, 90, 90) if n % 3 == 2 else (40 + 30 * n % 200, 120, 60)
            photo = folder / f"photo{n}.jpg"
            photo.write_bytes(jpeg(colour, (640, 480)))
            for frame in range(2):
                path = folder / f"crop{n}{frame}.jpg"
                path.write_bytes(jpeg(colour, (120, 90)))
                crops.append(
                    {
                        "image_path": str(path),
                        "window_path": str(folder / f"window{n}{frame}.jpg"),  # never shown
                        "crop_id": f"c{n}{frame}.jpg",
                        "event": f"e{n}",
                        "location": "east" if n % 2 else "west",
                        "datetime": f"2026-11-1{n % 10}T08:1{frame}:30-07:00",
                        "species_label": "unnamed",
                        "photo_path": str(photo),
                        **{"x": 64, "y": 48, "crop_width": 320, "crop_height": 240},
                        **{"photo_width": 640, "photo_height": 480},
                    }
                )
        self.labels = pd.DataFrame(crops)
        first = self.labels[::2].reset_index(drop=True)
        self.queue = first[["event", "location", "datetime", "crop_id", "image_path"]].assign(
            rank=np.arange(1, events + 1),
            crops=2,
            score=[round(5 - n / 10, 1) for n in range(events)],
            p_value=[0.02 if not n else 0.2 for n in range(events)],
            alarm=["no" if n else "yes" for n in range(events)],
            sampled=["alarm", *["budget"] * (events - 2), "below"],
            predicted=[SPECIES[n % 3] for n in range(events)],
            nearest="unlike any native; nearest fox 0.41, skunk 0.39",
            species="unnamed",
            role="new",
            suppressed="",
        )
        group = {"group": "repeat:east:1", "occurrences": 34, "reason": "same box 34 times"}
        columns = "event location crop_id image_path score p_value alarm".split()
        self.suppressed = self.queue.tail(1)[columns].assign(event="s1", **group)
        self.people = pd.DataFrame({"image_id": ["i1", "i2"], "event": "p1", "location": "east"})
        self.detected = True
        self.groups = 40  # of the calibration
        self.deployments, self.examples, self.farthest = [], [], 0.25

    def watch(self) -> None:
        """Watch for rats, three crops of two events, and an unnamed animal; the first is a rat."""
        self.queue["watched"] = ["rat", *[""] * (len(self.queue) - 1)]
        self.queue["examples"] = [3, *[np.nan] * (len(self.queue) - 1)]
        self.queue.loc[0, "nearest"] = "like rat (3 examples), p = 0.02; nearest fox 0.41"
        of_rat = [("rat", event) for event in ("w46/e1", "w46/e1", "w46/e2")]
        self.examples = [*of_rat, ("unnamed w46/e7", "w46/e7")]

    def save_examples(self) -> Path:
        """Write the examples, of which the species and the event are known; they may be none."""
        species, events = np.array(self.examples, str).reshape(-1, 2).T
        number = np.arange(len(species)).astype(str)  # location, crop_id .. crop_checksum
        rest = {"features": np.zeros((len(species), 8), np.float32), "pictures": number.astype("S")}
        texts = dict.fromkeys(TEXTS[2:], number)
        save(Examples(species, events, **texts, **rest), path := self.folder / "examples.npz")
        return path

    def write(self, **settings) -> Path:
        inside = {name: self.folder / name for name in ("queue.csv", "suppressed.csv")}
        write_sheet(self.queue, inside["queue.csv"])
        write_sheet(self.suppressed, inside["suppressed.csv"])
        write_table(self.labels, self.folder / "labels.csv")
        write_table(self.people, self.folder / "people.csv")
        facts, models = self.folder / "index_facts.json", self.folder / "models.json"
        facts.write_text(json.dumps({"person_detector": self.detected, "times_read": 0}))
        of_models = dict.fromkeys(NEEDED, "") | {"backbone": {}}
        of_models |= {"calibration": {"events": 80, "groups": self.groups}}
        of_models |= {"natives": dict.fromkeys(SPECIES, {}), "config": {"detectors": {}}}
        models.write_text(json.dumps(of_models | {"native_events_per_camera_day": 1.0}))
        self.explain()
        defaults = {"batch": "2026-w47", "watched": ["rat", "cat"], "people_shown": False}
        defaults |= {"alarm": {"target": "false_alarm_rate", "limit": 0.05}}
        defaults |= {"decimals": None, "max_pixels": 10**8, "threads": 1}
        write_review_page(
            queue=inside["queue.csv"],
            suppressed=inside["suppressed.csv"],
            labels=self.folder / "labels.csv",
            people=self.folder / "people.csv",
            index_facts=facts,
            models=models,
            explanations=self.folder / "explanations.npz",
            examples=[self.save_examples()],
            deployments=self.deployments,
            template=ROOT / "workflow/templates/queue.html",
            page=self.folder / "queue.html",
            **defaults | settings,
        )
        return self.folder / "queue.html"

    def explain(self) -> None:
        """Three natives for each event, of pictures that all share, and an example if any."""
        n = len(self.queue)
        watch = {
            "examples": np.array([jpeg((200, 0, 0))] * n),
            "example_species": np.array(["rat"] * n),
            "example_cosine": np.linspace(0.75, self.farthest, n),
        }
        np.savez(
            self.folder / "explanations.npz",
            event=self.queue["event"].to_numpy(str),
            crops=np.zeros((n, 8, 8, 3), np.uint8),
            box=np.tile([0, 1, 8, 6], (n, 1)),
            heat=np.tile([[0.5, 2.5]], (n, 2, 1)),
            natives=np.tile([jpeg((0, 80 * k, 0)) for k in range(3)], (n, 1)),
            native_species=np.tile(SPECIES, (n, 1)),
            cosine=np.tile([0.9, 0.5, 0.25], (n, 1)),
            **watch if self.examples else {},
        )


@pytest.fixture(scope="session")
def chromium():
    """One Chromium, Debian's, for all tests; they are skipped where there is none."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("no chromium on this machine: apt install chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()

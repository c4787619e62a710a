"""The tables of a small made-up run, as the rules before the exports write them."""

import json
from pathlib import Path

import pandas as pd

from stowaway.core.tables import write_sheet, write_table
from stowaway.exports.boxes import load_boxes, load_photos

RUN = "2026-w47"
MADE_BY = {"version": "9.9.9", "run": RUN, "detector": "fusion"}
FORMULA = "=HYPERLINK(1)"
SCRIPT = "(script)alert(1)(/script)|'\""
HOSTILE = "-cam '1' =x"  # a location
LOCATIONS = {"a": "A", "b": "B", "h": HOSTILE}
# file name: its boxes as (x, y, w, h), its event, its label, all in photos of 300 x 200 pixels
PHOTOS = {
    "a/IMG 1.jpg": ([(10, 20, 30, 40)], "alarm", "unnamed"),
    "a/IMG 2.JPG": ([(270, 0, 30, 200), (0, 0, 1, 1)], "alarm", "unnamed"),  # both at the edge
    "b/3.jpg": ([(0, 0, 300, 200)], "quiet", "unnamed"),
    "b/4.jpg": ([(7, 11, 13, 17)], "native", "unnamed"),
    "b/5.jpg": ([(7, 11, 13, 17)], "novel", "unnamed"),
    "b/6.jpg": ([(7, 11, 13, 17)], "not_animal", "unnamed"),
    "b/7.jpg": ([(7, 11, 13, 17)], "person", "unnamed"),
    "b/8.jpg": ([(7, 11, 13, 17)], "unsure", "unnamed"),
    "h/9.jpeg": ([(7, 11, 13, 17)], "trained", SCRIPT),
    "h/10.png": ([(7, 11, 13, 17)], "trained", "fox"),
}
QUEUE = {  # event: score, p-value, alarm, the native it is taken for
    "alarm": (3.5, 0.02, "yes", "fox"),
    "quiet": (1.0, 0.4, "no", "skunk"),
    "native": (2.0, 0.2, "no", "skunk"),
    "novel": (3.0, 0.05, "yes", "fox"),
    "not_animal": (2.5, 0.1, "yes", "fox"),
    "person": (2.4, 0.15, "no", "fox"),
    "unsure": (2.3, 0.18, "no", "fox"),
}
DECISIONS = {  # event: decision, species
    "native": ("native", ""),  # the guess was accepted
    "novel": ("novel", "rat"),
    "not_animal": ("not_animal", ""),
    "person": ("person", ""),
    "unsure": ("unsure", ""),
}


def label_rows() -> list[dict]:
    """The rows of labels.csv. The photos are a second apart, from 8:00 in winter at UTC-8."""
    rows = []
    for number, (name, (boxes, event, label)) in enumerate(PHOTOS.items(), 1):
        for box, (x, y, w, h) in enumerate(boxes):
            rows.append(
                {
                    "crop_id": name.replace(".", f".box{box}."),
                    "image_id": f"id:{number}",
                    "file_name": name,
                    "event": event,
                    "location": LOCATIONS[name[0]],
                    "datetime": f"2026-11-16T08:00:{number:02}-08:00",
                    "species_label": label,
                    "x": x,
                    "y": y,
                    "crop_width": w,
                    "crop_height": h,
                    "photo_width": 300,
                    "photo_height": 200,
                    "confidence": 0.9,
                    "image_path": f"crops/{name}",
                    "window_path": f"windows/{name}",
                    "label": label,
                }
            )
    return rows


def write_run(folder: Path, labels: list[dict] | None = None, person_detector: bool = True) -> dict:
    """Write the tables; returns the paths by the names that the scripts take them by.

    Beside the photos of PHOTOS there are one without an animal, one of a person, and one whose crop
    was lost.
    """
    folder.mkdir(exist_ok=True)
    labels = pd.DataFrame(label_rows() if labels is None else labels)
    names = "event score p_value alarm predicted".split()
    queue = pd.DataFrame([dict(zip(names, (e, *of), strict=True)) for e, of in QUEUE.items()])
    queue = queue.assign(crop_id="c", species="unnamed", role="new")
    decided = [
        {"batch": batch, "event": event, "decision": decision, "species": species}
        | {"reviewer": FORMULA, "decided_at": "2026-11-17T09:00:00.123Z", "note": "+1 note"}
        for batch in (RUN, "2026-w46")
        for event, (decision, species) in DECISIONS.items()
        if batch == RUN or event == "novel"
    ]
    decided += [{**decided[0], "batch": "2026-w46", "event": "alarm"}]  # of an event of that name
    rejected = pd.DataFrame(
        [
            ("1", "id:e", "e/empty.jpg", "empty", "label is dropped"),
            ("2", "id:p", "p/person.jpg", "person", "label is dropped"),
            ("", "id:n", "n/nothing.jpg", "", "no annotation"),
            ("", "id:f", "f/failed.jpg", "", "image is marked corrupt"),
        ],
        columns="annotation_id image_id file_name label reason".split(),
    )
    people = {"image_id": "id:p", "event": "walk", "location": "B", "label": "person"}
    people |= {"datetime": "2026-11-16T10:00:00-08:00", "confidence": 0.5}
    lost = pd.DataFrame({"image_id": [*labels["image_id"], "id:lost"]})
    tables = {
        "labels": labels,
        "annotations": lost,
        "rejected": rejected,
        "people": pd.DataFrame([people]),
    }
    for name, table in tables.items():
        write_table(table, folder / f"{name}.csv")
    write_sheet(queue, folder / "queue.csv")
    write_sheet(pd.DataFrame(decided), folder / "decisions.csv")
    facts = {"times_read": 9, "person_detector": person_detector}
    (folder / "index_facts.json").write_text(json.dumps(facts))
    names = [*tables, "queue", "decisions"]
    return {name: folder / f"{name}.csv" for name in names} | {
        "index_facts": folder / "index_facts.json"
    }


def loaded(paths: dict, decided: bool = True) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The boxes and photos of the tables, with the decisions or without."""
    decisions = paths["decisions"] if decided else []
    boxes = load_boxes(paths["labels"], paths["queue"], decisions, RUN)
    rest = [paths[name] for name in ("annotations", "rejected", "people", "index_facts")]
    return boxes, load_photos(boxes, *rest, {})


def write_deployments(folder: Path, *rows: str, header: str = "") -> Path:
    """A table of deployments: three cameras, or the given rows."""
    path = folder / "deployments.csv"
    header = header or "deploymentID,latitude,longitude,deploymentStart,deploymentEnd,timezone"
    rows = rows or (
        "A,34.01672,-119.76341,2026-11-01,2026-12-01,-08:00",
        "b,-33.5,151.25,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,",
        f"{HOSTILE},34.02,-119.7,2026-11-01,2026-12-01,America/Los_Angeles",
    )
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path

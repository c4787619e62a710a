"""A drawn reviewer: what a person with the review page would decide, who recognises each animal."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from stowaway.demo.plan import NEWCOMER, UNLIKE_ANIMALS
from stowaway.review.decisions import WRITTEN

REVIEWER = "drawn reviewer"
UNSURE = 0.05  # share of the animals that are too far away or too dark to tell
MISTAKEN = 2  # the event that is decided wrongly at first, and taken back


def decide(events: pd.DataFrame, natives: list[str], batch: str, queue_sha256: str) -> pd.DataFrame:
    """The decisions on events, a row of WRITTEN for each, in their order.

    `events` has the columns of the queue, and of each event's crop x, y, crop_width and crop_height
    (pixels of the upright photo) and `species`, which is blank where no animal is. An event takes 3
    to 20 s. It starts at nine on the day after the last event.
    """
    rng = np.random.default_rng(int(queue_sha256[:16], 16))
    last = max(map(datetime.fromisoformat, events["datetime"]))
    now = last.replace(hour=9, minute=0, second=0) + timedelta(days=1)
    rows = []
    for number, event in enumerate(events.to_dict("records")):
        verdict = verdict_on(event["species"], natives, rng.random() < UNSURE)
        verdicts = [("unsure", ""), ("undo", "")] * (number == MISTAKEN) + [verdict]
        for decision, species in verdicts:
            seconds = round(min(20, 3 + rng.exponential(3)), 1)
            now += timedelta(seconds=seconds)
            row = {name: event[name] for name in WRITTEN if name in event}
            row |= {"schema": 1, "batch": batch, "queue_sha256": queue_sha256, "note": ""}
            row |= {"box": "{x} {y} {crop_width} {crop_height}".format(**event)}
            row |= {"decision": decision, "species": species, "reviewer": REVIEWER}
            row |= {"decided_at": now.isoformat(timespec="seconds"), "seconds_shown": seconds}
            rows.append(row)
    return pd.DataFrame(rows, columns=WRITTEN)


def first_find(decided: pd.DataFrame) -> pd.DataFrame:
    """The first decision that is on the newcomer and not unsure, of rows of `decide`.

    It is all that a reviewer saves who stops at the newcomer; no row where there is none.
    """
    return decided[decided["species"] == NEWCOMER].head(1)


def verdict_on(species: str, natives: list[str], unsure: bool) -> tuple[str, str]:
    """The decision and the species it names; a vehicle is no animal either."""
    if species in UNLIKE_ANIMALS or not species:
        return ("person" if species == "person" else "not_animal"), ""
    if unsure:
        return "unsure", ""
    return ("native" if species in natives else "novel"), species

"""The review page: one HTML file with its data, its pictures and its program inside.

A card is what the page shows of an event, or of a group of events that are suppressed together:
pictures, numbers and words, as plain values.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from stowaway.core.names import UNNAMED
from stowaway.data.packs import in_threads
from stowaway.data.photos import BOX, FORMATS, Unusable, open_photo, read_photo
from stowaway.evaluation.thresholds import PER_DAY, PER_WEEK, needed, too_few
from stowaway.pages.overview import counted
from stowaway.review.examples import Examples
from stowaway.review.pictures import colourless
from stowaway.review.suppression import PERSON

# A page that opens at once and can be mailed; what is beyond goes to the next page.
MOST_CARDS, MOST_BYTES = 500, 50_000_000
OTHER_BYTES = 1_000_000  # the program, and what is not pictures
POLICY = (
    "default-src 'none'; img-src data:; style-src '{style}'; script-src '{script}'; "
    "base-uri 'none'; form-action 'none'"
)
# The longer sides in pixels: 500 events of three frames are about 40 MB.
CROP, FRAME, PHOTO = 300, 220, 480
FRAMES = 8  # crops of an event
# What a watch list does on real photos, and what it cannot do.
MEASURED = (
    "Measured on 660 real photos of 36 cameras in Panama, on a few events at other locations than "
    "the examples': event AUROC (0.5 is chance, 1 is perfect; brackets are 95 % intervals) "
    "0.75 [0.62, 0.87] by novelty alone, 0.84 [0.75, 0.93] with examples of one event, "
    "0.89 [0.77, 0.97] of three."
)
LIMITS = (
    "It brings what is like the examples to the top of the queue. It does not name the animal: "
    "decide by the photos.",
    "The photos of one visit are one event: together they weigh as much as one photo of another "
    "visit. Look for examples of other nights.",
    "A species that is known only from other cameras or another site may be found less often; on "
    "real photos that is not measured. Events at the examples' own place may be found more often, "
    "as the place can be recognised: below by 0.02 at most, at another site perhaps more.",
    MEASURED,
)


@dataclass
class Pictures:
    """Where a card's pictures come from.

    `crops` is the table labels.csv, indexed by crop_id; `photos` says whether whole photos may be
    shown, `max_pixels` how large one may be.
    """

    crops: pd.DataFrame
    photos: bool
    max_pixels: int

    def __post_init__(self) -> None:
        self.events = self.crops.sort_values("datetime", kind="stable").groupby("event").groups

    def of(self, crop_id: str, others: list[str]) -> dict:
        """`frames`, `photo`, `box`, `size`, `infrared` and `light` of a crop and its event.

        Frames are JPEGs with their times, the crop first, then of the `others` those whose file is
        there. `size` is the first one's width and height, `light` its mean brightness, 0 to 255.
        """
        if crop_id not in self.crops.index:
            return {"frames": [], "photo": None, "box": ""} | _look(None)
        row = self.crops.loc[crop_id]
        first = _open(row["image_path"], CROP)
        frames = [{"picture": first and _jpeg(first), "time": row["datetime"]}]
        for other in [name for name in others if name != crop_id][: FRAMES - 1]:
            if image := _open(self.crops.at[other, "image_path"], FRAME):
                frames.append({"picture": _jpeg(image), "time": self.crops.at[other, "datetime"]})
        return {
            "frames": frames,
            "photo": self._photo(row) if self.photos else None,
            "box": " ".join(f"{row[name]:.0f}" for name in BOX[:4]) if _has_box(row) else "",
        } | _look(first)

    def _photo(self, row: pd.Series) -> dict | None:
        """The whole photo and where its box is, as shares of its sides; None if it is gone."""
        path = row.get("photo_path")
        if not (isinstance(path, str) and path and _has_box(row)):
            return None
        x, y, w, h, width, height = (int(row[name]) for name in BOX)
        whole = (0, 0, width, height)
        try:
            photo = open_photo(read_photo(path), self.max_pixels, whole[2:], [whole], PHOTO)
            _, image = photo.cut(whole)
        except Unusable:
            return None
        box = [round(part, 4) for part in (x / width, y / height, w / width, h / height)]
        return {"picture": _jpeg(image, 70), "width": width, "height": height, "box": box}


def event_cards(
    queue: pd.DataFrame, explained: dict[str, np.ndarray], pictures: Pictures, threads: int = 1
) -> list[dict]:
    """A card for each event of the queue that is shown, in its order.

    `queue` is queue.csv, `explained` explanations.npz, which may lack events. Without a watch list
    the queue may lack `watched`, and there are no `examples`.
    """
    places = {event: place for place, event in enumerate(explained["event"])}

    def natives(place: int) -> list[dict]:
        columns = (explained[name][place] for name in ("native_species", "cosine", "natives"))
        return [
            {"species": str(species), "cosine": round(float(cosine), 3), "picture": bytes(picture)}
            for species, cosine, picture in zip(*columns, strict=True)
        ]

    def example(place: int) -> dict | None:
        if "examples" not in explained or explained["example_cosine"][place] == -1:  # its own alone
            return None
        return {
            "species": str(explained["example_species"][place]),
            "cosine": round(float(explained["example_cosine"][place]), 3),
            "picture": bytes(explained["examples"][place]),
        }

    def card(row: dict) -> dict:
        place = places.get(row["event"])
        return {
            "kind": "event",
            **{name: _plain(row.get(name)) for name in "event crop_id image_path".split()},
            **{name: _plain(row.get(name)) for name in "location datetime sampled nearest".split()},
            **{name: _plain(row.get(name)) for name in "rank crops score p_value".split()},
            "alarm": row["alarm"] == "yes",
            "guess": _plain(row.get("predicted")),
            "watched": _plain(row.get("watched")) or "",
            "label": "" if row.get("species") == UNNAMED else _plain(row.get("species")),
            **pictures.of(row["crop_id"], list(pictures.events.get(row["event"], ()))),
            "natives": [] if place is None else natives(place),
            "example": None if place is None else example(place),
            "heat": None if place is None else _heat(explained, place),
        }

    rows = queue[queue["sampled"] != ""].to_dict("records")
    return list(in_threads(card, rows, threads))


def group_cards(suppressed: pd.DataFrame, pictures: Pictures, threads: int = 1) -> list[dict]:
    """A card for each group of suppressed.csv: its highest score, and what stands for all."""
    grouped = suppressed[suppressed["group"] != ""].sort_values("score", ascending=False)
    members = grouped.groupby("group")["crop_id"].agg(list)
    alarms = grouped[grouped["alarm"] == "yes"].groupby("group").size()

    def card(row: dict) -> dict:
        others = [name for name in members[row["group"]] if name in pictures.crops.index]
        return {
            "kind": "group",
            "event": row["group"],
            **{name: _plain(row.get(name)) for name in "crop_id image_path".split()},
            **{name: _plain(row.get(name)) for name in "location reason score p_value".split()},
            "occurrences": int(row["occurrences"]),
            "events": len(members[row["group"]]),
            "alarms": int(alarms.get(row["group"], 0)),
            "datetime": pictures.crops["datetime"].get(row["crop_id"], ""),
            "rank": None,
            "sampled": "",
            **pictures.of(row["crop_id"], others),
        }

    rows = grouped.drop_duplicates("group").to_dict("records")
    return list(in_threads(card, rows, threads))


def left_out(queue: pd.DataFrame, suppressed: pd.DataFrame, people: pd.DataFrame) -> list[str]:
    """What the page does not show, a line in words for each reason.

    The tables are queue.csv, suppressed.csv and people.csv.
    """
    lines = []
    if len(people):
        photos = people["image_id"].nunique()
        lines.append(
            f"{counted(people['event'].nunique(), 'event')} with a person or a vehicle "
            f"({counted(photos, 'photo')}): never shown"
        )
    is_shown = queue["sampled"] != ""
    out = suppressed[~suppressed["event"].isin(queue.loc[is_shown, "event"])]
    for reason, rows in out[out["reason"] != PERSON].groupby("reason", sort=False):
        groups = set(rows["group"]) - {""}
        cards = f" ({counted(len(groups), 'group')}, each with a card at the end)" * bool(groups)
        alarms = rows.loc[rows["alarm"] == "yes", "event"].nunique()
        among = f"; {counted(alarms, 'alarm')} among them" * bool(alarms)
        lines.append(f"{counted(rows['event'].nunique(), 'event')}: {reason}{cards}{among}")
    if below := int((~is_shown & (queue["suppressed"] == "")).sum()):
        lines.append(f"{counted(below, 'event')} below the budget, and not drawn for the sample")
    return lines


def notes(photos: bool, looked: bool, models: dict, alarm: dict) -> list[str]:
    """What a reviewer must know of people in the photos, and whether there can be an alarm.

    `photos` says whether whole photos are shown, `looked` whether a detector looked for people;
    `models` are the facts of models.json, `alarm` the config's target and limit.
    """
    lines = []
    if not looked:
        what = "whole photos are shown as the config asks" if photos else "only crops are shown"
        lines.append(f"No detector has looked for people: {what}.")
    rate, groups = alarm["limit"], models["calibration"].get("groups")
    if alarm["target"] == PER_DAY:
        rate /= models["native_events_per_camera_day"] or 1
    if groups is not None and alarm["target"] != PER_WEEK and too_few(groups, rate):
        lines.append(
            f"There is never an alarm: the calibration has {counted(groups, 'group')} of natives, "
            f"and a false-alarm rate of {rate:.2g} needs {needed(rate)}. The order of the events "
            "still holds."
        )
    return lines


def watch_list(examples: Examples) -> list[dict]:
    """Each watched species with its numbers of `examples` and of their `events`, by name."""
    events = pd.Series(examples.event).groupby(examples.species)
    counts = events.agg(["size", "nunique"])
    return [
        {"species": name, "examples": int(row["size"]), "events": int(row["nunique"])}
        for name, row in counts.iterrows()
    ]


def _heat(explained: dict[str, np.ndarray], place: int) -> dict | None:
    """An event's map in percent, 100 where 95 % of native cells are less strange.

    `part` is where the animal's box lies in the map, as shares of its sides.
    """
    if "heat" not in explained:
        return None
    cells, side = explained["heat"][place], explained["crops"].shape[1]
    return {
        "rows": cells.shape[0],
        "columns": cells.shape[1],
        "percent": np.clip(np.nan_to_num(cells) * 100, 0, 999).round().astype(int).ravel().tolist(),
        "part": [round(float(edge) / side, 4) for edge in explained["box"][place]],
    }


def _open(path: object, side: int) -> Image.Image | None:
    """The picture at the path, RGB, its longer side at most `side` pixels; None if it is gone."""
    try:
        with Image.open(Path(str(path)), formats=FORMATS) as image:
            image.draft("RGB", (side, side))
            image.thumbnail((side, side))
            return image.convert("RGB")
    except (OSError, ValueError):
        return None


def _look(crop: Image.Image | None) -> dict:
    """Size, light and colour of a crop, as far as there is one."""
    if crop is None:
        return {"size": None, "infrared": False, "light": None}
    pixels = np.asarray(crop)
    light = round(float(pixels.mean()))
    return {"size": crop.size, "infrared": colourless(pixels), "light": light}


def _jpeg(image: Image.Image, quality: int = 80) -> bytes:
    """Without EXIF, which may hold coordinates."""
    encoded = BytesIO()
    image.save(encoded, "JPEG", quality=quality, optimize=True)
    return encoded.getvalue()


def _has_box(row: pd.Series) -> bool:
    """Whether labels.csv says where in its photo the crop was."""
    return all(name in row.index and pd.notna(row[name]) for name in BOX)


def _plain(value: Any) -> Any:
    """A table's value as JSON has it: blanks of numbers are None, those of text ''."""
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return None
    return value.item() if isinstance(value, np.generic) else "" if value is None else value


def page_name(part: int) -> str:
    """The file name of a queue's page, the first being 1."""
    return "queue.html" if part == 1 else f"queue_{part}.html"


def page_parts(cards: list[dict], most_cards: int = MOST_CARDS) -> list[list[dict]]:
    """The cards of each page: at least one page, none with over `most_cards` or MOST_BYTES."""
    parts, size = [[]], 0
    for card in cards:
        more = sum(len(jpeg) for jpeg in _pictures(card)) * 4 // 3 + 4  # as base64
        if len(parts[-1]) == most_cards or parts[-1] and size + more > MOST_BYTES - OTHER_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(card)
        size += more
    return parts


def review_page(template: str, meta: dict, cards: list[dict]) -> bytes:
    """The HTML of one page, in UTF-8.

    `template` is `workflow/templates/queue.html`; `meta` and `cards` are plain values for JSON,
    with pictures as the bytes of JPEGs, anywhere in them: equal ones are stored once. Nothing in
    them can become markup, and the policy lets no other script or style run, and nothing load.
    Raises `ValueError` for a number that is not finite.
    """
    places: dict[bytes, int] = {}
    data = json.dumps(
        {**meta, "cards": cards},
        ensure_ascii=False,
        allow_nan=False,
        default=lambda jpeg: places.setdefault(jpeg, len(places)),
    )
    pictures = json.dumps([base64.b64encode(jpeg).decode() for jpeg in places])
    data = f'{data[:-1]}, "pictures": {pictures}}}'.replace("<", "\\u003c")
    parts = {
        "<!-- policy -->": '<meta http-equiv="Content-Security-Policy" content="'
        + POLICY.format(style=_hash("style", template), script=_hash("script", template))
        + '">',
        "<!-- data -->": f'<script type="application/json" id="data">{data}</script>',
    }
    place = re.compile("|".join(map(re.escape, parts)))
    return place.sub(lambda found: parts[found[0]], template).encode("utf-8", "replace")


def _hash(element: str, template: str) -> str:
    """The policy's word for the text of the template's one such element."""
    (text,) = re.findall(f"<{element}>(.*?)</{element}>", template, re.DOTALL)
    return "sha256-" + base64.b64encode(sha256(text.encode()).digest()).decode()


def _pictures(value: object) -> Iterator[bytes]:
    """All pictures in a card."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _pictures(part)

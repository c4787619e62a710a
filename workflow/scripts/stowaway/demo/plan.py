"""What is photographed when and where: a stream of frames with their actors, labels and quirks."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from hashlib import md5
from typing import NamedTuple

import numpy as np

from stowaway.core.script import BadInput
from stowaway.demo.shapes import SHAPES

WIDTH, HEIGHT, STRIP = 640, 480, 24  # pixels; the info strip covers the bottom of the frame
LENS = 0.6  # metres from the ground to the lens, which is what lies between it and the horizon
SMALLEST, LARGE = 60, 300  # images: the fewest that hold every quirk; from here on, more events
ZONE = timezone(timedelta(hours=-7))
LOCATIONS = ("oak-flat", "sea-bluff", "canyon", "dunes", "ridge", "wash", "orchard", "chaparral")

# first hour out, hours out
DAY, DUSK, NIGHT, ALWAYS = (7.5, 10), (17, 12.5), (20.4, 8.6), (0, 24)
NATIVE, INVASIVE, OTHER = (3, 12), (2, 6), (1, 1)  # least number of events: below LARGE, above

# shape drawn, label, share of events, least number of them, when it is out
KINDS = (
    ("fox", "fox", 0.24, NATIVE, DUSK),
    ("lizard", "lizard", 0.165, NATIVE, DAY),
    ("scrub jay", "scrub jay", 0.16, NATIVE, DAY),
    ("skunk", "skunk", 0.13, NATIVE, NIGHT),
    ("mouse", "mouse", 0.13, NATIVE, NIGHT),
    ("rat", "rat", 0.03, INVASIVE, NIGHT),
    ("cat", "cat", 0.03, INVASIVE, DUSK),
    ("pig", "pig", 0.03, INVASIVE, (6, 14.5)),
    ("lizard", "liz", 0.015, OTHER, DAY),  # a misspelt label
    ("mouse", "rodnet", 0.005, OTHER, NIGHT),  # misspelt, and it says too little
    ("mouse", "rodent", 0.005, OTHER, NIGHT),
    ("moth", "bug", 0.005, OTHER, NIGHT),
    ("moth", "insect", 0.005, OTHER, NIGHT),
    ("fox", "animal", 0.005, OTHER, DUSK),
    ("person", "person", 0.01, OTHER, DAY),
    ("vehicle", "vehicle", 0.01, OTHER, DAY),
    ("", "empty", 0.02, OTHER, ALWAYS),  # category 0, the whole frame as its box
    ("fox", None, 0.005, OTHER, DUSK),  # nobody has annotated it
)
NEWCOMER = "opossum"  # of the second month; no config lists it
UNLIKE_ANIMALS = {"person", "vehicle"}  # categories of a detector of their own
LIFELESS = {"bush", "branch"}
CATEGORIES = ["empty", *(kind[1] for kind in KINDS if kind[1] not in ("empty", None)), "opossum"]

# The month after, of which a detector has listed the boxes and nobody the animals. Most photos are
# empty, the opossum is on no list, and bushes have boxes of low confidence.
LATER_KINDS = (
    ("fox", "fox", 0.13, (2, 6), DUSK),
    ("lizard", "lizard", 0.08, (1, 6), DAY),
    ("scrub jay", "scrub jay", 0.08, (1, 6), DAY),
    ("skunk", "skunk", 0.065, (1, 6), NIGHT),
    ("mouse", "mouse", 0.065, (1, 6), NIGHT),
    ("opossum", "opossum", 0.05, (2, 5), NIGHT),
    ("rat", "rat", 0.02, (1, 2), NIGHT),
    ("person", "person", 0.03, (1, 2), DAY),
    ("vehicle", "vehicle", 0.02, OTHER, DAY),
    ("bush", "bush", 0.12, (1, 4), ALWAYS),
    ("", None, 0.34, OTHER, ALWAYS),
)
# A branch in the wind, which sets off one camera again and again, in photos of their own.
BRANCH = ("branch", "branch", 0, (0, 0), ALWAYS)
BRANCH_AT = (5, 430, 190, 120)  # camera, x, row below the horizon, px of its body

# (label, which of its events): what is odd about that event's first image; invaders are spared
QUIRKS = {
    ("fox", 0): "over the edge",  # the box passes the frame by one pixel
    ("fox", 2): "rotated",  # EXIF orientation 6
    ("lizard", 0): "no size, no box",  # width and height absent, bbox all null
    ("lizard", 1): "no size",
    ("scrub jay", 0): "missing",  # listed, but no such file
    ("scrub jay", 1): "rgba",  # a PNG with an alpha channel
    ("skunk", 0): "cut short",  # half of the file's bytes
    ("skunk", 1): "grey",  # a JPEG of one channel
    ("mouse", 0): "undated",  # datetime null
}
LATER_QUIRKS = {("fox", 0): "rotated"}
# (label, number of its event modulo 12): who joins
COMPANY = {("fox", 1): ["fox"], ("scrub jay", 2): ["lizard"]}


class Period(NamedTuple):
    """When photos were taken, and of what. Other `seeds` draw other animals at the same places."""

    first: datetime
    days: int
    kinds: tuple
    quirks: dict[tuple[str, int], str]
    named: bool  # whether the boxes have animals' names
    seeds: list[int]


PERIODS = {
    1: Period(datetime(2024, 3, 1, tzinfo=ZONE), 184, KINDS, QUIRKS, True, []),
    2: Period(datetime(2024, 9, 1, tzinfo=ZONE), 30, LATER_KINDS, LATER_QUIRKS, False, [2024_09]),
}


class Actor(NamedTuple):
    """Who stands where: x and `below` the horizon, body `px` long (pixels), facing +-1, gait.

    `label` is the one that the COCO has; None is in no list.
    """

    shape: str
    label: str | None
    x: float
    below: float
    px: float
    facing: int
    step: float  # of the gait, in turns


class Frame(NamedTuple):
    """One photo. Its name is below the images folder; its seeds are the image's and the event's."""

    file_name: str
    original: str
    seeds: tuple[list[int], list[int]]
    camera: int
    when: datetime
    celsius: int
    actors: list[Actor]
    label: str | None
    quirk: str


def schedule(size: int, kinds: tuple, rng: np.random.Generator) -> list[tuple[tuple, int]]:
    """The events in their order: the kind and 1-3 frames each, `size` in all."""
    least = np.array([least[size >= LARGE] for _, _, _, least, _ in kinds])
    events = max(round(size / 2.7), least.sum())
    wanted = np.array([share for _, _, share, _, _ in kinds]) * events
    counts = np.maximum(least, wanted.astype(int))
    while gap := events - counts.sum():
        counts[np.argmax(wanted - counts if gap > 0 else counts - least)] += np.sign(gap)
    drawn = rng.permutation(np.repeat(np.arange(len(kinds)), counts))
    lacking = 3 * events - size  # frames, were all bursts of three
    ones, twos = lacking // 3, lacking - 2 * (lacking // 3)
    bursts = rng.permutation(np.repeat([1, 2, 3], [ones, twos, events - ones - twos]))
    return [(kinds[kind], burst) for kind, burst in zip(drawn, bursts.tolist(), strict=True)]


def with_branch(size: int, kinds: tuple, rng: np.random.Generator) -> list[tuple[tuple, int]]:
    """The same, with 24 photos of the branch among them, and more among many."""
    photos = max(24, size // 50)
    events = schedule(size - photos, kinds, rng)
    for place in rng.integers(0, len(events), photos).tolist():
        events.insert(place, (BRANCH, 1))
    return events


def walk(shape: str, label: str | None, burst: int, rng: np.random.Generator) -> list[Actor]:
    """One animal's way through the frames of a burst; a bush stays where it is."""
    scale = float(SHAPES[shape].split()[1]) / LENS  # pixels of body per pixel below the horizon
    near = min(255, max(70, 300 / scale))
    below = rng.uniform(min(near, max(46, 40 / scale)), near)
    px, facing = scale * below, int(rng.choice([-1, 1]))
    pace, start = facing * rng.uniform(0.05, 0.5) * px, rng.uniform(0.15, 0.85) * WIDTH
    pace *= shape not in LIFELESS
    return [
        Actor(shape, label, start + pace * (shot - 1), below, px, facing, 0.17 * shot)
        for shot in range(burst)
    ]


def plan(size: int, seed: int, period: Period = PERIODS[1]) -> Iterator[Frame]:
    """Yield `size` frames, event after event, day after day; the same seed, the same island."""
    if size < SMALLEST:
        raise BadInput(f"demo: size must be at least {SMALLEST} images, got {size}")
    seeds = [seed, *period.seeds]
    draw = schedule if period.named else with_branch
    events = draw(size, period.kinds, np.random.default_rng([*seeds, size]))
    events_of: Counter[str | None] = Counter()  # number of events by label
    shots: Counter[str] = Counter()  # images by deployment
    for event, ((shape, label, _, _, (first, hours)), burst) in enumerate(events):
        rng = np.random.default_rng([*seeds, event, 1])
        camera = BRANCH_AT[0] if shape == "branch" else int(rng.integers(len(LOCATIONS)))
        hour = (first + hours * rng.random()) % 24
        day = event * period.days // len(events)
        start = period.first + timedelta(day, round(3600 * hour))
        celsius = round(16 + 7 * np.cos((hour - 15) * np.pi / 12) + rng.normal(0, 2))
        location = f"{LOCATIONS[camera]}-{'spring' if start.month < 6 else 'summer'}"
        nth = events_of[label]
        events_of[label] += 1
        cast = [(shape, label)] if shape else []
        cast += [(other, other) for other in COMPANY.get((label, nth % 12), [])]
        if not period.named:
            cast = [(who, who if who in UNLIKE_ANIMALS else "animal") for who, _ in cast]
        ways = sorted((walk(*who, burst, rng) for who in cast), key=lambda way: way[0].below)
        if shape == "branch":  # the same one at the same place
            ways = [[Actor(*cast[0], *BRANCH_AT[1:], 1, rng.random())]]
        for shot in range(burst):
            quirk = period.quirks.get((label, nth), "") if shot == 0 else ""
            actors = [way[shot] for way in ways]
            if quirk == "over the edge":
                actors = [actors[0]._replace(x=WIDTH)]
            own = [*seeds, shots.total()], [*seeds, 0 if shape == "branch" else event, 2]
            shots[location] += 1
            unique = md5(str(own[0]).encode()).hexdigest()
            suffix = ".png" if quirk == "rgba" else ".jpg"
            name = f"demo/ISL-{camera + 1:02d}/{location}/demo-{unique}{suffix}"
            original, when = f"IMG_{shots[location]:04d}.JPG", start + timedelta(seconds=shot)
            yield Frame(name, original, own, camera, when, celsius, actors, label, quirk)

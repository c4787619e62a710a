"""The review page: one HTML file with its data, its pictures and its program inside."""

import base64
import json
import re
from collections.abc import Iterator
from hashlib import sha256

# A page that opens at once and can be mailed; what is beyond goes to the next page.
MOST_CARDS, MOST_BYTES = 500, 50_000_000
OTHER_BYTES = 1_000_000  # the program, and what is not pictures
POLICY = (
    "default-src 'none'; img-src data:; style-src '{style}'; script-src '{script}'; "
    "base-uri 'none'; form-action 'none'"
)


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

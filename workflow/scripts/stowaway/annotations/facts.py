"""What the index read and what it could not read, as index_facts.json says it."""

import json
from pathlib import Path


def read_facts(path: Path | str) -> dict:
    """The counts and notes of `index_annotations`."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def times_line(facts: dict) -> str:
    """How many of the listed times were read, and the first that was not."""
    line = f"times read {facts['times_read']} of {facts['images_with_time']}"
    return f"{line}; first unread: {facts['first_unread']}" if facts["first_unread"] else line

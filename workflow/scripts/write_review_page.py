"""The queue with its pictures -> queue.html, one file to decide on, which works from a disk."""

from hashlib import sha256
from pathlib import Path

from stowaway.annotations.facts import read_facts
from stowaway.core.files import read_arrays, replacing
from stowaway.core.names import location_key
from stowaway.core.script import run_rule
from stowaway.core.tables import read_sheet, read_table
from stowaway.exports.deployments import read_deployments
from stowaway.models.facts import read_facts as models_of
from stowaway.pages.page import (
    LIMITS,
    Pictures,
    event_cards,
    group_cards,
    left_out,
    notes,
    page_name,
    page_parts,
    review_page,
    watch_list,
)
from stowaway.review.examples import load


def write_review_page(
    queue: Path,
    suppressed: Path,
    labels: Path,
    people: Path,
    index_facts: Path,
    explanations: Path,
    models: Path,
    examples: list[Path],
    deployments: Path | list,
    template: Path,
    page: Path,
    batch: str,
    alarm: dict,
    watched: list[str],
    people_shown: bool,
    decimals: int | None,
    max_pixels: int,
    threads: int,
) -> None:
    """Write the page, and those after it where one cannot hold all; keep a copy of the queue.

    The copy in `queues/`, named by its checksum, tells later which queue a decision is of.
    """
    table, crops = read_sheet(queue), read_table(labels).set_index("crop_id")
    content = queue.read_bytes()
    checksum = sha256(content).hexdigest()
    looked = bool(read_facts(index_facts).get("person_detector"))
    photos = people_shown or looked
    pictures = Pictures(crops, photos, max_pixels)
    groups, facts, watch = read_sheet(suppressed), models_of(models), watch_list(load(examples))
    cards = event_cards(table, read_arrays(explanations), pictures, threads)
    cards += group_cards(groups, pictures, threads)
    meta = {
        "batch": batch,
        "queue_sha256": checksum,
        "natives": sorted(facts["natives"]),
        "watched": watched,
        "photos": photos,
        "left_out": left_out(table, groups, read_table(people)),
        "notes": notes(photos, looked, facts, alarm),
        "watch": watch,
        "limits": LIMITS if watch else [],
        "locations": places(deployments, decimals, cards) if deployments else [],
        "decimals": decimals,
    }
    parts = page_parts(cards)
    meta["pages"] = [page_name(part) for part in range(1, len(parts) + 1)]
    for old in page.parent.glob("queue_*.html"):
        old.unlink()
    for part, own in reversed(list(enumerate(parts, 1))):  # the declared output is the last
        elsewhere = [card["event"] for other in parts if other is not own for card in other]
        html = review_page(
            template.read_text("utf-8"), meta | {"part": part, "elsewhere": elsewhere}, own
        )
        with replacing(page.with_name(page_name(part)), "wb") as file:
            file.write(html)
    with replacing(queue.parent / "queues" / f"{checksum}.csv", "wb") as file:
        file.write(content)
    print(f"{len(cards)} cards on {len(parts)} pages, {page.stat().st_size / 1e6:.1f} MB the first")


def places(deployments: Path, decimals: int | None, cards: list[dict]) -> list[dict]:
    """Name, latitude and longitude of each deployment, by the name that the cards have for it."""
    names = {location_key(card["location"]): card["location"] for card in cards}
    return [
        {"name": names.get(key, d.name), "latitude": d.latitude, "longitude": d.longitude}
        for key, d in read_deployments(deployments, decimals).items()
    ]


if __name__ == "__main__":
    run_rule(write_review_page, snakemake)

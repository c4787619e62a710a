"""Boxes, scores and decisions -> results in MegaDetector's format, for Timelapse."""

import json
from pathlib import Path

from stowaway import __version__
from stowaway.core.files import replacing
from stowaway.core.script import run_rule
from stowaway.exports.boxes import load_boxes, load_photos
from stowaway.exports.megadetector import megadetector_results


def export_megadetector(
    labels: Path,
    queue: Path,
    decisions: Path | list,
    annotations: Path,
    rejected: Path,
    people: Path,
    index_facts: Path,
    results: Path,
    run: str,
    detector: str,
    rename: dict[str, str],
) -> None:
    """Write the results of the `run`, whose alarms are by `detector`."""
    boxes = load_boxes(labels, queue, decisions, run)
    photos = load_photos(boxes, annotations, rejected, people, index_facts, rename)
    made_by = {"version": __version__, "run": run, "detector": detector}
    content = megadetector_results(boxes, photos, made_by)
    with replacing(results) as file:
        file.write(json.dumps(content, ensure_ascii=False, allow_nan=False))


if __name__ == "__main__":
    run_rule(export_megadetector, snakemake)

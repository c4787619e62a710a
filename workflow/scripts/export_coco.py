"""Boxes, scores and decisions -> a COCO JSON in the form of LILA's camera-trap sets."""

import json
from pathlib import Path

from stowaway import __version__
from stowaway.core.files import replacing
from stowaway.core.script import run_rule
from stowaway.exports.boxes import load_boxes, load_photos
from stowaway.exports.coco import coco_with_scores


def export_coco(
    labels: Path,
    queue: Path,
    decisions: Path | list,
    annotations: Path,
    rejected: Path,
    people: Path,
    index_facts: Path,
    coco: Path,
    run: str,
    detector: str,
    rename: dict[str, str],
) -> None:
    """Write the COCO of the `run`, whose alarms are by `detector`."""
    boxes = load_boxes(labels, queue, decisions, run)
    photos = load_photos(boxes, annotations, rejected, people, index_facts, rename)
    made_by = {"version": __version__, "run": run, "detector": detector}
    content = coco_with_scores(boxes, photos, made_by)
    with replacing(coco) as file:
        file.write(json.dumps(content, ensure_ascii=False, allow_nan=False))


if __name__ == "__main__":
    run_rule(export_coco, snakemake)

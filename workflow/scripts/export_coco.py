"""Boxes, scores and decisions -> a COCO JSON in the form of LILA's camera-trap sets."""

from functools import partial

from stowaway.core.script import run_rule
from stowaway.exports.boxes import export_json
from stowaway.exports.coco import coco_with_scores

export_coco = partial(export_json, coco_with_scores)

if __name__ == "__main__":
    run_rule(export_coco, snakemake)

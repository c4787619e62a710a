"""Boxes, scores and decisions -> results in MegaDetector's format, for Timelapse."""

from functools import partial

from stowaway.core.script import run_rule
from stowaway.exports.boxes import export_json
from stowaway.exports.megadetector import megadetector_results

export_megadetector = partial(export_json, megadetector_results)

if __name__ == "__main__":
    run_rule(export_megadetector, snakemake)

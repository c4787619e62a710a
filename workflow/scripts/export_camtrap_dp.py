"""Boxes, scores, decisions and the user's deployments -> a Camtrap DP package."""

import csv
import json
from pathlib import Path

from stowaway.annotations.facts import read_facts
from stowaway.core.files import replacing
from stowaway.core.script import run_rule
from stowaway.exports.boxes import load_run
from stowaway.exports.camtrap_dp import COLUMNS, camtrap_tables, datapackage
from stowaway.exports.deployments import read_deployments


def export_camtrap_dp(
    table: Path,
    labels: Path,
    queue: Path,
    decisions: Path | list,
    annotations: Path,
    rejected: Path,
    people: Path,
    index_facts: Path,
    package: Path,
    deployments: Path,
    media: Path,
    observations: Path,
    novelty: Path,
    run: str,
    detector: str,
    rename: dict[str, str],
    decimals: int | None,
    shown_people: bool,
) -> None:
    """Write the package of the `run`, whose alarms are by `detector`.

    Coordinates are rounded to `decimals`, that of the user's `table` of deployments.
    """
    cameras = read_deployments(table, decimals)
    boxes, photos, made_by = load_run(
        labels, queue, decisions, annotations, rejected, people, index_facts, run, detector, rename
    )
    detector_ran = bool(read_facts(index_facts).get("person_detector"))
    tables = camtrap_tables(boxes, photos, cameras, made_by, detector_ran, shown_people)
    paths = {
        "deployments": deployments,
        "media": media,
        "observations": observations,
        "novelty": novelty,
    }
    for name, path in paths.items():
        with replacing(path) as file:
            rows = csv.DictWriter(file, COLUMNS[name])
            rows.writeheader()
            rows.writerows(tables[name])
    with replacing(package) as file:
        json.dump(datapackage(cameras, made_by, decimals), file, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    run_rule(export_camtrap_dp, snakemake)

"""Tables of a run -> overview.rst, the page that the report opens with."""

import json
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stowaway.core.files import Damaged, read_arrays, reading, replacing
from stowaway.core.script import run_rule
from stowaway.core.tables import read_sheet, read_table
from stowaway.review import overview as of
from stowaway.review.pictures import jpeg

PACKAGES = "snakemake", "numpy", "scikit-learn", "torch", "torchvision"


def write_overview(
    labels: Path,
    camera_days: Path,
    queue: Path,
    explanations: Path | list,
    alarms: Path | list,
    metrics: Path | list,
    models: Path | list,
    performance: Path | list,
    guide: Path,
    overview: Path,
    site: str,
    synthetic: bool,
    species: dict[str, list[str]],
    card: dict[str, str],
    backbone: dict,
) -> None:
    """Write what was asked, found and realised, the model card, and the `guide` to the figures.

    A list, which is empty, stands for a table that the run does not have.
    """
    sheet = read_sheet(queue)
    tables = [read_table(path) if path else None for path in (alarms, metrics, performance)]
    alarm_table, metric_table, in_use = tables
    pictures = {}
    if explanations:
        arrays = read_arrays(explanations)
        rows = zip(arrays["event"].tolist(), arrays["crops"], arrays["box"], strict=True)
        pictures = {event: jpeg(crop, box) for event, crop, box in list(rows)[: of.PICTURES]}
    crops = read_table(labels, ["species_label", "event"])
    lines = card | of.trained(crops, alarm_table) | of.seen_by(backbone) | facts(models)
    pieces = [
        *of.head(site, sheet, synthetic),
        *of.data(crops, read_table(camera_days), species),
        *of.section("What was found", of.found(sheet, pictures)),
        *of.beside(
            of.section("How sure", of.how_sure(alarm_table, metric_table, in_use)),
            of.section("What to do next", of.what_next(sheet, alarm_table, in_use is not None)),
        ),
        *of.section("Model card", of.card(lines | versions())),
    ]
    with replacing(overview) as file:
        file.write(of.as_rst(of.page(pieces)) + "\n" + guide.read_text(encoding="utf-8"))


def facts(models: Path | list) -> dict[str, str]:
    """What the models say of themselves, where the run has such a file."""
    if not models:
        return {}
    with reading(models):
        content = json.loads(models.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise Damaged("it holds something else")
    return of.flat(content)


def versions() -> dict[str, str]:
    """The packages here that results may depend on."""
    there = []
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            there.append(f"{name} {version(name)}")
    return {"Packages": ", ".join(there)}


if __name__ == "__main__":
    run_rule(write_overview, snakemake)

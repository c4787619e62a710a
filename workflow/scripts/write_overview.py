"""Tables of a run -> overview.rst, the page that the report opens with."""

from pathlib import Path

from stowaway.core.files import read_arrays, replacing
from stowaway.core.script import run_rule
from stowaway.core.tables import read_sheet, read_table
from stowaway.models.facts import read_facts
from stowaway.pages import overview as of
from stowaway.review.pictures import event_pictures


def write_overview(
    labels: Path,
    camera_days: Path,
    queue: Path,
    explanations: Path,
    alarms: Path | list,
    metrics: Path | list,
    comparison: Path | list,
    worth: Path | list,
    models: Path,
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
    paths = alarms, metrics, comparison, worth, performance
    alarm_table, *measured, in_use = (read_table(path) if path else None for path in paths)
    arrays = read_arrays(explanations)
    pictures = event_pictures(arrays, arrays["event"][: of.PICTURES].tolist())
    crops = read_table(labels, ["species_label", "event"])
    pieces = [
        *of.head(site, sheet, synthetic),
        *of.data(crops, read_table(camera_days), species),
        *of.section("What was found", of.found(sheet, pictures)),
        *of.beside(
            of.section("How sure", of.how_sure(alarm_table, *measured, in_use)),
            of.section("What to do next", of.what_next(sheet, alarm_table, in_use is not None)),
        ),
        *of.section("Model card", of.card(card | of.about(read_facts(models), backbone))),
    ]
    with replacing(overview) as file:
        file.write(of.as_rst(of.page(pieces)) + "\n" + guide.read_text(encoding="utf-8"))


if __name__ == "__main__":
    run_rule(write_overview, snakemake)

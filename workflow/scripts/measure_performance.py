"""Decisions and the queues that they are on -> performance.csv and effort.csv."""

from pathlib import Path

from stowaway.core.script import run_rule
from stowaway.core.tables import read_sheet, write_sheet
from stowaway.review import performance as measures


def measure_performance(decisions: Path, performance: Path, effort: Path, alarm: dict) -> None:
    """Write both tables, of this run and of all runs that were decided on.

    `alarm` is the config's, of which `target` and `limit` are used.
    """
    results, run = decisions.parents[1], decisions.parent.name
    table = read_sheet(decisions)
    queue = measures.decided_queue(table, results)
    days = measures.camera_days(results, dict.fromkeys([run, *queue["batch"]]))
    lines = measures.performance_table(queue, days, alarm)
    write_sheet(lines, performance)
    write_sheet(measures.effort_table(queue, days, lines), effort)


if __name__ == "__main__":
    run_rule(measure_performance, snakemake)

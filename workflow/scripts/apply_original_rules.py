"""Scores of the default run -> what the original's threshold rules flag, for every detector.

original_rules.csv has its rules, threshold_curves.csv the share flagged over a grid of thresholds.
"""

from pathlib import Path

import pandas as pd

from stowaway.core.script import run_rule
from stowaway.core.tables import read_table, write_table
from stowaway.data.roles import Role
from stowaway.evaluation.original_rules import curve_table, rule_table
from stowaway.evaluation.thresholds import unseen_natives


def apply_original_rules(
    scores: Path,
    network_scores: list[Path],
    original_rules: Path,
    threshold_curves: Path,
    detectors: dict[str, dict],
    resamples: int,
    seed: int,
) -> None:
    """Write both tables, for all `detectors` with their `kind` and `score`.

    `network_scores` are tables with `error` and `correlation`, named after their detector.
    """
    crops = read_table(scores)
    networks = {path.stem: path for path in network_scores}
    rule_tables, curve_tables = [], []
    for name, settings in detectors.items():
        table = crops[["crop_id", "species", "role", "event"]]
        if name in networks:
            values = read_table(networks[name], ["crop_id", "score", "error", "correlation"])
            table = table.merge(values, "left", "crop_id")
        else:
            table = table.assign(score=crops[name])
        unseen = table[table["role"] == unseen_natives(settings["kind"])]
        natives = table[table["role"] == Role.TEST]
        novel = dict(list(table[table["role"] == Role.NOVEL].groupby("species")))
        rules = rule_table(unseen, natives, novel, settings["score"], resamples, seed)
        curves = curve_table(unseen, {"native": natives} | novel, settings["score"])
        rules.insert(0, "detector", name)
        curves.insert(0, "detector", name)
        rule_tables.append(rules)
        curve_tables.append(curves)
    write_table(pd.concat(rule_tables), original_rules)
    write_table(pd.concat(curve_tables), threshold_curves)


if __name__ == "__main__":
    run_rule(apply_original_rules, snakemake)

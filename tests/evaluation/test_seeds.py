"""Numbers are reported on other split seeds than those on which the settings were chosen."""

import re

import yaml

from conftest import ROOT
from stowaway.core.config import load_schema

TRIALS = (ROOT / "benchmarks/detection.md").read_text()


def chosen_on() -> set[int]:
    spans = re.findall(r"were chosen on split seeds (\d+) to (\d+)\.", TRIALS)
    return {seed for first, last in spans for seed in range(int(first), int(last) + 1)}


def test_every_trial_is_within_the_seeds_that_the_settings_were_chosen_on():
    seeds = set()
    table = TRIALS.split("## Trials")[1].split("\n## ")[0]
    for row in re.findall(r"^\|[^|]+\|([^|]+)\|", table, re.MULTILINE):
        for first, last in re.findall(r"\b(\d+)(?:-(\d+))?", row.split("old,")[-1].split(",")[0]):
            seeds |= set(range(int(first), int(last or first) + 1))
    assert seeds and seeds <= chosen_on()


def test_no_config_reports_on_the_seeds_that_the_settings_were_chosen_on():
    schema = load_schema(ROOT / "workflow/schemas/config.schema.yaml")
    default = schema["properties"]["evaluation"]["properties"]["seeds"]["default"]
    seeds = {"default": default}
    for path in sorted((ROOT / "config").glob("*.yaml")):
        config = yaml.safe_load(path.read_text())
        seeds[path.name] = config.get("evaluation", {}).get("seeds", default)
    assert len(seeds) > 3
    assert not {name: of for name, of in seeds.items() if set(of) & chosen_on()}

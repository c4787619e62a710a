"""What a run's models were made with: models.json, which a person can read."""

import json
from pathlib import Path

from stowaway.core.files import Damaged, reading
from stowaway.core.script import BadInput

NEEDED = {
    "stowaway",
    "run",
    "made",
    "backbone",
    "natives",
    "calibration",
    "native_events_per_camera_day",
    "config",
}


def read_facts(path: Path | str) -> dict:
    """The facts of models.json. Raises `BadInput` where it is missing or damaged."""
    if not Path(path).exists():
        run = Path(path).parent
        raise BadInput(
            f"models: there is no {path}; run {run.name} first, or name a run that has models"
        )
    with reading(path), open(path, encoding="utf-8") as file:
        facts = json.load(file)
        if not isinstance(facts, dict) or not facts.keys() >= NEEDED:
            raise Damaged("it holds something else")
    return facts


def check_backbone(models: Path, backbone: dict) -> None:
    """Raise `BadInput` where features are not computed with the backbone of the models."""
    facts = read_facts(models)
    for key, wanted in facts["backbone"].items():
        if backbone[key] != wanted:
            what = {"weights_sha256": "other weights (checksum"}.get(key, f"another {key} (")
            raise BadInput(
                f"backbone: {models} was made with {what}{str(wanted)[:12]}), and this run has "
                f"{str(backbone[key])[:12]}; take backbone out of the config, or run "
                f"{facts['run']} again with it"
            )

"""What a run's models were made with: models.json, which a person can read."""

import json
from pathlib import Path

from stowaway.core.files import Damaged, reading
from stowaway.core.script import BadInput

NEEDED = {
    "stowaway": str,
    "run": str,
    "made": str,
    "backbone": dict,
    "natives": dict,
    "calibration": dict,
    "native_events_per_camera_day": (int, float),
    "config": dict,
    "arrays_sha256": str,
}
DESCRIBED = "trained_on", "licence"  # of a backbone: what is said of it, not what it computes


def read_facts(path: Path | str) -> dict:
    """The facts of models.json. Raises `BadInput` where it is missing or damaged."""
    if not Path(path).exists():
        run = Path(path).parent
        raise BadInput(
            f"models: there is no {path}; run {run.name} first, or name a run that has models"
        )
    with reading(path, again(path)), open(path, encoding="utf-8") as file:
        facts = json.load(file)
        if not isinstance(facts, dict) or not facts.keys() >= NEEDED.keys():
            raise Damaged("it holds something else")
        odd = [key for key, kind in NEEDED.items() if not isinstance(facts[key], kind)]
        detectors = facts["config"].get("detectors") if not odd else None
        of_all = list(detectors.values()) if isinstance(detectors, dict) else [None]
        if odd or not all(isinstance(of, dict) and "kind" in of for of in of_all):
            raise Damaged(f"{odd[0] if odd else 'config.detectors'} holds something else")
    return facts


def again(path: Path | str) -> str:
    """What to do about damaged models: a batch cannot make those of the run that it names."""
    return f"run {Path(path).parent.name} again with --forcerun export_models"


def read_backbone(path: Path) -> dict:
    """How features were computed: features.json. Raises `BadInput` where it is damaged."""
    with reading(path):
        return json.loads(path.read_text())


def check_backbone(run: str, wanted: dict, backbone: dict) -> None:
    """Raise `BadInput` where features are not computed with the backbone of the models of `run`."""
    for key, value in wanted.items():
        if key not in DESCRIBED and backbone.get(key) != value:
            what = {"weights_sha256": "other weights"}.get(key, f"another {key}")
            own = str(backbone.get(key))[:12]
            raise BadInput(
                f"backbone: the models of {run} were made with {what} ({str(value)[:12]}) than "
                f"this run's ({own}); take backbone out of the config, or run "
                f"{run} again with it"
            )

"""Other tools' own checks of our exports. It runs apart, where these tools are installed.

Reads a JSON from standard input: `megadetector` (paths), `camtrap_dp` (folders), `schemas` (a
folder). Writes a JSON to standard output: by path, what is wrong, and of results what was read.
"""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import MagicMock


def check_megadetector(path: str) -> dict:
    """The validator's errors and warnings, and what the reader makes of the file."""
    sys.modules.setdefault("cv2", MagicMock())  # imported for videos, which are not there
    from megadetector.postprocessing.load_api_results import load_api_results
    from megadetector.postprocessing.validate_batch_results import (
        ValidateBatchResultsOptions,
        validate_batch_results,
    )

    validated = validate_batch_results(path, ValidateBatchResultsOptions())["validation_results"]
    found = {"wrong": validated["errors"] + validated["warnings"]}
    if not found["wrong"]:
        table, other = load_api_results(path)
        found |= {"images": table[["file", "detections"]].to_dict("records"), "other": other}
    return found


def check_camtrap_dp(folder: str, schemas: str) -> dict:
    """Errors by the profile's JSON schema, and by frictionless with the tables' schemas."""
    import frictionless
    import jsonschema
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT4

    package = json.loads(Path(folder, "datapackage.json").read_text())
    profile = json.loads(Path(schemas, "camtrap-dp-profile.json").read_text())
    assets = Path(frictionless.__file__).parent / "assets/profiles"
    known = {
        "https://specs.frictionlessdata.io/schemas/data-package.json": {},
        "http://json.schemastore.org/geojson.json": json.loads(
            (assets / "geojson.json").read_text()
        ),
    }
    resources = [(at, Resource(content, DRAFT4)) for at, content in known.items()]
    validator = jsonschema.Draft4Validator(profile, registry=Registry().with_resources(resources))
    wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(package)]
    del package["profile"]
    for resource in package["resources"]:
        del resource["profile"]
        if isinstance(resource["schema"], str):
            name = resource["schema"].rpartition("/")[2]
            resource["schema"] = json.loads(Path(schemas, name).read_text())
    report = frictionless.Package.from_descriptor(package, basepath=folder).validate()
    wrong += [
        f"{task.name}: {message}"
        for task in report.tasks
        for (message,) in task.flatten(["message"])
    ]
    return {"wrong": wrong}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):
        answers = {path: check_megadetector(path) for path in asked["megadetector"]}
        for folder in asked["camtrap_dp"]:
            answers[folder] = check_camtrap_dp(folder, asked["schemas"])
    json.dump(answers, sys.stdout)

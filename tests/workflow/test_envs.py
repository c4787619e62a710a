"""The pins of requirements.txt, constraints.txt and the conda environments are the same."""

import ast
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from stowaway.core.dependencies import imported_by

# Import name -> package name, where they differ.
PACKAGE = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml", "botocore": "boto3"}
PACKAGE["efficientnet_lite_pytorch"] = "efficientnet-lite-pytorch"
OURS = {p.stem for p in (ROOT / "workflow/scripts").iterdir()} | {"snakemake"}


def pins(lines) -> dict[str, str]:
    found = (re.fullmatch(r"([\w.-]+)==([\w.+]+)", line.strip()) for line in lines)
    return {m[1].lower(): m[2] for m in found if m}


REQUIREMENTS = pins((ROOT / "requirements.txt").read_text().splitlines())


def environment(name: str) -> dict[str, str]:
    content = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())
    (pip,) = (item["pip"] for item in content["dependencies"] if isinstance(item, dict))
    return pins(pip)


def test_every_requirement_is_pinned_and_locked():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert len(REQUIREMENTS) == len([x for x in lines if x and not x.startswith("#")])
    locked = pins((ROOT / "constraints.txt").read_text().splitlines())
    assert {name: locked[name] for name in REQUIREMENTS} == REQUIREMENTS


@pytest.mark.parametrize("name", ["data", "torch", "plot"])
def test_environments_hold_the_same_versions(name):
    packages = environment(name)
    assert packages
    assert packages.items() <= REQUIREMENTS.items()


def imports(path) -> set[str]:
    """Top-level packages that a script imports, by the project's own modules too."""
    return set().union(*map(imports_of_file, [str(path), *imported_by(str(path))]))


@cache
def imports_of_file(file: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(Path(file).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - OURS


def scripts():
    """(environment, script) of every rule."""
    for rules in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"(?m)^ *rule ", rules.read_text()):
            name = re.search(r"envs/(\w+).yaml", rule)
            script = re.search(r"scripts/(\w+).py", rule)
            if name and script:
                yield name[1], script[1]


def test_every_script_finds_its_imports_in_its_environment():
    found = sorted(set(scripts()))
    assert len(found) == len(list((ROOT / "workflow/scripts").glob("*.py")))
    for name, script in found:
        needed = {
            PACKAGE.get(i, i).lower() for i in imports(ROOT / f"workflow/scripts/{script}.py")
        }
        assert needed <= set(environment(name)), f"{script} in envs/{name}.yaml"


def test_every_dependency_has_its_reason():
    text = (ROOT / "docs/dependencies.md").read_text().lower()
    assert not [name for name in REQUIREMENTS if f"| `{name}` |" not in text]


def test_scripts_load_only_what_they_use():
    """Importing torch costs seconds; matplotlib and pandas half of one."""
    for name, script in scripts():
        used = imports(ROOT / f"workflow/scripts/{script}.py")
        assert ("torch" in used) == (name == "torch"), script
        assert ("matplotlib" in used) == (name == "plot"), script


HEAVY = {"torch", "torchvision", "sklearn", "scipy", "pandas", "matplotlib", "PIL"}
HEAVY |= {"openTSNE", "boto3", "obstore", "snakemake"}
# What a package that a script uses brings along by itself.
BRINGS = {
    "openTSNE": {"sklearn", "scipy", "pandas"},
    "sklearn": {"scipy", "pandas"},
    "matplotlib": {"PIL"},
    "torchvision": {"PIL"},
}


def loaded_by(script: str) -> set[str]:
    """The heavy packages that importing a script really loads, in a process of its own."""
    code = f"import sys, json, {script}; print(json.dumps([*sys.modules]))"
    command = [sys.executable, "-c", code]
    folder = ROOT / "workflow/scripts"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return {module.split(".")[0] for module in json.loads(done.stdout)} & HEAVY


@pytest.mark.slow
def test_scripts_load_nothing_that_they_do_not_use_by_other_ways():
    names = {script for _, script in scripts()}
    # one of those that use the same packages: other modules of ours load no others
    names = sorted(
        {frozenset(imports(ROOT / f"workflow/scripts/{n}.py")): n for n in names}.values()
    )
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, loaded in zip(names, pool.map(loaded_by, names), strict=True):
            used = imports(ROOT / f"workflow/scripts/{name}.py")
            brought = {other for package in used for other in BRINGS.get(package, ())}
            assert loaded <= used | brought, name

"""The pins of requirements.txt, constraints.txt and the conda environments are the same."""

import ast
import re
import sys

import pytest
import yaml

from conftest import ROOT

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
    """Top-level packages that a file imports, the project's own modules followed."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [f"stowaway.{module}" if node.level else module]
            if names == ["stowaway"] or names == ["stowaway."]:
                names = [f"stowaway.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("stowaway."):
                inner = ROOT / "workflow/scripts" / (name.replace(".", "/") + ".py")
                found |= imports(inner) if inner.exists() else set()
            else:
                found.add(name.split(".")[0])
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


def test_every_dependency_has_its_reason_in_the_readme():
    text = (ROOT / "README.md").read_text().lower()
    assert not [name for name in REQUIREMENTS if f"| `{name}` |" not in text]


def test_scripts_load_only_what_they_use():
    """Importing torch costs seconds; matplotlib and pandas half of one."""
    for name, script in scripts():
        used = imports(ROOT / f"workflow/scripts/{script}.py")
        assert ("torch" in used) == (name == "torch"), script
        assert ("matplotlib" in used) == (name == "plot"), script

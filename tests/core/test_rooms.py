"""How the house is laid out: which room may import which, and how large files may be."""

import ast
import re
from pathlib import Path

import pytest

from conftest import ROOT

SCRIPTS = ROOT / "workflow/scripts"
PACKAGE = SCRIPTS / "stowaway"
TESTS = ROOT / "tests"
# A room imports from itself and from the rooms before it.
ROOMS = (
    "core annotations data download models detectors evaluation embedding review exports pages "
    "plots demo"
).split()
MOST_FILES = 10
MOST_LINES = 110


def relative(paths) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in paths)


def imported_modules(path: Path) -> list[str]:
    """Dotted names of all modules that a file imports, also within functions."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names.append("." * node.level + (node.module or ""))
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def main_block(path: Path) -> tuple[list[ast.stmt], ast.If]:
    """The statements of a script before its `__main__` block, and that block, which is the last."""
    *before, last = ast.parse(path.read_text()).body
    assert isinstance(last, ast.If), "a script ends with its __main__ block"
    assert ast.unparse(last.test) == "__name__ == '__main__'" and not last.orelse
    return before, last


def test_every_room_is_in_the_list_and_says_what_it_holds():
    folders = [path for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert sorted(path.name for path in folders) == sorted(ROOMS)
    assert relative(PACKAGE.glob("*.py")) == relative([PACKAGE / "__init__.py"])
    for room in ROOMS:
        assert ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())), room


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_is_crowded(room):
    assert len(list((PACKAGE / room).rglob("*.py"))) <= MOST_FILES


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_down(room):
    allowed = {f"stowaway.{name}" for name in ROOMS[: ROOMS.index(room) + 1]}
    for path in (PACKAGE / room).rglob("*.py"):
        for name in imported_modules(path):
            assert not name.startswith("."), f"{path}: {name}: imports are absolute"
            if name.split(".")[0] == "stowaway":
                assert ".".join(name.split(".")[:2]) in allowed, f"{path}: {name}"


@pytest.mark.parametrize("script", relative(SCRIPTS.glob("*.py")))
def test_a_script_is_short_and_its_main_block_is_one_call(script):
    """The block gives one function and snakemake to a frame; nothing else knows snakemake."""
    path = ROOT / script
    assert len(path.read_text().splitlines()) <= MOST_LINES
    before, block = main_block(path)
    names = {n.id for part in before for n in ast.walk(part) if isinstance(n, ast.Name)}
    assert "snakemake" not in names
    (statement,) = block.body
    assert re.fullmatch(r"run_(rule|plot)\(\w+, snakemake\)", ast.unparse(statement))


def test_every_test_has_a_room():
    outside = [path for path in TESTS.rglob("*.py") if path.parent.name not in [*ROOMS, "workflow"]]
    assert relative(outside) == ["tests/conftest.py"]
    names = [path.name for path in TESTS.rglob("test_*.py")]
    assert len(set(names)) == len(names), "pytest needs file names that differ"

"""How the house is laid out: which room may import which, and how large files may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT

SCRIPTS = ROOT / "workflow/scripts"
PACKAGE = SCRIPTS / "stowaway"
TESTS = ROOT / "tests"
# A room imports from itself and from the rooms before it.
ROOMS = "core data download models detectors evaluation embedding review plots demo".split()
MOST_FILES = 10
MOST_LINES = 110
MOST_LINES_OF_CALL = 12
LOGIC = ast.IfExp, ast.BoolOp, ast.Compare, ast.Lambda, ast.NamedExpr


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


def faults_of(script: Path) -> Iterator[str]:
    """What a script does that it should leave to a function or a module."""
    text = script.read_text()
    if len(text.splitlines()) > MOST_LINES:
        yield f"over {MOST_LINES} lines"
    *before, block = ast.parse(text).body
    if "snakemake" in {n.id for top in before for n in ast.walk(top) if isinstance(n, ast.Name)}:
        yield "snakemake is used outside of the __main__ block"
    match block:
        case ast.If(test=test, body=[ast.Expr(ast.Call(ast.Name("run_rule")) as call)]):
            if [type(node) for node in call.args] != [ast.Name, ast.Name] or call.keywords:
                yield "run_rule takes a function and snakemake, nothing else"
        case ast.If(test=test, body=[ast.With(items=[frame], body=[ast.Expr(ast.Call() as call)])]):
            if ast.unparse(frame) != "rule_log(snakemake.log[0])":
                yield f"the frame is {ast.unparse(frame)}"
            if call.args:
                yield "arguments without a name"
            if call.end_lineno - call.lineno >= MOST_LINES_OF_CALL:
                yield f"a call of over {MOST_LINES_OF_CALL} lines"
            if any(isinstance(n, LOGIC) or getattr(n, "ifs", None) for n in ast.walk(call)):
                yield "logic in the arguments"
        case _:
            yield "the __main__ block is not one call"
            return
    if ast.unparse(test) != "__name__ == '__main__'":
        yield "the last block is not the __main__ block"


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
def test_a_script_is_short_and_its_main_block_only_unpacks_snakemake(script):
    assert list(faults_of(ROOT / script)) == []


def test_every_test_has_a_room():
    outside = [path for path in TESTS.rglob("*.py") if path.parent.name not in [*ROOMS, "workflow"]]
    assert relative(outside) == ["tests/conftest.py"]

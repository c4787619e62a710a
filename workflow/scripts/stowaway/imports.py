"""Which of this package's modules a script imports, directly or through others."""

import ast
from functools import cache
from pathlib import Path

# They bear the messages and the way a script runs, not its result.
WITHOUT_RESULT = {"run.py"}


@cache
def imported_by(script: str) -> list[str]:
    """Paths of the modules of `stowaway` that the script at this path depends on, sorted."""
    scripts = next(p for p in Path(script).parents if p.name == "scripts")
    found: set[Path] = set()
    waiting = [Path(script)]
    while waiting:
        for module in _imports(waiting.pop(), scripts) - found:
            found.add(module)
            waiting.append(module)
    return sorted(str(module) for module in found if module.name not in WITHOUT_RESULT)


@cache
def _imports(file: Path, scripts: Path) -> set[Path]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.level or node.module.startswith("stowaway")):
            folder = file.parents[node.level - 1] if node.level else scripts
            base = folder / (node.module or "").replace(".", "/")
            names |= {base.with_suffix(".py"), *(base / f"{name.name}.py" for name in node.names)}
    return {name for name in names if name.is_file()}

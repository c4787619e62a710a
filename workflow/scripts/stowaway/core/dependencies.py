"""Which of this package's modules a script imports, directly or through others."""

import ast
from functools import cache
from pathlib import Path

# Modules that bear messages and the way a script runs, not its result.
WITHOUT_RESULT = {"script.py", "progress.py", "files.py"}


@cache
def imported_by(script: str) -> list[str]:
    """Paths of all modules of `stowaway` that the script at this path imports, sorted."""
    scripts = next(p for p in Path(script).parents if p.name == "scripts")
    found: set[Path] = set()
    waiting = [Path(script)]
    while waiting:
        for module in _imports(waiting.pop(), scripts) - found:
            found.add(module)
            waiting.append(module)
    return sorted(map(str, found))


def result_modules(script: str) -> list[str]:
    """Those on which the script's result depends: an edit of one is a reason to run it again."""
    return [path for path in imported_by(script) if Path(path).name not in WITHOUT_RESULT]


@cache
def _imports(file: Path, scripts: Path) -> set[Path]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stowaway"):
            base = scripts / node.module.replace(".", "/")
            names |= {base.with_suffix(".py"), *(base / f"{name.name}.py" for name in node.names)}
    return {name for name in names if name.is_file()}

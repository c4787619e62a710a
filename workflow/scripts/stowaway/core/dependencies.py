"""Which modules of the package a script imports, so that an edit of one reruns its rule."""

import re
from functools import cache
from pathlib import Path

# An edit of these changes messages or how a script ends, never its result.
WITHOUT_RESULT = {"core/script.py", "core/progress.py", "core/files.py"}
# As text, not parsed: each start of Snakemake reads all scripts and modules.
IMPORT = re.compile(r"^ *from (stowaway[\w.]*) import (\([^)]*\)|.*)", re.MULTILINE)


@cache
def imported_by(script: str) -> list[str]:
    """Paths of all modules of `stowaway` that the script at this path imports, sorted.

    Imports by imported modules count too.
    """
    scripts = next(folder for folder in Path(script).parents if folder.name == "scripts")
    modules: set[Path] = set()
    waiting = [Path(script)]
    while waiting:
        new = _imports(waiting.pop(), scripts) - modules
        modules |= new
        waiting += new
    return sorted(map(str, modules))


def result_modules(script: str) -> list[str]:
    """The modules on which the script's result depends."""
    return [path for path in imported_by(script) if not path.endswith(tuple(WITHOUT_RESULT))]


@cache
def _imports(file: Path, scripts: Path) -> set[Path]:
    """Paths of the package's modules that one file imports itself."""
    candidates = set()
    for module, names in IMPORT.findall(file.read_text()):
        base = scripts / module.replace(".", "/")
        named = re.findall(r"\w+", names)
        candidates |= {base.with_suffix(".py"), *(base / f"{name}.py" for name in named)}
    return {path for path in candidates if path.is_file()}

"""Which modules of the package a script depends on."""

from pathlib import Path

import pytest

from conftest import ROOT
from stowaway.core.dependencies import imported_by, result_modules

FILES = {
    "a.py": "import json\nfrom stowaway.core import tables\nfrom stowaway.core.script import say",
    "b.py": "def f():\n    from stowaway.data.events import UNKNOWN\n",
    "d.py": "from stowaway.core import (\n    tables as t,  # t\n)\n# from stowaway.data import f",
    "stowaway/core/tables.py": "from stowaway.core.files import replacing\n",
    "stowaway/core/files.py": "",
    "stowaway/core/script.py": "",
    "stowaway/data/events.py": "from stowaway.data import ring\n",
    "stowaway/data/ring.py": "from stowaway.data.events import UNKNOWN\n",
    "stowaway/data/files.py": "",
}


@pytest.fixture
def scripts(tmp_path):
    folder = tmp_path / "scripts"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def names(paths: list[str], scripts: Path) -> list[str]:
    return [str(Path(path).relative_to(scripts / "stowaway")) for path in paths]


def test_imports_of_imports_count_and_so_do_those_within_functions(scripts):
    assert names(imported_by(str(scripts / "a.py")), scripts) == [
        "core/files.py",
        "core/script.py",
        "core/tables.py",
    ]
    assert imported_by(str(scripts / "d.py")) == imported_by(str(scripts / "a.py"))[::2]
    ring = ["data/events.py", "data/ring.py"]
    assert names(imported_by(str(scripts / "b.py")), scripts) == ring


def test_modules_that_bear_no_result_are_left_out_by_their_room(scripts):
    assert names(result_modules(str(scripts / "a.py")), scripts) == ["core/tables.py"]
    (scripts / "c.py").write_text("from stowaway.data import files\n")
    assert names(result_modules(str(scripts / "c.py")), scripts) == ["data/files.py"]


def test_the_modules_left_out_exist():
    from stowaway.core.dependencies import WITHOUT_RESULT

    package = ROOT / "workflow/scripts/stowaway"
    assert all((package / name).is_file() for name in WITHOUT_RESULT)

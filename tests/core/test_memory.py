"""Freed memory stays with the process."""

import subprocess
import sys

import pytest

from conftest import ROOT

FAULTS = """
import resource, sys
sys.path.append({scripts!r})
from stowaway.core.memory import keep_memory
if {keep}:
    keep_memory()
for _ in range(20):
    b"x" * 40_000_000  # above 32 MB, where glibc alone always returns it
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc alone")
def test_a_large_block_is_not_mapped_anew_each_time():
    def page_faults(keep: bool) -> int:
        code = FAULTS.format(scripts=str(ROOT / "workflow/scripts"), keep=keep)
        command = [sys.executable, "-c", code]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert page_faults(keep=True) < 0.5 * page_faults(keep=False)

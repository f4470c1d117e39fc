"""What one large answer frees serves the next one: hardly a page has to be asked for anew."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from gateway.heap import keep_freed
if sys.argv[1] == "kept":
    keep_freed()
def answer():
    return [b"x" * 100_000 for _ in range(80)]
answer()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    answer()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    run = subprocess.run([sys.executable, "-c", PROGRAM, how], check=True, capture_output=True, text=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_freed_memory_is_kept() -> None:
    # Ten times eight megabytes are 20,000 pages.
    assert faults("as it is") > 10_000
    assert faults("kept") < 2_000

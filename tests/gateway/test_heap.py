"""What one large answer frees serves the next one, and what stays is moved to large pages."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
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


LARGE_PAGES = """
from gateway.heap import move_to_large_pages
kept = [str(number) for number in range(500_000)]
move_to_large_pages()
assert kept == [str(number) for number in range(500_000)]
print(next(line.split()[1] for line in open("/proc/self/smaps_rollup") if line.startswith("AnonHugePages")))
"""


def faults(how: str) -> int:
    run = subprocess.run([sys.executable, "-c", FAULTS, how], check=True, capture_output=True, text=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_freed_memory_is_kept() -> None:
    # Ten times eight megabytes are 20,000 pages. Where a small block lies on top of the freed ones, it keeps
    # many of them where they are.
    assert max(faults("as it is") for _ in range(5)) > 1_000
    assert faults("kept") < 500


def large_pages_can_be_had() -> bool:
    switch = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    version = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2] if part.isdigit())
    return switch.exists() and "[never]" not in switch.read_text() and version >= (6, 1)


@pytest.mark.skipif(not large_pages_can_be_had(), reason="this kernel gives no large pages when asked")
def test_what_stays_is_moved_to_large_pages() -> None:
    run = subprocess.run([sys.executable, "-c", LARGE_PAGES], check=True, capture_output=True, text=True)
    assert int(run.stdout) >= 10 * 1024  # kilobytes, of some forty megabytes

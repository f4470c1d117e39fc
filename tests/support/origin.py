"""Where figures come from: the commit that was measured, and the machine it ran on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path


def commit_of(root: Path) -> str:
    """The short name of what is checked out, and whether it was changed."""
    commit = output("git", "-C", str(root), "rev-parse", "--short", "HEAD") or "unknown"
    changed = output("git", "-C", str(root), "status", "--porcelain", "--untracked-files=normal")
    return f"{commit} with changes" if changed else commit


def machine() -> str:
    """Processor, cores, operating system."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}"


def load() -> float:
    """How many tasks wanted a core during the last minute: of others, when asked before a run."""
    return os.getloadavg()[0]


def output(*command: str) -> str | None:
    """What a command printed; None where it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()

"""The command as a real process, and configurations to give to it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters import registry
from tests.support.sandbox import COMMAND

SECRET = "a-key-that-nobody-may-ever-see"


@dataclass(frozen=True)
class Ended:
    """How a command ended. ``out`` and ``err`` are lines."""

    status: int
    out: list[str]
    err: list[str]

    @property
    def text(self) -> str:
        return "\n".join([*self.out, *self.err])


def run(*arguments: str | Path, cwd: Path | None = None) -> Ended:
    command = [str(COMMAND), *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Ended(done.returncode, done.stdout.splitlines(), done.stderr.splitlines())


def connection(vendor: str, url: str, **settings: Any) -> dict[str, Any]:
    emulator = registry.emulator(vendor)
    return {
        "name": vendor,
        "system": emulator.system.value,
        "adapter": vendor,
        "settings": {**emulator.settings(url), **settings},
    }


def configured(folder: Path, *connections: dict[str, Any], **sections: Any) -> Path:
    """A configuration file; JSON is YAML."""
    file = folder / "fieldgate.yaml"
    file.write_text(json.dumps({"connections": connections, **sections}, indent=1))
    return file


def written(folder: Path, text: str) -> Path:
    file = folder / "fieldgate.yaml"
    file.write_text(text)
    return file

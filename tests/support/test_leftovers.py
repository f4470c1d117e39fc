"""The suite's own check that nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import leftovers
from tests.support.leftovers import Run

WAITING = "input()"


def test_what_is_left_behind_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository, folder = tmp_path / "repository", tmp_path / "temporary"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    run = Run(repository, "mark-of-this-test", folder, clean=True)
    monkeypatch.setattr(leftovers, "GRACE_S", 0)
    assert run.left() == []

    environment = {leftovers.MARK: run.mark}
    (repository / "made by a test").touch()
    with subprocess.Popen([sys.executable, "-c", WAITING], stdin=subprocess.PIPE, env=environment) as waiting:
        if Path("/proc").is_dir():
            assert run.left()[0].startswith(f"process {waiting.pid}: ")
        assert run.left()[-1] == "file: made by a test"
        waiting.communicate(b"\n")

    (repository / "made by a test").unlink()
    assert run.left() == []
    run.end(keep=True)
    assert folder.exists()
    run.end(keep=False)
    assert not folder.exists()

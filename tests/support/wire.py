"""A transport that keeps what goes out."""

from __future__ import annotations

import asyncio
from typing import Any


class Wire(asyncio.Transport):
    """Keeps what is written, a call of the system each."""

    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        super().__init__(extra)
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

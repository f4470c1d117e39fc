"""What the engine sends a connection's writes through."""

from __future__ import annotations

from typing import Protocol

from adapters.contracts.errors import Unreachable, Unsupported
from adapters.contracts.writes import Settled, Write, Writer


class Target(Protocol):
    """A connection that is written. Faults are those of ``adapters.contracts.writes.Writer``."""

    @property
    def concurrency(self) -> int:
        """How many writes it bears at once."""
        ...

    async def perform(self, write: Write) -> str: ...

    async def settle(self, write: Write) -> Settled: ...


class WriterTarget:
    """A writer, with nothing between it and the engine."""

    def __init__(self, writer: Writer | None, concurrency: int) -> None:
        self._writer = writer
        self.concurrency = concurrency

    async def perform(self, write: Write) -> str:
        return await self._able(write).perform(write)

    async def settle(self, write: Write) -> Settled:
        return await self._able(write).settle(write)

    def _able(self, write: Write) -> Writer:
        if self._writer is None or write.verb not in self._writer.verbs:
            raise Unsupported(f"this system cannot {write.verb.value}")
        return self._writer


class NoTarget:
    """Stands for a connection that is no longer configured: its commands wait, for it may come back."""

    concurrency = 1

    async def perform(self, write: Write) -> str:
        raise Unreachable("its connection is not configured")

    async def settle(self, write: Write) -> Settled:
        raise Unreachable("its connection is not configured")

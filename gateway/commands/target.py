"""What the engine sends a connection's writes through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Unreachable,
    Unsupported,
)
from adapters.contracts.resource import Resource
from adapters.contracts.vocabulary import RecordType
from adapters.contracts.writes import WRITINGS, Settled, Write, Writer


class Target(Protocol):
    """A connection that is written. Faults are those of ``adapters.contracts.writes.Writer``."""

    @property
    def concurrency(self) -> int:
        """How many writes it bears at once."""
        ...

    async def perform(self, write: Write) -> str: ...

    async def settle(self, write: Write) -> Settled: ...


class WriterTarget:
    """A writer, with nothing between it and the engine but the guard that its vendor does not have."""

    def __init__(
        self,
        writer: Writer | None,
        concurrency: int,
        resources: Mapping[RecordType, Resource] | None = None,
    ) -> None:
        self._writer = writer
        self._resources = resources or {}
        self.concurrency = concurrency

    async def perform(self, write: Write) -> str:
        writer = self._able(write)
        if write.unmodified_since is None or write.verb in writer.enforces_unmodified_since:
            return await writer.perform(write)
        await self._require_unmodified(write, write.unmodified_since)
        return await writer.perform(replace(write, unmodified_since=None))

    async def settle(self, write: Write) -> Settled:
        return await self._able(write).settle(write)

    def _able(self, write: Write) -> Writer:
        if self._writer is None or write.verb not in self._writer.verbs:
            raise Unsupported(f"this system cannot {write.verb.value}")
        return self._writer

    async def _require_unmodified(self, write: Write, since: datetime) -> None:
        """Reads, just before the write: it may have waited for hours since it was accepted."""
        resource = self._resources.get(WRITINGS[write.verb].type)
        if resource is None or "updated_at" not in resource.fields:
            raise Unsupported("this system does not say when records change")
        try:
            rows = await resource.read_many([write.record_id], frozenset({"updated_at"}))
        except (OutcomeUnknown, Malformed) as error:
            # It was only a reading: the write was not sent.
            raise Unreachable(f"what is to be guarded could not be read: {error.message}") from error
        row = rows.get(write.record_id)
        if row is None:
            raise NotFound("there is no such record")
        changed_at = resource.fields.read(row, "updated_at")
        if changed_at is not None and changed_at > since:
            raise Conflict("the record was changed in the meantime", vendor_code="stale")


class NoTarget:
    """Stands for a connection that is no longer configured: its commands wait, for it may come back."""

    concurrency = 1

    async def perform(self, write: Write) -> str:
        raise Unreachable("its connection is not configured")

    async def settle(self, write: Write) -> Settled:
        raise Unreachable("its connection is not configured")

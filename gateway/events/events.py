"""Reading events. Implements ``resolvers.event_port.Events``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from gateway.events.broker import Broker, Reader
from gateway.events.cursor import decode_cursor
from gateway.events.filters import wants
from gateway.events.log import Bounds, Log, LogUnavailable
from resolvers.event_port import CursorExpired, Event, EventFilter

PAGE = 500
_AGAIN_S = 0.25


class LoggedEvents:
    """The log, and its tail by the broker."""

    def __init__(self, log: Log, broker: Broker) -> None:
        self._log = log
        self._broker = broker

    async def follow(self, wanted: EventFilter, after: str | None) -> AsyncGenerator[Event]:
        behind = None if after is None else decode_cursor(after)
        if behind is None:
            behind = await self._broker.position()
        else:
            _check(await self._bounds(), behind)
        reader: Reader | None = None
        try:
            while (reader := self._broker.join(wanted, behind)) is None:
                page = await self._page(behind)
                for event in page:
                    behind = decode_cursor(event.cursor)
                    if wants(wanted, event):
                        yield event
                if not page:
                    # The broker has not begun, or has handed out what this reading was just too early for.
                    await self._broker.position()
                    await asyncio.sleep(0)
            while True:
                yield await reader.next()
        finally:
            if reader is not None:
                self._broker.leave(reader)

    async def until_now(self, wanted: EventFilter, after: str) -> AsyncGenerator[Event]:
        """Events from behind a cursor to the end of the log. Raises as ``follow`` does."""
        behind = decode_cursor(after)
        _check(await self._bounds(), behind)
        while page := await self._page(behind):
            for event in page:
                behind = decode_cursor(event.cursor)
                if wants(wanted, event):
                    yield event

    async def newest(
        self, wanted: EventFilter, first: int, after: str | None
    ) -> tuple[Sequence[Event], bool]:
        return await self._log.newest(wanted, first, None if after is None else decode_cursor(after))

    async def get(self, event_id: str) -> Event | None:
        return await self._log.get(event_id)

    async def _page(self, behind: int) -> Sequence[Event]:
        while True:
            try:
                page = await self._log.read(behind, PAGE)
            except LogUnavailable:
                await asyncio.sleep(_AGAIN_S)
                continue
            # What was trimmed while a slow reader caught up is a gap like any other.
            _check(await self._bounds(), behind)
            return page

    async def _bounds(self) -> Bounds:
        while True:
            try:
                return await self._log.bounds()
            except LogUnavailable:
                await asyncio.sleep(_AGAIN_S)


def _check(bounds: Bounds, behind: int) -> None:
    """A place beyond the end is of a log that was lost since: what it had in between is not to be had."""
    if behind < bounds.floor or behind > bounds.last:
        raise CursorExpired("the log of events no longer reaches back to this cursor")

"""The list of events behind a mark: what webhooks missed.

https://apidocs.chargebee.com/docs/api/events/list-events, sorted by ``occurred_at``, oldest first. Times are
whole seconds and ``after`` leaves its own second out, so a page goes on by the list's own offset, and a new
walk begins a little before the last event; what is read a second time, the inbox knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from adapters.chargebee.client import ChargebeeClient
from adapters.chargebee.resource import MAX_ROWS
from adapters.contracts.errors import Malformed, Rejected
from adapters.contracts.events import Batch
from adapters.http import Params

T = TypeVar("T")

OVERLAP_S = 60
"""How far before the last event a walk begins: time for events to enter the list behind others."""


class _Mark(msgspec.Struct, frozen=True):
    """A walk through the list: where it began, in seconds since 1970, and the offset it has come to."""

    after: int
    offset: str | None = None


class _Head(msgspec.Struct):
    id: str
    occurred_at: int


class _Row(msgspec.Struct):
    event: msgspec.Raw


class _Page(msgspec.Struct):
    rows: list[_Row] = msgspec.field(name="list")
    next_offset: str | None = None


class EventList:
    """The events of one site, as batches."""

    def __init__(self, client: ChargebeeClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock

    async def behind(self, mark: str | None) -> Batch:
        """The next events behind a mark, oldest first; without one, the mark of the present."""
        if mark is None:
            return Batch((), _text(_Mark(int(self._clock()) - OVERLAP_S)), more=False)
        place = _parse(mark)
        page = await self._page(place)
        heads = [_decoded(row.event, _Head) for row in page.rows]
        messages = [(head.id, bytes(row.event)) for head, row in zip(heads, page.rows, strict=True)]
        if page.next_offset:
            return Batch(messages, _text(_Mark(place.after, page.next_offset)), more=True)
        newest = max((head.occurred_at for head in heads), default=place.after)
        return Batch(messages, _text(_Mark(max(place.after, newest - OVERLAP_S))), more=False)

    async def _page(self, place: _Mark) -> _Page:
        params: Params = [
            ("limit", str(MAX_ROWS)),
            ("occurred_at[after]", str(place.after)),
            ("sort_by[asc]", "occurred_at"),
        ]
        if place.offset is not None:
            try:
                return _decoded(await self._client.raw("events", [*params, ("offset", place.offset)]), _Page)
            except Rejected:
                pass  # An offset that was kept too long: the walk begins again.
        return _decoded(await self._client.raw("events", params), _Page)


def _text(mark: _Mark) -> str:
    return msgspec.json.encode(mark).decode()


def _parse(text: str) -> _Mark:
    try:
        return msgspec.json.decode(text, type=_Mark)
    except msgspec.DecodeError as error:
        raise Rejected("this is no mark of Chargebee's events", vendor_code="bad_position") from error


def _decoded(raw: bytes | msgspec.Raw, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed("Chargebee events: the answer is not a list of events") from error

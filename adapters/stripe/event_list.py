"""The list of events, read forwards from a mark: what webhooks missed.

https://docs.stripe.com/api/events/list: newest first, 30 days. ``ending_before`` gives the events that came
just after one, so that catching up takes one page at a time, oldest first, however much was missed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from adapters.contracts.errors import Malformed, NotFound, Rejected
from adapters.contracts.events import Batch
from adapters.http import Params
from adapters.stripe.client import MAX_ROWS, StripeClient

OVERLAP_S = 60
"""An event can enter the list behind ones that are already there. A mark at its head is set this far back;
what is then read a second time, the inbox knows."""

_MARK = re.compile(r"(\d{1,12})\.([A-Za-z0-9_]{0,255})", re.ASCII)
_PATH = "/v1/events"


class _Head(msgspec.Struct):
    id: str
    created: int


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool


@dataclass(frozen=True, slots=True)
class _Mark:
    """The event behind which to go on, and its time in seconds; no event where there was none yet."""

    created: int
    id: str

    def __str__(self) -> str:
        return f"{self.created}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> _Mark:
        match = _MARK.fullmatch(text)
        if match is None:
            raise Rejected("this is no mark of Stripe's events", vendor_code="bad_position")
        return cls(int(match[1]), match[2])


@dataclass(frozen=True, slots=True)
class _Listed:
    """One event as the list has it."""

    mark: _Mark
    body: bytes


class EventList:
    """The events of some types, as batches."""

    def __init__(self, client: StripeClient, types: tuple[str, ...], clock: Callable[[], float]) -> None:
        self._client = client
        self._types = [("types[]", type) for type in types]
        self._clock = clock

    async def behind(self, mark: str | None) -> Batch:
        """The next events behind a mark, oldest first; without one, the mark of the present."""
        if mark is None:
            newest, _ = await self._page([("limit", "1")])
            at = newest[0].mark if newest else _Mark(int(self._clock()), "")
            return Batch((), str(at), more=False)
        place = _Mark.parse(mark)
        events, more = await self._after(place)
        return Batch(
            [(event.mark.id, event.body) for event in events], str(_next(place, events, more)), more=more
        )

    async def _after(self, place: _Mark) -> tuple[list[_Listed], bool]:
        if place.id:
            try:
                events, more = await self._page([("limit", str(MAX_ROWS)), ("ending_before", place.id)])
            except NotFound:
                pass  # Older than the list reaches back.
            else:
                return events[::-1], more
        return await self._oldest(place.created)

    async def _oldest(self, since: int) -> tuple[list[_Listed], bool]:
        """The first events of the list since a time, found by going back to its end."""
        events, after, pages = list[_Listed](), list[tuple[str, str]](), 0
        while True:
            page, more = await self._page(
                [("limit", str(MAX_ROWS)), ("created[gte]", str(since)), *after],
            )
            events, pages = page or events, pages + 1
            if not more or not page:
                return events[::-1], pages > 1
            after = [("starting_after", page[-1].mark.id)]

    async def _page(self, params: Params) -> tuple[list[_Listed], bool]:
        """One page, newest first."""
        response = await self._client.get(_PATH, [*params, *self._types])
        try:
            page = msgspec.json.decode(response.body, type=_Page)
            heads = [msgspec.json.decode(raw, type=_Head) for raw in page.data]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Malformed(f"{_PATH}: the answer is not a list of events") from error
        listed = [
            _Listed(_Mark(head.created, head.id), bytes(raw))
            for head, raw in zip(heads, page.data, strict=True)
        ]
        return listed, page.has_more


def _next(place: _Mark, events: list[_Listed], more: bool) -> _Mark:
    """The last event; at the head of the list, the last one that nothing can slip in front of any more."""
    if more:
        return events[-1].mark if events else place
    settled = [event.mark for event in events if event.mark.created <= events[-1].mark.created - OVERLAP_S]
    return settled[-1] if settled else place

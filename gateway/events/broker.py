"""The fan-out within one gateway: the tail of the log, handed to whoever reads it live.

A reader's queue holds what is wanted and not yet read. When it is full, that reader ends, and no other
reader notices.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence

import structlog

from gateway.events.cursor import decode_cursor, encode_cursor
from gateway.events.filters import topic_of, topics_of, wants
from gateway.events.log import Bounds, Log, LogUnavailable
from gateway.events.tasks import end
from resolvers.event_port import Event, EventFilter, SlowConsumer

_log = structlog.get_logger(__name__)

QUEUE = 1000
_AGAIN_S = 0.25

Listener = Callable[[Event], None]


class Reader:
    """One who reads live: a bounded queue of the events it wants."""

    def __init__(self, wanted: EventFilter, behind: int, limit: int) -> None:
        self.wanted = wanted
        self.topic: Hashable = topic_of(wanted)
        self.given = behind
        self._limit = limit
        self._queue: deque[Event] = deque()
        self._ready = asyncio.Event()
        self._overrun = False

    def put(self, seq: int, event: Event) -> None:
        """Never waits. What the reader has had already, from another replica, is dropped."""
        if seq <= self.given or self._overrun:
            return
        if len(self._queue) >= self._limit:
            self._overrun = True
        else:
            self._queue.append(event)
        self._ready.set()

    async def next(self) -> Event:
        """The next event. Raises ``SlowConsumer`` once all that was queued before the overrun is read."""
        while not self._queue:
            if self._overrun:
                raise SlowConsumer(encode_cursor(self.given))
            self._ready.clear()
            await self._ready.wait()
        event = self._queue.popleft()
        self.given = decode_cursor(event.cursor)
        return event

    def overrun(self) -> None:
        """Ends the reader after what it has queued."""
        self._overrun = True
        self._ready.set()


class Broker:
    """Reads the log's tail once for all readers. ``listeners`` are told of an event before any reader is."""

    def __init__(self, log: Log, *, queue: int = QUEUE, listeners: Sequence[Listener] = ()) -> None:
        self._log = log
        self.queue = queue
        self._listeners = listeners
        self._readers: dict[Hashable, dict[Reader, None]] = defaultdict(dict)
        self._position: int | None = None
        self._begun = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        if self._task is not None:
            await end([self._task])

    async def position(self) -> int:
        """The last sequence number that was handed out; waits until the log could be read at all."""
        await self._begun.wait()
        assert self._position is not None
        return self._position

    def join(self, wanted: EventFilter, behind: int) -> Reader | None:
        """A live reader of what follows ``behind``; None where the broker is ahead of that already.

        There is no step between the question and the answer in which an event could slip by.
        """
        if self._position is None or behind < self._position:
            return None
        reader = Reader(wanted, behind, self.queue)
        self._readers[reader.topic][reader] = None
        return reader

    def leave(self, reader: Reader) -> None:
        members = self._readers.get(reader.topic)
        if members is not None:
            members.pop(reader, None)
            if not members:
                del self._readers[reader.topic]

    async def _run(self) -> None:
        while True:
            try:
                bounds = await self._log.bounds()
                if self._position is None:
                    self._position = bounds.last
                    self._begun.set()
                elif _is_gap(bounds, self._position):
                    self._end_all(bounds)
                async for events in self._log.tail(self._position):
                    self._hand_out(events)
            except LogUnavailable as error:
                _log.warning("the log of events does not answer", reason=str(error))
            except Exception:  # noqa: BLE001 - the tail of the log must never end for good
                _log.exception("unforeseen error in the tail of the log")
            await asyncio.sleep(_AGAIN_S)

    def _end_all(self, bounds: Bounds) -> None:
        """The log went on without us and forgot what we missed: readers resume, and are told by that."""
        for members in list(self._readers.values()):
            for reader in members:
                reader.overrun()
        self._position = bounds.last

    def _hand_out(self, events: Sequence[Event]) -> None:
        for event in events:
            seq = decode_cursor(event.cursor)
            for listener in self._listeners:
                listener(event)
            for topic in topics_of(event):
                for reader in self._readers.get(topic, ()):
                    if wants(reader.wanted, event):
                        reader.put(seq, event)
            self._position = seq


def _is_gap(bounds: Bounds, position: int) -> bool:
    return position < bounds.floor or position > bounds.last

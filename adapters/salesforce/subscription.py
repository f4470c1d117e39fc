"""An open subscription: events wait in a bounded buffer until they are fetched.

The server sends as many events as were asked for and no more. A hundred are asked for at first, and then as
many as were taken out of the buffer: what is under way and what waits is never more than that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio

from adapters.contracts.errors import OutcomeUnknown, SystemFault
from adapters.salesforce.pubsub import MOST_REQUESTED, FetchRequest, PubSub, fault_of


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event that arrived; without a payload, the server's word that nothing came up to a replay id."""

    replay_id: bytes
    schema_id: str = ""
    payload: bytes | None = None


class Subscription:
    """One Subscribe call, read by a task of its own."""

    def __init__(self, topic: str, preset: int, replay_id: bytes = b"") -> None:
        self._first = FetchRequest(
            topic_name=topic, replay_preset=preset, replay_id=replay_id, num_requested=MOST_REQUESTED
        )
        self._call: Any = None
        self._arrived: deque[Arrived] = deque()
        self._news = asyncio.Event()
        self._fault: SystemFault | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, pubsub: PubSub) -> None:
        self._call = await pubsub.subscribe()
        self._reading = asyncio.create_task(self._read())

    async def take(self, wait_s: float) -> Sequence[Arrived]:
        """Everything that has arrived, waiting for the first up to ``wait_s`` seconds.

        Raises the fault that ended the call, once what arrived before is taken.
        """
        if not self._arrived and self._fault is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait_s)
        taken = list(self._arrived)
        if not taken and self._fault is not None:
            raise self._fault
        if events := sum(each.payload is not None for each in taken):
            # A call that is over cannot be written to; whoever reads it learns why.
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                await self._call.write(FetchRequest(num_requested=events))
        for _ in taken:
            self._arrived.popleft()
        if not self._arrived and self._fault is None:
            self._news.clear()
        return taken

    async def aclose(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read(self) -> None:
        call = self._call
        try:
            await call.write(self._first)
            async for response in call:
                for consumed in response.events:
                    event = consumed.event
                    self._arrived.append(Arrived(consumed.replay_id, event.schema_id, event.payload))
                if not response.events:
                    self._arrived.append(Arrived(response.latest_replay_id))
                self._news.set()
            self._fault = OutcomeUnknown("the subscription was ended by Salesforce")
        except grpc.aio.AioRpcError as error:
            self._fault = fault_of(error)
        except asyncio.InvalidStateError:
            self._fault = OutcomeUnknown("the subscription could not be opened")
        finally:
            call.cancel()
            self._news.set()

"""The Pub/Sub API of the emulated org: GetTopic, GetSchema and Subscribe on a port of its own.

Needs the extra ``salesforce-events``. Publishing and managed subscriptions are answered as unimplemented.
Error codes: https://developer.salesforce.com/docs/platform/pub-sub-api/guide/handling-errors.html; those for
an unknown topic, an unknown schema and a topic that changes are not verified.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
import grpc.aio

from adapters.salesforce.emulator.bus import RETENTION_MS, Bus, Change, open_bus, replay_id
from adapters.salesforce.emulator.change_schema import SCHEMA_ID, SCHEMA_JSON, event_of, payload_of
from adapters.salesforce.emulator.sessions import ORGANIZATION_ID, Sessions
from adapters.salesforce.pubsub import (
    CUSTOM,
    EARLIEST,
    MOST_REQUESTED,
    SERVICE,
    ConsumerEvent,
    FetchRequest,
    FetchResponse,
    ProducerEvent,
    SchemaInfo,
    SchemaRequest,
    TopicInfo,
    TopicRequest,
)

TOPICS = frozenset({"/data/AccountChangeEvent", "/data/ChangeEvents"})
KEEPALIVE_S = 270.0
"""An empty answer is sent at the latest after so long."""

_LOOK_S = 0.01
_CODES = "sfdc.platform.eventbus.grpc."
_Status = grpc.StatusCode


@dataclass
class _Subscriber:
    """An open stream: its topic, how many events it still takes, and the fault of a later request."""

    topic: str
    pending: int
    problem: tuple[str, str] | None = None
    ended: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class PubSubService:
    """The three calls over one store."""

    def __init__(self, store: sqlite3.Connection, keepalive_s: float, retention_ms: int) -> None:
        self._bus = Bus(store, retention_ms)
        self._sessions = Sessions(store, 0)
        self._keepalive_s = keepalive_s

    def handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "GetTopic": grpc.unary_unary_rpc_method_handler(
                    self.get_topic, TopicRequest.FromString, TopicInfo.SerializeToString
                ),
                "GetSchema": grpc.unary_unary_rpc_method_handler(
                    self.get_schema, SchemaRequest.FromString, SchemaInfo.SerializeToString
                ),
                "Subscribe": grpc.stream_stream_rpc_method_handler(
                    self.subscribe, FetchRequest.FromString, FetchResponse.SerializeToString
                ),
            },
        )

    async def get_topic(self, request: Any, context: Any) -> Any:
        await self._authenticate(context)
        await self._require_topic(request.topic_name, context)
        return TopicInfo(
            topic_name=request.topic_name,
            tenant_guid=ORGANIZATION_ID,
            can_publish=False,
            can_subscribe=True,
            schema_id=SCHEMA_ID,
            rpc_id=_rpc_id(),
        )

    async def get_schema(self, request: Any, context: Any) -> Any:
        await self._authenticate(context)
        if request.schema_id != SCHEMA_ID:
            await _abort(context, _Status.NOT_FOUND, "schema.not.found", "the schema is not known")
        return SchemaInfo(schema_json=SCHEMA_JSON, schema_id=SCHEMA_ID, rpc_id=_rpc_id())

    async def subscribe(self, requests: AsyncIterator[Any], context: Any) -> AsyncGenerator[Any]:
        await self._authenticate(context)
        first = await anext(aiter(requests), None)
        if first is None:
            return
        await self._require_topic(first.topic_name, context)
        if first.num_requested < 1:
            await _abort(context, *_NOT_POSITIVE)
        number = await self._start(first, context)
        subscriber = _Subscriber(first.topic_name, min(first.num_requested, MOST_REQUESTED))
        listening = asyncio.create_task(_listen(requests, subscriber))
        try:
            async for response in self._responses(subscriber, number, context):
                yield response
        finally:
            listening.cancel()

    async def _responses(self, subscriber: _Subscriber, number: int, context: Any) -> AsyncGenerator[Any]:
        loop = asyncio.get_running_loop()
        silent_since = loop.time()
        while not subscriber.ended:
            if subscriber.problem is not None:
                await _abort(context, _Status.INVALID_ARGUMENT, *subscriber.problem)
            changes = self._bus.after(number, subscriber.pending) if subscriber.pending else []
            if changes:
                number = changes[-1].number
                subscriber.pending -= len(changes)
                silent_since = loop.time()
                yield FetchResponse(
                    events=[_consumed(change) for change in changes],
                    latest_replay_id=changes[-1].replay_id,
                    rpc_id=_rpc_id(),
                    pending_num_requested=subscriber.pending,
                )
                continue
            if subscriber.pending and loop.time() - silent_since >= self._keepalive_s:
                silent_since = loop.time()
                yield FetchResponse(
                    latest_replay_id=replay_id(number),
                    rpc_id=_rpc_id(),
                    pending_num_requested=subscriber.pending,
                )
            subscriber.woken.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(subscriber.woken.wait(), _LOOK_S)

    async def _start(self, first: Any, context: Any) -> int:
        """The number of the change to go on behind."""
        if first.replay_preset == EARLIEST:
            return self._bus.oldest() - 1
        if first.replay_preset != CUSTOM:
            return self._bus.tip()
        if not first.replay_id:
            await _abort(
                context,
                _Status.INVALID_ARGUMENT,
                "subscription.fetch.replayid.validation.failed",
                "CUSTOM needs a replay id",
            )
        number = self._bus.number_of(first.replay_id)
        if number is None:
            await _abort(
                context,
                _Status.INVALID_ARGUMENT,
                "subscription.fetch.replayid.corrupted",
                "the replay id is invalid, or its event is no longer retained",
            )
        return number

    async def _authenticate(self, context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        tenant = metadata.get("tenantid", "")
        known = self._sessions.knows(f"Bearer {metadata.get('accesstoken', '')}")
        at_home = tenant in (ORGANIZATION_ID, ORGANIZATION_ID[:15])
        if not known or not at_home or not metadata.get("instanceurl", "").startswith("http"):
            await _abort(context, _Status.UNAUTHENTICATED, "service.auth.error", "authentication failed")

    async def _require_topic(self, name: str, context: Any) -> None:
        if name not in TOPICS:
            await _abort(context, _Status.NOT_FOUND, "topic.not.found", "there is no such topic")


_NOT_POSITIVE = (
    _Status.INVALID_ARGUMENT,
    "subscription.fetch.requested.events.invalid",
    "num_requested must be positive",
)


async def _listen(requests: AsyncIterator[Any], subscriber: _Subscriber) -> None:
    """Later requests add to what the subscriber takes; the end of them ends the stream."""
    async for request in requests:
        if request.topic_name not in ("", subscriber.topic):
            subscriber.problem = "subscription.fetch.topic.mismatch", "the topic cannot change"
        elif request.num_requested < 1:
            subscriber.problem = _NOT_POSITIVE[1:]
        else:
            subscriber.pending += request.num_requested
        subscriber.woken.set()
    subscriber.ended = True
    subscriber.woken.set()


def _consumed(change: Change) -> Any:
    event = ProducerEvent(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(change.number))),
        schema_id=SCHEMA_ID,
        payload=payload_of(event_of(change)),
    )
    return ConsumerEvent(event=event, replay_id=change.replay_id)


def _rpc_id() -> str:
    return str(uuid.uuid4())


async def _abort(context: Any, status: grpc.StatusCode, code: str, details: str) -> NoReturn:
    rpc_id = _rpc_id()
    trailers = (("error-code", f"{_CODES}{code}"), ("rpc-id", rpc_id))
    await context.abort(status, f"{details}. rpcId: {rpc_id}", trailers)
    raise AssertionError("an aborted call does not go on")


@contextlib.asynccontextmanager
async def serve(
    store: sqlite3.Connection,
    *,
    port: int = 0,
    keepalive_s: float = KEEPALIVE_S,
    retention_ms: int = RETENTION_MS,
) -> AsyncGenerator[str]:
    """Serves a seeded store on loopback, in the running loop; gives ``host:port``."""
    open_bus(store)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((PubSubService(store, keepalive_s, retention_ms).handlers(),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        await server.stop(None)

"""The Pub/Sub API, as far as subscribing needs it: messages, three calls, Avro payloads.

The messages are built here, field by field, from the published contract of ``eventbus.v1.PubSub``
(https://developer.salesforce.com/docs/platform/pub-sub-api/guide/pub-sub-api-intro.html); what only
publishers and managed subscriptions use is left out. Needs the extra ``salesforce-events``.

How faults are told: https://developer.salesforce.com/docs/platform/pub-sub-api/guide/handling-errors.html
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import fastavro
import grpc
import grpc.aio
import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from adapters.contracts.errors import (
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    SystemFault,
    Throttled,
    Unauthorised,
    Unreachable,
)

SERVICE = "eventbus.v1.PubSub"
LATEST, EARLIEST, CUSTOM = 0, 1, 2
MOST_REQUESTED = 100
"""Most events that one request may ask for."""

REPLAY_PRESETS: Mapping[str, int] = {"LATEST": LATEST, "EARLIEST": EARLIEST, "CUSTOM": CUSTOM}

MESSAGES: Mapping[str, Sequence[tuple[int, str, str]]] = {
    "TopicInfo": (
        (1, "topic_name", "string"),
        (2, "tenant_guid", "string"),
        (3, "can_publish", "bool"),
        (4, "can_subscribe", "bool"),
        (5, "schema_id", "string"),
        (6, "rpc_id", "string"),
    ),
    "TopicRequest": ((1, "topic_name", "string"),),
    "EventHeader": ((1, "key", "string"), (2, "value", "bytes")),
    "ProducerEvent": (
        (1, "id", "string"),
        (2, "schema_id", "string"),
        (3, "payload", "bytes"),
        (4, "headers", "[EventHeader]"),
    ),
    "ConsumerEvent": ((1, "event", "ProducerEvent"), (2, "replay_id", "bytes")),
    "FetchRequest": (
        (1, "topic_name", "string"),
        (2, "replay_preset", "ReplayPreset"),
        (3, "replay_id", "bytes"),
        (4, "num_requested", "int32"),
        (5, "auth_refresh", "string"),
    ),
    "FetchResponse": (
        (1, "events", "[ConsumerEvent]"),
        (2, "latest_replay_id", "bytes"),
        (3, "rpc_id", "string"),
        (4, "pending_num_requested", "int32"),
    ),
    "SchemaRequest": ((1, "schema_id", "string"),),
    "SchemaInfo": ((1, "schema_json", "string"), (2, "schema_id", "string"), (3, "rpc_id", "string")),
}
"""Messages by name: (number, field, type) each; a type in brackets is repeated."""

_FieldType = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _FieldType.TYPE_STRING,
    "bytes": _FieldType.TYPE_BYTES,
    "bool": _FieldType.TYPE_BOOL,
    "int32": _FieldType.TYPE_INT32,
}

ERRORS: Mapping[grpc.StatusCode, type[SystemFault]] = {
    grpc.StatusCode.UNAUTHENTICATED: Unauthorised,
    grpc.StatusCode.PERMISSION_DENIED: Unauthorised,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.INVALID_ARGUMENT: Rejected,
    grpc.StatusCode.FAILED_PRECONDITION: Rejected,
    grpc.StatusCode.OUT_OF_RANGE: Rejected,
    grpc.StatusCode.UNIMPLEMENTED: Rejected,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Throttled,
    grpc.StatusCode.UNAVAILABLE: Unreachable,
}
"""Statuses and what they stand for; the outcome of any other is unknown."""

_REPLAY_ERRORS = ("replayid.corrupted", "replayid.validation.failed")
"""Ends of the codes for a replay id that is none, or that is no longer retained (72 hours)."""


class ReplayLost(Rejected):
    """Salesforce no longer knows the replay id."""


def file_descriptor() -> descriptor_pb2.FileDescriptorProto:
    """The contract's messages as a descriptor."""
    file = descriptor_pb2.FileDescriptorProto(
        name="fieldgate/salesforce/pubsub.proto", package="eventbus.v1", syntax="proto3"
    )
    presets = file.enum_type.add(name="ReplayPreset")
    for name, number in REPLAY_PRESETS.items():
        presets.value.add(name=name, number=number)
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field_name, kind in fields:
            bare = kind.strip("[]")
            field = message.field.add(
                name=field_name,
                number=number,
                label=_FieldType.LABEL_REPEATED if kind != bare else _FieldType.LABEL_OPTIONAL,
            )
            if bare in _SCALARS:
                field.type = _SCALARS[bare]
            else:
                field.type = _FieldType.TYPE_ENUM if bare == "ReplayPreset" else _FieldType.TYPE_MESSAGE
                field.type_name = f".eventbus.v1.{bare}"
    return file


def _classes() -> Mapping[str, Any]:
    # A pool of its own: somebody else in this process may have the vendor's generated classes.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file_descriptor())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"eventbus.v1.{name}"))
        for name in MESSAGES
    }


_CLASSES = _classes()
TopicInfo, TopicRequest = _CLASSES["TopicInfo"], _CLASSES["TopicRequest"]
SchemaInfo, SchemaRequest = _CLASSES["SchemaInfo"], _CLASSES["SchemaRequest"]
FetchRequest, FetchResponse = _CLASSES["FetchRequest"], _CLASSES["FetchResponse"]
ConsumerEvent, ProducerEvent = _CLASSES["ConsumerEvent"], _CLASSES["ProducerEvent"]


def fault_of(error: grpc.aio.AioRpcError) -> SystemFault:
    """The fault that a failed call stands for. The server's own words stay out: they may quote values."""
    status = error.code()
    trailers = cast("Sequence[tuple[str, str | bytes]]", error.trailing_metadata() or ())
    code = next((str(value) for key, value in trailers if key == "error-code"), status.name)
    if status is grpc.StatusCode.INVALID_ARGUMENT and code.endswith(_REPLAY_ERRORS):
        return ReplayLost("Salesforce no longer has the events behind the replay id", vendor_code=code)
    kind = ERRORS.get(status, OutcomeUnknown)
    return kind(f"the Pub/Sub API failed: {status.name}", vendor_code=code)


@dataclass(frozen=True, slots=True)
class Schema:
    """An event's schema. ``names``: its fields in order, for the bitmaps of the change event header."""

    parsed: Any
    names: Sequence[str]

    def read(self, payload: bytes) -> Mapping[str, Any]:
        """The event in a payload. Raises ``Malformed``."""
        try:
            event = _read_avro(io.BytesIO(payload), self.parsed, None)
        except Exception as error:
            raise Malformed("the payload does not fit its schema") from error
        return cast("Mapping[str, Any]", event)

    def fields_in(self, bitmaps: Sequence[str]) -> frozenset[str]:
        """The names that a list of bitmaps stands for: the lowest bit is the first field of the schema.

        Bitmaps of compound fields ("4-0x12") are passed over
        (https://developer.salesforce.com/docs/platform/pub-sub-api/guide/event-deserialization-considerations.html).
        """
        bits = 0
        for bitmap in bitmaps:
            if bitmap.startswith("0x"):
                bits |= int(bitmap, 16)
        return frozenset(name for place, name in enumerate(self.names) if bits >> place & 1)


Credentials = Callable[[], Awaitable[Mapping[str, str]]]
"""Gives the metadata of a call: accesstoken, instanceurl, tenantid."""

_read_avro: Callable[..., Any] = cast("Any", fastavro).schemaless_reader


class PubSub:
    """A channel to the API, opened with the first call; it belongs to the event loop of that call."""

    def __init__(self, endpoint: str, credentials: Credentials, *, tls: bool, timeout_s: float) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._tls = tls
        self._timeout_s = timeout_s
        self._channel: grpc.aio.Channel | None = None
        self._schemas: dict[str, Schema] = {}

    async def schema(self, schema_id: str) -> Schema:
        """A schema by its id, which is a hash of it: asked for once."""
        if schema_id not in self._schemas:
            call = self._open().unary_unary(
                f"/{SERVICE}/GetSchema",
                request_serializer=SchemaRequest.SerializeToString,
                response_deserializer=SchemaInfo.FromString,
            )
            answer = await self._unary(call, SchemaRequest(schema_id=schema_id))
            self._schemas[schema_id] = _schema(answer.schema_json)
        return self._schemas[schema_id]

    async def topic(self, name: str) -> Any:
        """What the API says of a topic: ``TopicInfo``."""
        call = self._open().unary_unary(
            f"/{SERVICE}/GetTopic",
            request_serializer=TopicRequest.SerializeToString,
            response_deserializer=TopicInfo.FromString,
        )
        return await self._unary(call, TopicRequest(topic_name=name))

    async def subscribe(self) -> Any:
        """A call: ``write`` its ``FetchRequest``s, iterate over its ``FetchResponse``s, ``cancel`` it."""
        call = self._open().stream_stream(
            f"/{SERVICE}/Subscribe",
            request_serializer=FetchRequest.SerializeToString,
            response_deserializer=FetchResponse.FromString,
        )
        return call(metadata=tuple((await self._credentials()).items()))

    async def aclose(self) -> None:
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def _unary(self, call: Any, request: Any) -> Any:
        metadata = tuple((await self._credentials()).items())
        try:
            return await call(request, metadata=metadata, timeout=self._timeout_s)
        except grpc.aio.AioRpcError as error:
            raise fault_of(error) from error

    def _open(self) -> grpc.aio.Channel:
        if self._channel is None:
            options = [
                # As of HTTP: the environment of the process names no proxy for upstream calls.
                ("grpc.enable_http_proxy", 0),
                ("grpc.keepalive_time_ms", 60_000),
            ]
            if self._tls:
                credentials = grpc.ssl_channel_credentials()
                self._channel = grpc.aio.secure_channel(self._endpoint, credentials, options=options)
            else:
                self._channel = grpc.aio.insecure_channel(self._endpoint, options=options)
        return self._channel


def _schema(text: str) -> Schema:
    try:
        raw = msgspec.json.decode(text, type=dict[str, Any])
        names = [str(field["name"]) for field in raw["fields"]]
        return Schema(fastavro.parse_schema(raw), names)
    except Exception as error:
        raise Malformed("the schema of an event is not one") from error

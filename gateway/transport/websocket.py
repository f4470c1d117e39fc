"""GraphQL over WebSocket, by the graphql-transport-ws protocol.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md (version 5). What is wrong with an operation
ends that operation, with ``error``; what is wrong with the conversation ends the socket, with a close code.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import orjson
import structlog
from graphql import OperationType
from starlette.types import Receive, Scope, Send

from adapters.http import correlation_id as current_correlation
from gateway.auth.authenticator import Authenticator
from gateway.auth.session import Session, Unauthenticated
from gateway.limits.caller import caller_of
from gateway.observability.metrics import SLOW_CONSUMERS
from gateway.transport.authentication import credentials_of
from gateway.transport.conversation import Close, Closed, id_of, parsed
from gateway.transport.errors import UNFORESEEN, request_error
from gateway.transport.fanout import Fanout
from gateway.transport.frames import EXTENSION, SERVICE_RESTART
from gateway.transport.operation import BadParameters, Operations, Refusal, checked_parameters
from gateway.transport.origins import Origins
from gateway.transport.payload import Payload
from resolvers.errors import Code
from resolvers.viewer import Viewer

_log = structlog.get_logger(__name__)

SUBPROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT_S = 10.0
HEARTBEAT_S = 25.0
BURST_S = 10
"""A socket may send the messages of so many seconds at once."""

_QUERIES = (OperationType.QUERY, OperationType.MUTATION)


class Wire(Protocol):
    """What a socket is written with: ``gateway.transport.frames``."""

    on_writable: Callable[[], None] | None
    on_shutdown: Callable[[str], None] | None

    @property
    def congested(self) -> bool: ...

    def write_text(self, data: bytes) -> None: ...

    def end(self, code: int, reason: str) -> None: ...


class GraphQLSockets:
    """The ``/graphql`` endpoint of WebSockets."""

    def __init__(
        self,
        operations: Operations,
        fanout: Fanout,
        authenticator: Authenticator,
        origins: Origins | None = None,
        *,
        init_timeout_s: float = INIT_TIMEOUT_S,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._origins = origins or Origins()
        self.operations = operations
        self.fanout = fanout
        self.authenticator = authenticator
        self.init_timeout_s = init_timeout_s
        self.max_waiting = fanout.max_waiting
        self._heartbeat_s = heartbeat_s
        self._sockets: dict[_Socket, None] = {}
        self._heart: asyncio.TimerHandle | None = None

    @property
    def open(self) -> int:
        """How many sockets there are."""
        return len(self._sockets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if not self._origins.admits(scope):
            # Browsers let any page open a socket anywhere; nothing else protects the answers from it.
            await send({"type": "websocket.close"})
            return
        offered = SUBPROTOCOL in scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if offered else None})
        socket = _Socket(cast(Wire, scope["extensions"][EXTENSION]), self, scope)
        if not offered:
            socket.close(Close.SUBPROTOCOL, "Subprotocol not acceptable: offer graphql-transport-ws")
        self._sockets[socket] = None
        if self._heart is None:
            self._heart = asyncio.get_running_loop().call_later(self._heartbeat_s, self._beat)
        try:
            await socket.converse(receive)
        finally:
            self._sockets.pop(socket, None)
            socket.leave()

    def _beat(self) -> None:
        """A ping to every client, so that a client can tell a quiet server from one that is gone."""
        self._heart = None
        for socket in self._sockets:
            socket.ping()
        if self._sockets:
            self._heart = asyncio.get_running_loop().call_later(self._heartbeat_s, self._beat)


class _Operation:
    """One subscription on a socket. ``last`` is the cursor of what was last written."""

    __slots__ = ("_ended", "_prefix", "_socket", "id", "last", "leave")

    def __init__(self, operation_id: str, socket: _Socket) -> None:
        self.id = operation_id
        self.last: str | None = None
        self.leave: Callable[[], None] | None = None
        self._ended = False
        self._socket = socket
        self._prefix = b'{"id":' + orjson.dumps(operation_id) + b',"type":"next","payload":'

    def next(self, payload: Payload) -> None:
        if not self._ended:
            self._socket.put(self._prefix, payload.body, self, payload.cursor)

    def fail(self, error: Mapping[str, Any]) -> None:
        if not self._ended:
            self._socket.finish(self, {"id": self.id, "type": "error", "payload": [error]})

    async def room(self) -> None:
        await self._socket.room()

    def end(self) -> None:
        self._ended = True
        if self.leave is not None:
            self.leave()


def _nothing() -> None: ...


class _Socket:
    """One conversation."""

    __slots__ = (
        "_allowance",
        "_closed",
        "_forget",
        "_heard_at",
        "_initialised",
        "_of",
        "_operations",
        "_queue",
        "_retiring",
        "_room",
        "_scope",
        "_session",
        "_timeout",
        "_wire",
    )

    def __init__(self, wire: Wire, of: GraphQLSockets, scope: Scope) -> None:
        self._wire = wire
        self._allowance: float = of.operations.limits.messages_per_s * BURST_S
        self._heard_at = time.monotonic()
        self._of = of
        self._scope = scope
        self._session: Session | None = None
        self._forget: Callable[[], None] = _nothing
        self._initialised = self._closed = False
        self._operations: dict[str, _Operation | asyncio.Task[None]] = {}
        self._queue: deque[tuple[bytes, bytes, _Operation | None, str]] = deque()
        self._room: asyncio.Event | None = None
        self._retiring: str | None = None
        wire.on_writable = self._flush
        wire.on_shutdown = self.retire
        self._timeout = asyncio.get_running_loop().call_later(
            of.init_timeout_s, self.close, Close.INIT_TIMEOUT, "Connection initialisation timeout"
        )

    async def converse(self, receive: Receive) -> None:
        """Until the socket is closed, by whomever."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if self._closed:
                continue
            try:
                self._count_message()
                await self._hear(parsed(message.get("text")))
            except Closed as closed:
                self.close(closed.code, closed.reason)
            except Exception:  # noqa: BLE001 - the last line of defence: the client is told
                _log.exception("unforeseen error on a socket")
                self.close(Close.INTERNAL, UNFORESEEN)

    def _count_message(self) -> None:
        """A bucket that fills at the allowed rate. Raises where it is empty."""
        rate, now = self._of.operations.limits.messages_per_s, time.monotonic()
        filled = self._allowance + (now - self._heard_at) * rate
        self._allowance, self._heard_at = min(filled, rate * BURST_S) - 1, now
        if self._allowance < 0:
            raise Closed(Close.TOO_MANY_MESSAGES, f"Too many messages: {rate} a second may come")

    def leave(self) -> None:
        """Ends whatever is under way."""
        self._closed = True
        self._timeout.cancel()
        self._forget()
        self._queue.clear()
        self._wire.on_writable = self._wire.on_shutdown = None
        operations, self._operations = self._operations, {}
        for operation in operations.values():
            operation.end() if isinstance(operation, _Operation) else operation.cancel()

    def close(self, code: Close, reason: str) -> None:
        self.leave()
        self._wire.end(code, reason)

    def retire(self, reason: str) -> None:
        """The server ends: the client is told to come back, once what it asked for is answered."""
        self._retiring = reason
        if not any(isinstance(each, asyncio.Task) for each in self._operations.values()):
            self.leave()
            self._wire.end(SERVICE_RESTART, reason)

    def ping(self) -> None:
        # Who has something to read needs no sign of life; and where that is not read, one more message must
        # not be what ends the socket.
        if self._session is not None and not self._closed and not self._queue:
            self._say({"type": "ping"})

    def put(self, head: bytes, body: bytes, operation: _Operation | None, cursor: str) -> None:
        """A message: written at once where the client keeps up, else queued, in order."""
        if self._queue or self._wire.congested:
            if len(self._queue) >= self._of.max_waiting:
                last = None if operation is None else operation.last
                resume = "" if last is None else f"; resume after {last}"
                SLOW_CONSUMERS.labels("websocket").inc()
                self.close(Close.SLOW_CONSUMER, f"Slow consumer{resume}")
                return
            self._queue.append((head, body, operation, cursor))
            return
        self._wire.write_text(head + body + b"}")
        if operation is not None:
            operation.last = cursor

    async def room(self) -> None:
        while self._queue or self._wire.congested:
            if self._room is None:
                self._room = asyncio.Event()
            await self._room.wait()

    def finish(self, operation: _Operation, message: Mapping[str, Any]) -> None:
        """The last message of an operation: its id is free again."""
        self._operations.pop(operation.id, None)
        operation.end()
        self._say(message)

    def _flush(self) -> None:
        while self._queue and not self._wire.congested:
            head, body, operation, cursor = self._queue.popleft()
            self._wire.write_text(head + body + b"}")
            if operation is not None:
                operation.last = cursor
        if self._room is not None and not self._queue and not self._wire.congested:
            self._room.set()
            self._room = None

    def _say(self, message: Mapping[str, Any]) -> None:
        self.put(orjson.dumps(message)[:-1], b"", None, "")

    async def _hear(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "connection_init":
                if self._initialised:
                    raise Closed(Close.TOO_MANY_INITS, "Too many initialisation requests")
                self._initialised = True
                self._timeout.cancel()
                await self._authenticate(message.get("payload"))
            case "ping":
                payload = message.get("payload")
                self._say({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})
            case "pong":
                pass
            case "subscribe":
                if self._session is None:
                    raise Closed(Close.UNAUTHORIZED, "Unauthorized")
                await self._subscribe(id_of(message), message.get("payload"), self._session.viewer)
            case "complete":
                operation = self._operations.pop(id_of(message), None)
                if isinstance(operation, _Operation):
                    operation.end()
                elif operation is not None:
                    operation.cancel()
            case _:
                raise Closed(Close.BAD_MESSAGE, "Invalid message: not a type that clients send")

    async def _authenticate(self, payload: Mapping[str, Any] | None) -> None:
        try:
            session = await self._of.authenticator.session(credentials_of(self._scope, payload))
        except Unauthenticated as refusal:
            raise Closed(Close.FORBIDDEN, f"Forbidden: {refusal}") from None
        if self._closed:
            return
        self._session = session
        self._forget = session.on_end(lambda reason: self.close(Close.FORBIDDEN, f"Forbidden: {reason}"))
        self._say({"type": "connection_ack"})

    async def _subscribe(self, operation_id: str, payload: Any, viewer: Viewer) -> None:
        if operation_id in self._operations:
            raise Closed(Close.DUPLICATE_ID, f"Subscriber for {operation_id} already exists")
        try:
            parameters = checked_parameters(payload)
        except BadParameters as error:
            raise Closed(Close.BAD_MESSAGE, f"Invalid subscribe message: payload: {error}") from error
        correlation = uuid.uuid4().hex
        current_correlation.set(correlation)
        try:
            parameters = self._of.operations.resolved(parameters, correlation)
        except Refusal as refusal:
            self._error(operation_id, refusal.errors)
            return
        maximum = self._of.operations.limits.subscriptions_per_socket
        if len(self._operations) >= maximum:
            message = f"operations under way on this socket: {maximum} of at most {maximum}"
            self._error(operation_id, [request_error(Code.RATE_LIMITED, message, correlation)])
        elif self._of.operations.is_subscription(parameters):
            try:
                plan = await self._of.operations.plan(
                    parameters, correlation, viewer, caller_of(self._scope, viewer)
                )
            except Refusal as refusal:
                self._error(operation_id, refusal.errors)
                return
            if self._closed:
                plan.end()
                return
            operation = self._operations[operation_id] = _Operation(operation_id, self)
            leave = self._of.fanout.subscribe(plan, operation)

            def end() -> None:
                leave()
                plan.end()

            operation.leave = end
        else:
            task = asyncio.create_task(self._answer(operation_id, parameters, correlation, viewer))
            self._operations[operation_id] = task

    async def _answer(
        self, operation_id: str, parameters: Mapping[str, Any], correlation: str, viewer: Viewer
    ) -> None:
        """A query or mutation: one result, then ``complete``."""
        messages: list[Mapping[str, Any]]
        try:
            caller = caller_of(self._scope, viewer)
            result = await self._of.operations.answer(parameters, correlation, viewer, caller, _QUERIES)
            messages = [
                {"id": operation_id, "type": "next", "payload": result},
                {"id": operation_id, "type": "complete"},
            ]
        except Refusal as refusal:
            messages = [{"id": operation_id, "type": "error", "payload": refusal.errors}]
        except Exception:  # noqa: BLE001 - an operation that fails ends alone
            _log.exception("unforeseen error in an operation", correlation_id=correlation)
            error = request_error(Code.INTERNAL, UNFORESEEN, correlation)
            messages = [{"id": operation_id, "type": "error", "payload": [error]}]
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]
            for message in messages:
                self._say(message)
            if self._retiring is not None:
                self.retire(self._retiring)

    def _error(self, operation_id: str, errors: Sequence[Mapping[str, Any]]) -> None:
        self._say({"id": operation_id, "type": "error", "payload": errors})

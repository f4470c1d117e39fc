"""A bounded pool of connections to one origin."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections import deque

from adapters.contracts.errors import OutcomeUnknown, Unreachable
from adapters.wire.address import Address
from adapters.wire.answer import Answer
from adapters.wire.coding import decoded
from adapters.wire.connection import MAX_BODY_BYTES, Stale, WireConnection
from adapters.wire.request import IDEMPOTENT

CONNECT_S = 5.0
"""The most that making a connection may take, TLS included."""

IDLE_S = 60.0
"""Connections that were idle for so long are closed."""

FRESH_S = 4.0
"""What cannot be sent twice goes only over a connection that was used this lately, or a new one: many servers
close what was idle for five seconds, and whether such a request arrived could not be told."""


@functools.cache
def default_tls() -> ssl.SSLContext:
    """The machine's trusted authorities, host names checked. Made once: reading them takes a while."""
    return ssl.create_default_context()


class Pool:
    """At most ``max_connections``, opened when needed and kept. ``timeout_s`` bounds a whole call."""

    def __init__(
        self, address: Address, *, timeout_s: float, max_connections: int, tls: ssl.SSLContext | None = None
    ) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._max = max_connections
        self._tls = tls
        self._connections: set[WireConnection] = set()
        self._idle: list[WireConnection] = []
        self._opening = 0
        self._waiting: deque[asyncio.Future[WireConnection | None]] = deque()
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False

    async def request(self, request: bytes, method: str) -> Answer:
        """One request and its answer, unpacked.

        Raises ``Unreachable`` where nothing was sent, ``OutcomeUnknown`` where the answer was lost, and
        ``Malformed`` for an answer beyond the limits or in a broken coding. Where the connection turns out to
        have been closed while it was idle, a request that may be sent twice is sent again, once.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        repeatable = method in IDEMPOTENT
        connection = self._kept(loop, repeatable) or await self._made(loop, deadline)
        again = False
        while True:
            try:
                answer = await connection.exchange(request, deadline, method == "HEAD")
                break
            except Stale as stale:
                if again or not repeatable:
                    raise OutcomeUnknown("the connection was closed instead of an answer") from stale
            except BaseException:
                if connection.reusable:
                    self._give_back(loop, connection)
                else:
                    # Whoever gave up before the answer leaves a connection on which it would come later.
                    connection.abandon()
                raise
            again = True
            self._drop_idle()
            connection = await self._made(loop, deadline)
        if connection.keep:
            self._give_back(loop, connection)
        else:
            connection.abandon()
        if not answer.plain and "content-encoding" in answer.headers and answer.body:
            body = decoded(answer.body, answer.headers["content-encoding"], MAX_BODY_BYTES)
            return Answer(answer.status, answer.headers, body)
        return answer

    async def aclose(self) -> None:
        """Closes all of it for good; answers that are still waited for are lost."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        self._drop_idle()
        for connection in tuple(self._connections):
            connection.abandon()
        # The loop closes them in its next turn.
        await asyncio.sleep(0)

    def _kept(self, loop: asyncio.AbstractEventLoop, repeatable: bool) -> WireConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and (repeatable or loop.time() - connection.idle_since < FRESH_S):
                return connection
            self._forget(connection)
            connection.close()
        return None

    async def _made(self, loop: asyncio.AbstractEventLoop, deadline: float) -> WireConnection:
        """A new connection, or one that others are done with where there may be no more of them."""
        while len(self._connections) + self._opening >= self._max:
            given = await self._turn(loop, deadline)
            if given is None:
                break
            if given.reusable:
                return given
            # It was closed on the way here.
            self._forget(given)
        else:
            self._opening += 1
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + CONNECT_S)):
                connection = await self._open(loop)
        except (TimeoutError, OSError, UnicodeError) as error:
            # The error's text may hold the address; its kind says what is wrong.
            raise Unreachable(f"no connection ({type(error).__name__})") from error
        finally:
            self._opening -= 1
            if self._waiting and len(self._connections) + self._opening < self._max:
                self._pass_on(None)
        return connection

    async def _open(self, loop: asyncio.AbstractEventLoop) -> WireConnection:
        if self._closed:
            raise Unreachable("no connection: the client is closed")
        address = self._address
        _, connection = await loop.create_connection(
            self._connection,
            address.host,
            address.port,
            ssl=(self._tls or default_tls()) if address.tls else None,
            server_hostname=address.host if address.tls else None,
        )
        if not connection.reusable:
            raise ConnectionResetError("closed as soon as it was made")
        self._connections.add(connection)
        return connection

    def _connection(self) -> WireConnection:
        return WireConnection(self._lost)

    async def _turn(self, loop: asyncio.AbstractEventLoop, deadline: float) -> WireConnection | None:
        """Waits for a connection; None: there is room for a new one, which is counted as being opened."""
        turn: asyncio.Future[WireConnection | None] = loop.create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                return await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._return(loop, turn.result())
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise Unreachable("no connection: all of the pool were busy") from None
            raise

    def _return(self, loop: asyncio.AbstractEventLoop, given: WireConnection | None) -> None:
        """What somebody got who no longer wants it."""
        if given is not None:
            self._give_back(loop, given)
            return
        self._opening -= 1
        if self._waiting:
            self._pass_on(None)

    def _give_back(self, loop: asyncio.AbstractEventLoop, connection: WireConnection) -> None:
        if self._waiting and self._pass_on(connection):
            return
        connection.idle_since = loop.time()
        self._idle.append(connection)
        if self._reaper is None:
            self._reaper = loop.call_later(IDLE_S, self._reap, loop)

    def _pass_on(self, connection: WireConnection | None) -> bool:
        """To the first who still waits. None gives room to open one."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                if connection is None:
                    self._opening += 1
                turn.set_result(connection)
                return True
        return False

    def _lost(self, connection: WireConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        self._forget(connection)

    def _forget(self, connection: WireConnection) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            if self._waiting:
                self._pass_on(None)

    def _drop_idle(self) -> None:
        """Closes what is idle: its connections were all made before one that turned out to be closed."""
        idle, self._idle = self._idle, []
        for connection in idle:
            self._forget(connection)
            connection.close()

    def _reap(self, loop: asyncio.AbstractEventLoop) -> None:
        self._reaper = None
        now = loop.time()
        for connection in [each for each in self._idle if now - each.idle_since >= IDLE_S]:
            self._idle.remove(connection)
            self._forget(connection)
            connection.close()
        if self._idle:
            self._reaper = loop.call_later(IDLE_S, self._reap, loop)

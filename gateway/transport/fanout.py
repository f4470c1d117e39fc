"""One event to many subscribers: executed once for all who ask for the same, encoded once, then shared.

Subscriptions with an equal ``Plan.key`` are a group. A group follows the log once, from now on. A subscriber
who resumes follows the log from its cursor, beside its group, until it meets an event that the group has
delivered too; from there on it is a member like any other, and nothing was missed in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import orjson
import structlog
from graphql import ExecutionResult, GraphQLError, execution

from adapters.http import correlation_id as current_correlation
from gateway.observability.metrics import DELIVERIES, SUBSCRIPTIONS
from gateway.transport.errors import UNFORESEEN, in_execution, request_error
from gateway.transport.operation import MakeContext, Plan
from gateway.transport.payload import MAX_WAITING, Payload, Sink
from resolvers.errors import Code, GraphFault
from resolvers.event_port import BadCursor, CursorExpired, Event, SlowConsumer
from resolvers.streams.watch import fault_of_cursor

_log = structlog.get_logger(__name__)

IN_FLIGHT = 16
"""Events of one group that are executed at once. They are delivered in order all the same."""

SHARED_S = 5.0
"""How long an execution serves those who come for its event later: clients that all resume at once."""

SHARED = 256

_execution = cast(Any, execution)  # its executors are generic over a context that it never says

_Made = Payload | None
"""None: the event is not admitted."""

_Making = _Made | asyncio.Task[_Made]


class Group:
    """Subscribers who see the same of the same events."""

    def __init__(self, plan: Plan, make_context: MakeContext, on_empty: Callable[[Group], None]) -> None:
        self.plan = plan
        self._make_context = make_context
        self._on_empty = on_empty
        self._members: dict[Sink, None] = {}
        self._in_flight: deque[_Making] = deque()
        self._shared: OrderedDict[str, tuple[float, _Making]] = OrderedDict()
        self._selection = plan.watch.context.selection
        # One of many with the same access: what the group shows is the same for all of them.
        self._viewer = plan.watch.context.viewer
        # A context of its own: the group outlives the request that began it.
        self._task = asyncio.create_task(self._follow(), context=contextvars.Context())

    def add(self, sink: Sink) -> None:
        self._members[sink] = None

    def remove(self, sink: Sink) -> None:
        if self._members.pop(sink, self) is None and not self._members:
            self._task.cancel()
            self._on_empty(self)

    def make(self, event: Event) -> _Making:
        """The event's payload, or the task that makes it."""
        now = time.monotonic()
        known = self._shared.get(event.id)
        if known is not None and now - known[0] < SHARED_S:
            return known[1]
        made = self._admit(event) if self.plan.watch.admits is not None else self._execute(event)
        self._shared[event.id] = (now, made)
        self._shared.move_to_end(event.id)
        if len(self._shared) > SHARED:
            self._shared.popitem(last=False)
        return made

    async def _follow(self) -> None:
        watch = self.plan.watch
        after: str | None = None
        try:
            while True:
                try:
                    async with contextlib.aclosing(
                        watch.context.events.follow(watch.wanted, after)
                    ) as events:
                        async for event in events:
                            await self._take(event)
                            after = event.cursor
                except SlowConsumer as slow:
                    # It is the group that fell behind, not a member: the log still has what was missed.
                    after = slow.cursor or after
        except (BadCursor, CursorExpired) as error:
            self._fail(fault_of_cursor(error))
        except Exception:  # noqa: BLE001 - whoever watches is told
            _log.exception("unforeseen error in a stream")
            self._fail(GraphFault(Code.INTERNAL, UNFORESEEN, retryable=True))

    async def _take(self, event: Event) -> None:
        made = self.make(event)
        if isinstance(made, asyncio.Task):
            self._in_flight.append(made)
            made.add_done_callback(lambda _: self._flush())
            while len(self._in_flight) >= IN_FLIGHT:
                await asyncio.wait({cast(asyncio.Task[_Made], self._in_flight[0])})
                self._flush()
        elif self._in_flight:
            self._in_flight.append(made)
        else:
            self._hand_out(made)

    def _flush(self) -> None:
        while self._in_flight:
            first = self._in_flight[0]
            if isinstance(first, asyncio.Task):
                if not first.done():
                    return
                self._in_flight.popleft()
                if first.exception() is not None:
                    _log.error("unforeseen error in a stream", exc_info=first.exception())
                    self._fail(GraphFault(Code.INTERNAL, UNFORESEEN, retryable=True))
                else:
                    self._hand_out(first.result())
            else:
                self._in_flight.popleft()
                self._hand_out(first)

    def _hand_out(self, payload: _Made) -> None:
        if payload is not None:
            DELIVERIES.inc(len(self._members))
            for sink in tuple(self._members):
                sink.next(payload)

    def _fail(self, fault: GraphFault) -> None:
        error = formatted_fault(fault, uuid.uuid4().hex)
        self._on_empty(self)
        for sink in tuple(self._members):
            sink.fail(error)

    def _admit(self, event: Event) -> asyncio.Task[_Made]:
        async def admit() -> _Made:
            admits = self.plan.watch.admits
            assert admits is not None
            correlation = event.correlation_id or uuid.uuid4().hex
            current_correlation.set(correlation)
            try:
                if not await admits(event, self._make_context(correlation, self._viewer)):
                    return None
            except GraphQLError as error:
                # Whether the event is wanted cannot be known now: that it may have been is said.
                return _payload(event, ExecutionResult(None, [error]), correlation)
            made = self._execute(event)
            return await made if isinstance(made, asyncio.Task) else made

        return asyncio.create_task(admit())

    def _execute(self, event: Event) -> _Making:
        """Executes the operation on the event, with a context of its own: nothing read earlier is shown."""
        correlation = event.correlation_id or uuid.uuid4().hex
        token = current_correlation.set(correlation)
        try:
            context = self._make_context(correlation, self._viewer).selecting(self._selection)
            executor = self.plan.executor.build_per_event_executor(self.plan.watch.show(event, context))
            executor.context_value = context
            result = _execution.execute_subscription_event(executor)
            if isinstance(result, ExecutionResult):
                return _payload(event, result, correlation)
            return asyncio.create_task(_finished(event, result, correlation))
        finally:
            current_correlation.reset(token)


async def _finished(event: Event, result: Awaitable[ExecutionResult], correlation: str) -> _Made:
    return _payload(event, await result, correlation)


def _payload(event: Event, result: ExecutionResult, correlation: str) -> Payload:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [in_execution(error, correlation) for error in result.errors]
    return Payload(event.id, event.cursor, orjson.dumps(body))


def formatted_fault(fault: GraphFault, correlation: str) -> dict[str, Any]:
    """A fault that ends a stream, as callers see it."""
    error = request_error(Code.INTERNAL, fault.message, correlation)
    return {**error, "extensions": {**(fault.extensions or {}), "correlationId": correlation}}


class _Held:
    """What a group delivers while one of its members-to-be catches up: the newest of it.

    ``gap``: older ones had to make room since the last ``met``.
    """

    def __init__(self, limit: int) -> None:
        self.payloads: deque[Payload] = deque(maxlen=limit)
        self.gap = False

    def next(self, payload: Payload) -> None:
        self.gap |= len(self.payloads) == self.payloads.maxlen
        self.payloads.append(payload)

    def fail(self, error: Mapping[str, Any]) -> None:
        """Whoever resumes hears the same from the log itself."""

    async def room(self) -> None: ...

    def met(self, event_id: str) -> bool:
        """Whether the group has delivered this event; what it delivered until then is forgotten."""
        if not any(each.event_id == event_id for each in self.payloads):
            return False
        while self.payloads.popleft().event_id != event_id:
            pass
        self.gap = False
        return True


class Fanout:
    """Every subscription of the process."""

    def __init__(self, make_context: MakeContext, *, max_waiting: int = MAX_WAITING) -> None:
        self.max_waiting = max_waiting
        self._make_context = make_context
        self._groups: dict[tuple[Any, ...], Group] = {}

    @property
    def groups(self) -> int:
        """How many different things are watched."""
        return len(self._groups)

    def subscribe(self, plan: Plan, sink: Sink) -> Callable[[], None]:
        """Begins. Gives what ends it, which may be called more than once, and after the end."""
        leave = self._begin(plan, sink)
        left = False
        SUBSCRIPTIONS.inc()

        def leave_once() -> None:
            nonlocal left
            if not left:
                left = True
                SUBSCRIPTIONS.dec()
            leave()

        return leave_once

    def _begin(self, plan: Plan, sink: Sink) -> Callable[[], None]:
        group = self._groups.get(plan.key)
        if group is None:
            group = self._groups[plan.key] = Group(plan, self._make_context, self._forget)
        if plan.watch.after is None:
            group.add(sink)
            return lambda: group.remove(sink)
        held = _Held(self.max_waiting)
        group.add(held)
        task = asyncio.create_task(_resume(plan, group, held, sink))

        def leave() -> None:
            task.cancel()
            group.remove(held)
            group.remove(sink)

        return leave

    def _forget(self, group: Group) -> None:
        if self._groups.get(group.plan.key) is group:
            del self._groups[group.plan.key]


async def _resume(plan: Plan, group: Group, held: _Held, sink: Sink) -> None:
    """From the subscriber's cursor to where its group is."""
    watch = plan.watch
    after = watch.after
    try:
        caught_up = False
        while not caught_up:
            after = await _catch_up(plan, group, held, sink, after)
            # A client that reads slowly can let the group get too far ahead once more.
            while held.payloads and not held.gap:
                payload = held.payloads.popleft()
                sink.next(payload)
                after = payload.cursor
                await sink.room()
            caught_up = not held.gap
        group.add(sink)
        group.remove(held)
    except (BadCursor, CursorExpired) as error:
        sink.fail(formatted_fault(fault_of_cursor(error), watch.context.correlation_id))
    except Exception:  # noqa: BLE001 - whoever watches is told
        _log.exception("unforeseen error in a stream")
        fault = GraphFault(Code.INTERNAL, UNFORESEEN, retryable=True)
        sink.fail(formatted_fault(fault, watch.context.correlation_id))


async def _catch_up(plan: Plan, group: Group, held: _Held, sink: Sink, after: str | None) -> str | None:
    """Sends what the log has, to the first event that the group has delivered too. Gives its cursor."""
    while True:
        try:
            events = plan.watch.context.events.follow(plan.watch.wanted, after)
            async with contextlib.aclosing(events):
                async for event in events:
                    made = group.make(event)
                    payload = await asyncio.shield(made) if isinstance(made, asyncio.Task) else made
                    if payload is not None:
                        await sink.room()
                        sink.next(payload)
                    after = event.cursor
                    if held.met(event.id):
                        return after
        except SlowConsumer as slow:
            after = slow.cursor or after

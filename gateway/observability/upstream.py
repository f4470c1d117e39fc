"""What a connection's work shows of itself: a count, a span for each call, the caller's trace passed on."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING

import msgspec

from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import System, Word
from adapters.http import Call, Observer
from gateway.observability import metrics
from gateway.observability.plain import Count
from gateway.observability.trace_context import callers
from resolvers.errors import fault_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer


class Work(Word):
    """What can be asked of a connection."""

    READ_MANY = "read_many"
    RELATED = "related"
    PAGE = "page"
    WRITE = "write"
    SETTLE = "settle"
    FETCH = "fetch"
    OTHER = "other"


class Asked(msgspec.Struct, frozen=True):
    """One piece of work. ``resource``: a kind of record, or a verb. ``keys``: 0 where it has none."""

    work: Work
    resource: str
    keys: int = 0


UNSAID = Asked(Work.OTHER, "")


class Tally:
    """Counts the upstream calls of one operation."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0


tally: ContextVar[Tally | None] = ContextVar("fieldgate_tally", default=None)
"""Of the operation under way; all its tasks share it."""


class UpstreamWatch:
    """Watches one connection. Implements ``adapters.http.Observer``. ``tracer``: None makes no spans."""

    def __init__(self, connection: str, tracer: Tracer | None = None) -> None:
        self.connection = connection
        self.tracer = tracer
        self.seconds = metrics.CALL_SECONDS.labels(connection)
        self.bytes = metrics.CALL_BYTES.labels(connection)
        self._classes = {
            status: metrics.CALLS.labels(connection, status)
            for status in ("2xx", "3xx", "4xx", "5xx", "none")
        }
        self._statuses: dict[int | None, Count] = {None: self._classes["none"]}
        self._loads: dict[tuple[Work, str], Count] = {}

    def watching(self, asked: Asked) -> Observer:
        """Counts one piece of work that begins; gives who watches its calls."""
        key = asked.work, asked.resource
        count = self._loads.get(key)
        if count is None:
            count = self._loads[key] = metrics.LOADS.labels(self.connection, asked.work.value, asked.resource)
        count.value += 1
        return self if self.tracer is None else _Traced(self, self.tracer, asked)

    def begin(self, method: str, headers: dict[str, str]) -> Callable[[Call], None]:
        caller = callers.get()
        if caller is not None:
            headers.update(caller.headers)
        return self.ended

    def ended(self, call: Call) -> None:
        """A call has ended, with an answer or without."""
        count = self._statuses.get(call.status)
        if count is None:
            assert call.status is not None
            count = self._statuses[call.status] = self._classes[f"{call.status // 100}xx"]
        count.value += 1
        self.seconds.observe(call.elapsed_s)
        self.bytes.value += call.bytes
        counted = tally.get()
        if counted is not None:
            counted.calls += 1

    def failed(self, fault: SystemFault) -> None:
        """A piece of work ended with a fault, or was refused before it was sent."""
        code = (fault_of(fault, System.GATEWAY).extensions or {})["code"]
        metrics.FAULTS.labels(self.connection, code, type(fault).__name__).inc()


class _Traced:
    """Watches one piece of work: a span for each of its calls."""

    __slots__ = ("_asked", "_of", "_tracer")

    def __init__(self, of: UpstreamWatch, tracer: Tracer, asked: Asked) -> None:
        self._of = of
        self._tracer = tracer
        self._asked = asked

    def begin(self, method: str, headers: dict[str, str]) -> Callable[[Call], None]:
        span = self._span(method, headers)

        def ended(call: Call) -> None:
            self._of.ended(call)
            _finish(span, call)

        return ended

    def _span(self, method: str, headers: dict[str, str]) -> Span:
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        asked = self._asked
        span = self._tracer.start_span(
            f"{self._of.connection} {asked.work.value}",
            kind=SpanKind.CLIENT,
            attributes={
                "fieldgate.connection": self._of.connection,
                "fieldgate.work": asked.work.value,
                "fieldgate.resource": asked.resource,
                "fieldgate.keys": asked.keys,
                "fieldgate.cache": "miss",
                "http.request.method": method,
            },
        )
        TraceContextTextMapPropagator().inject(headers, set_span_in_context(span))
        return span


def _finish(span: Span, call: Call) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("http.response.body.size", call.bytes)
    if call.status is not None:
        span.set_attribute("http.response.status_code", call.status)
    if call.status is None or call.status >= 400:
        span.set_attribute("error.type", "no_answer" if call.status is None else str(call.status))
        span.set_status(Status(StatusCode.ERROR))
    span.end()

"""Operations that are seen: each is counted, traced, and has its line in the log."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import strawberry
import structlog

from gateway.documents.persisted import PersistedDocuments
from gateway.limits.documents import Operation
from gateway.limits.rate import Rate
from gateway.limits.settings import LimitSettings
from gateway.observability import metrics
from gateway.observability.plain import Count, Spread
from gateway.observability.trace_context import callers
from gateway.observability.upstream import Tally, tally
from gateway.transport.operation import MakeContext, NotAllowed, Operations, Refusal, Watched
from resolvers.errors import Code
from resolvers.planned.execution import PlannedExecution
from resolvers.viewer import Viewer

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

_access = structlog.get_logger("fieldgate.access")

MAX_NAME = 100
UNKNOWN = "unknown"
"""The kind of an operation that could not be made out."""


class ObservedOperations(Operations):
    """``access_log``: whether each operation writes a line. ``tracer``: None makes no spans."""

    def __init__(
        self,
        graph: strawberry.Schema,
        make_context: MakeContext,
        limits: LimitSettings | None = None,
        rate: Rate | None = None,
        planned: PlannedExecution | None = None,
        persisted: PersistedDocuments | None = None,
        *,
        access_log: bool = False,
        tracer: Tracer | None = None,
    ) -> None:
        super().__init__(graph, make_context, limits, rate, planned, persisted)
        self.access_log = access_log
        self.tracer = tracer

    def watch(self, parameters: Mapping[str, Any], correlation_id: str, viewer: Viewer) -> Watched:
        return _Observation(self, parameters, correlation_id, viewer)

    def meant(self, parameters: Mapping[str, Any]) -> Operation | None:
        """The operation that is meant, where the document has been looked at."""
        prepared = self._documents.looked_at(parameters["query"])
        return None if prepared is None else prepared.operations.get(parameters.get("operationName"))


class _Observation(Watched):
    """One operation, from the moment its request was read."""

    _outcome = "ok"
    _codes: Sequence[str] = ()
    _span: Span | None = None
    _counting: Token[Tally | None] | None = None

    def __init__(
        self, of: ObservedOperations, parameters: Mapping[str, Any], correlation_id: str, viewer: Viewer
    ) -> None:
        self._of = of
        self._parameters = parameters
        self._correlation_id = correlation_id
        self._viewer = viewer
        self._started = time.perf_counter()

    def failed(self, body: Mapping[str, Any]) -> None:
        self._outcome = "partial" if body["data"] else "failed"
        self._codes = _codes(body["errors"])

    def __enter__(self) -> Self:
        of = self._of
        if of.access_log or of.tracer is not None:
            self._tally = Tally()
            self._counting = tally.set(self._tally)
            if of.tracer is not None:
                self._span, self._spanning = _begun(of.tracer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        elapsed_s = time.perf_counter() - self._started
        if self._counting is not None:
            tally.reset(self._counting)
        if error is not None:
            self._outcome, self._codes = _refused(error)
        operation = self.operation or self._of.meant(self._parameters)
        kind_word = UNKNOWN if operation is None else operation.word
        count, spread = _measured(kind_word, self._outcome)
        count.value += 1
        spread.observe(elapsed_s)
        if self._codes:
            self._count_errors(kind_word)
        if self._span is not None or self._of.access_log:
            name = None if operation is None or operation.name is None else operation.name[:MAX_NAME]
            self._tell(kind_word, name, elapsed_s)

    def _count_errors(self, operation: str) -> None:
        if Code.RATE_LIMITED.value in self._codes:
            metrics.RATE_LIMITED.inc()
        for code in self._codes:
            metrics.OPERATION_ERRORS.labels(operation, code).inc()

    def _tell(self, operation: str, name: str | None, elapsed_s: float) -> None:
        digest = hashlib.sha256(self._parameters["query"].encode()).hexdigest()
        if self._span is not None:
            self._end_span(self._span, operation, name, digest)
        if self._of.access_log:
            _access.info(
                "operation",
                correlation_id=self._correlation_id,
                kind=operation,
                operation=name,
                document=digest,
                subject=self._viewer.subject,
                status=self._outcome,
                codes=list(self._codes),
                duration_ms=round(elapsed_s * 1000, 2),
                upstream_calls=self._tally.calls,
            )

    def _end_span(self, span: Span, operation: str, name: str | None, digest: str) -> None:
        from opentelemetry import context
        from opentelemetry.trace import Status, StatusCode

        context.detach(self._spanning)
        span.update_name(operation if name is None else f"{operation} {name}")
        span.set_attributes(
            {
                "graphql.operation.type": operation,
                "graphql.document.sha256": digest,
                "fieldgate.outcome": self._outcome,
                "fieldgate.error_codes": list(self._codes),
                "fieldgate.upstream_calls": self._tally.calls,
                "fieldgate.correlation_id": self._correlation_id,
            }
        )
        if name is not None:
            span.set_attribute("graphql.operation.name", name)
        if self._outcome == "failed":
            span.set_status(Status(StatusCode.ERROR))
        span.end()


@functools.cache
def _measured(operation: str, outcome: str) -> tuple[Count, Spread]:
    """What counts such operations, and what takes their time: looked up once, as there are few kinds."""
    return metrics.OPERATIONS.labels(operation, outcome), metrics.OPERATION_SECONDS.labels(operation)


def _begun(tracer: Tracer) -> tuple[Span, Any]:
    """A span beneath the caller's own, and what ends its being the current one."""
    from opentelemetry import context
    from opentelemetry.trace import SpanKind, set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    caller = callers.get()
    around = None if caller is None else TraceContextTextMapPropagator().extract(caller.headers)
    span = tracer.start_span("operation", context=around, kind=SpanKind.SERVER)
    return span, context.attach(set_span_in_context(span, around))


def _codes(errors: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(error["extensions"]["code"] for error in errors))


def _refused(error: BaseException) -> tuple[str, list[str]]:
    """The outcome and the codes of an operation that ended without an answer."""
    if isinstance(error, Refusal):
        return "failed" if error.unforeseen else "refused", _codes(error.errors)
    if isinstance(error, NotAllowed):
        return "refused", [Code.BAD_USER_INPUT.value]
    if isinstance(error, Exception):
        return "failed", [Code.INTERNAL.value]
    return "cancelled", []

"""OpenTelemetry: where traces are configured, what they are made and sent with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.observability.settings import ObservabilitySettings
from gateway.refusal import Refused

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

EXPORT_TIMEOUT_S = 5


class NoExporter(Refused):
    """Traces are configured, and what sends them is not installed."""


class Traces:
    """Makes spans and sends them, in batches, from a thread of its own."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self.tracer: Tracer = provider.get_tracer("fieldgate", __version__)

    async def aclose(self) -> None:
        """Sends what is left. A collector that does not answer is not waited for long."""
        await asyncio.to_thread(self._provider.shutdown)


def open_traces(settings: ObservabilitySettings) -> Traces | None:
    """None where traces are not configured: nothing of OpenTelemetry is even imported then."""
    if settings.traces_endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError as error:
        raise NoExporter(
            "observability.traces_endpoint: traces need the extra otlp: pip install 'fieldgate[otlp]'"
        ) from error
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.traces_ratio)),
        # Not merged with what the environment and the machine would tell of themselves.
        resource=Resource({"service.name": settings.service_name, "service.version": __version__}),
        shutdown_on_exit=False,
    )
    headers = {name: value.get_secret_value() for name, value in settings.traces_headers.items()}
    exporter = OTLPSpanExporter(endpoint=settings.traces_endpoint, headers=headers, timeout=EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider)

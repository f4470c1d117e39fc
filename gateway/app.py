"""The ASGI application: the graph, the pages and the health of one gateway, from its parts."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from types import CoroutineType
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from gateway.auth.authenticator import Authenticator
from gateway.commands.engine import CommandEngine
from gateway.documents.persisted import PersistedDocuments
from gateway.events.service import EventService
from gateway.limits.rate import Rate
from gateway.limits.settings import LimitSettings
from gateway.observability.exposition import metrics_routes
from gateway.observability.metrics import PLAN_FALLBACKS
from gateway.observability.operations import ObservedOperations
from gateway.observability.settings import ObservabilitySettings
from gateway.observability.state import GatewayState
from gateway.observability.trace_context import TraceContextMiddleware
from gateway.observability.traces import Traces
from gateway.store.cross_references import SqlCrossReferences
from gateway.systems.systems import ConnectedSystems
from gateway.transport.auth_routes import auth_routes
from gateway.transport.correlation import CorrelationMiddleware
from gateway.transport.drain import Drain, DrainMiddleware
from gateway.transport.fanout import Fanout
from gateway.transport.front import COMPRESS_OVER_BYTES, Front
from gateway.transport.graphql_http import GraphQLEndpoint
from gateway.transport.health import health_routes
from gateway.transport.origins import Origins
from gateway.transport.webhooks import webhook_routes
from gateway.transport.websocket import GraphQLSockets
from gateway.web.pages import not_found, web_routes
from resolvers.context import RequestContext
from resolvers.graph import build_graph
from resolvers.planned.execution import PlannedExecution
from resolvers.planned.fallback import Fallbacks
from schema.ownership import Ownership


@dataclass(frozen=True)
class Parts:
    """What a gateway is made of."""

    systems: ConnectedSystems
    ownership: Ownership
    references: SqlCrossReferences
    commands: CommandEngine
    events: EventService
    authenticator: Authenticator
    observability: ObservabilitySettings = field(default_factory=ObservabilitySettings)
    traces: Traces | None = None
    limits: LimitSettings = field(default_factory=LimitSettings)
    rate: Rate | None = None
    persisted: PersistedDocuments = field(default_factory=PersistedDocuments)
    origins: Origins = field(default_factory=Origins)
    compress_over_bytes: int = COMPRESS_OVER_BYTES

    async def aclose(self) -> None:
        """Lets the attempts under way finish, then closes what they used."""
        if self.rate is not None:
            await self.rate.aclose()
        await self.events.aclose()
        await self.authenticator.aclose()
        await self.commands.aclose()
        await self.systems.aclose()
        await self.references.aclose()
        if self.traces is not None:
            await self.traces.aclose()


class Application(Starlette):
    """The routes, of which the graph's is found without a router: most of all requests go there."""

    def __init__(self, front: Front, **options: Any) -> None:
        super().__init__(**options)
        self._front = front

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> CoroutineType[Any, Any, None]:
        if scope["type"] == "http" and scope["path"] == "/graphql":
            return self._front(scope, receive, send)
        return super().__call__(scope, receive, send)


def create_app(parts: Parts) -> Starlette:
    """The application. It owns its parts, and closes them when it shuts down."""
    # With a request's correlation id and its viewer, a context.
    make_context = functools.partial(
        RequestContext, parts.systems, parts.ownership, parts.references, parts.commands, parts.events.events
    )
    authenticator = parts.authenticator
    graph = build_graph()
    fallbacks = Fallbacks(lambda reason: PLAN_FALLBACKS.labels(reason).inc())
    planned = PlannedExecution(graph, parts.systems, parts.ownership, fallbacks)
    operations = ObservedOperations(
        graph,
        make_context,
        parts.limits,
        parts.rate,
        planned,
        parts.persisted,
        access_log=parts.observability.access_log,
        tracer=None if parts.traces is None else parts.traces.tracer,
    )
    fanout = Fanout(make_context, max_waiting=parts.events.queue)
    drain = Drain()
    endpoint = GraphQLEndpoint(operations, fanout, drain)
    front = Front(endpoint, authenticator, parts.origins, drain, parts.compress_over_bytes)
    sockets = GraphQLSockets(operations, fanout, authenticator, parts.origins)
    state = GatewayState(
        parts.systems.health,
        parts.events.database,
        parts.events.inbox.refused,
        sockets=lambda: sockets.open,
        draining=lambda: drain.announced,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, Any]]:
        parts.commands.start()
        parts.events.start()
        try:
            yield {Drain.KEY: drain}
        finally:
            await parts.aclose()

    return Application(
        front,
        routes=[
            Route("/graphql", front, methods=None),
            WebSocketRoute("/graphql", sockets),
            *auth_routes(authenticator, make_context),
            *webhook_routes(parts.events.inbox),
            *health_routes(drain),
            *metrics_routes(parts.observability, state),
            *web_routes(),
        ],
        middleware=[
            Middleware(DrainMiddleware, drain=drain),
            Middleware(CorrelationMiddleware),
            Middleware(TraceContextMiddleware),
        ],
        exception_handlers={404: not_found},
        lifespan=lifespan,
    )

"""The ASGI application: the graph, the pages and the health of one gateway, from its parts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from gateway.commands.engine import CommandEngine
from gateway.events.service import EventService
from gateway.limits.rate import Rate
from gateway.limits.settings import LimitSettings
from gateway.store.cross_references import SqlCrossReferences
from gateway.systems.systems import ConnectedSystems
from gateway.transport.correlation import CorrelationMiddleware
from gateway.transport.drain import Drain
from gateway.transport.fanout import Fanout
from gateway.transport.graphql_http import GraphQLEndpoint
from gateway.transport.operation import Operations
from gateway.transport.webhooks import webhook_routes
from gateway.transport.websocket import GraphQLSockets
from gateway.web.pages import not_found, web_routes
from resolvers.context import RequestContext
from resolvers.graph import build_graph
from resolvers.viewer import Viewer
from schema.ownership import Ownership


@dataclass(frozen=True)
class Parts:
    """What a gateway is made of."""

    systems: ConnectedSystems
    ownership: Ownership
    references: SqlCrossReferences
    commands: CommandEngine
    events: EventService
    limits: LimitSettings = field(default_factory=LimitSettings)
    rate: Rate | None = None

    async def aclose(self) -> None:
        """Lets the attempts under way finish, then closes what they used."""
        if self.rate is not None:
            await self.rate.aclose()
        await self.events.aclose()
        await self.commands.aclose()
        await self.systems.aclose()
        await self.references.aclose()


def create_app(parts: Parts) -> Starlette:
    """The application. It owns its parts, and closes them when it shuts down."""

    def make_context(correlation_id: str, viewer: Viewer) -> RequestContext:
        return RequestContext(
            parts.systems,
            parts.ownership,
            parts.references,
            parts.commands,
            parts.events.events,
            correlation_id,
            viewer,
        )

    operations = Operations(build_graph(), make_context, parts.limits, parts.rate)
    fanout = Fanout(make_context, max_waiting=parts.events.queue)
    drain = Drain()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, Any]]:
        parts.commands.start()
        parts.events.start()
        try:
            yield {Drain.KEY: drain}
        finally:
            await parts.aclose()

    return Starlette(
        routes=[
            Route("/graphql", GraphQLEndpoint(operations, fanout, drain), methods=None),
            WebSocketRoute("/graphql", GraphQLSockets(operations, fanout)),
            *webhook_routes(parts.events.inbox),
            Route("/health/live", _live),
            Route("/health/ready", _live),
            *web_routes(),
        ],
        middleware=[Middleware(CorrelationMiddleware)],
        exception_handlers={404: not_found},
        lifespan=lifespan,
    )


async def _live(_: Request) -> Response:
    # A system that is down costs its own fields: the gateway itself is ready without it.
    return JSONResponse({"status": "ok"})

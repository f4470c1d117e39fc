"""``GET /metrics``: what was counted, and the state of the moment, as Prometheus reads it."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from itertools import chain

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.observability.metrics import REGISTRY
from gateway.observability.settings import ObservabilitySettings
from gateway.observability.state import GatewayState

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class _Families:
    """What an encoder asks for: something that collects."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def metrics_routes(settings: ObservabilitySettings, state: GatewayState) -> list[Route]:
    """The route, where it is switched on."""
    token = None if settings.metrics_token is None else settings.metrics_token.get_secret_value()
    wanted = None if token is None else f"Bearer {token}".encode()

    async def metrics(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if wanted is not None and not hmac.compare_digest(given, wanted):
            return PlainTextResponse("Unauthorized", 401, headers={**_HEADERS, "www-authenticate": "Bearer"})
        families = chain(REGISTRY.collect(), await state.families())
        encode, media = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(_Families(families)), headers={**_HEADERS, "content-type": media})

    return [Route("/metrics", metrics, methods=["GET"])] if settings.metrics else []

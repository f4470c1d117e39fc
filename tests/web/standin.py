"""Stands in for the gateway: the printed schema over a handful of rows, with the real pages beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from graphql import build_schema, execute, parse, validate
from graphql.type import GraphQLSchema
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.web.pages import not_found, web_routes

ROOT = Path(__file__).parents[2]
PRINTED = ROOT / "docs" / "schema.graphql"

CUSTOMER = {
    "id": "c1",
    "name": "Aurora Instruments",
    "status": "ACTIVE",
    "segment": "Mid-market",
    "legalName": "Aurora Instruments GmbH",
    "legalEntity": {"code": "DE", "name": "Example GmbH", "currency": "EUR"},
    "receivables": {"balance": {"amount": "1190.00", "currency": "EUR"}, "paymentTermsDays": 30},
    "subscriptions": {"nodes": [{"number": "S-1", "status": "ACTIVE", "invoices": {"nodes": []}}]},
    "records": [{"system": "CRM", "connection": "crm", "recordId": "001A", "stale": False}],
}
SYSTEMS = [
    {
        "system": "CRM",
        "connection": "crm",
        "adapter": "salesforce",
        "status": "UP",
        "circuit": "CLOSED",
        "latencyMs": 3.2,
    },
    {"system": "ERP", "connection": "erp-us", "adapter": "netsuite", "status": "DOWN", "circuit": "OPEN"},
]
ROWS = {"customers": {"nodes": [CUSTOMER]}, "systems": SYSTEMS}


def printed_schema() -> GraphQLSchema:
    return build_schema(PRINTED.read_text(), assume_valid_sdl=True)


def application() -> Starlette:
    schema = printed_schema()

    async def answer(request: Request) -> Response:
        asked: dict[str, Any] = json.loads(await request.body())
        document = parse(asked["query"])
        if errors := validate(schema, document):
            return JSONResponse({"errors": [error.formatted for error in errors]})
        result = execute(
            schema,
            document,
            root_value=ROWS,
            variable_values=asked.get("variables"),
            operation_name=asked.get("operationName"),
        )
        return JSONResponse(result.formatted)

    routes = [Route("/graphql", answer, methods=["POST"]), *web_routes()]
    return Starlette(routes=routes, exception_handlers={404: not_found})

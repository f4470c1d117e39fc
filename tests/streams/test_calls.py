"""What an event costs the systems: nothing where its objects are not selected, else one read for all."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.support.sandbox import Sandbox
from tests.support.told import customer_updated, tell

pytestmark = pytest.mark.anyio

WATCHERS = 4
VENDORS = ("salesforce", "chargebee", "stripe")


async def heard_by_all(company: Sandbox, fields: str, key: str) -> list[dict[str, Any]]:
    """What each of several watchers is told of one webhook, with the systems' call logs emptied before."""
    query = f"subscription {{ businessEvents {{ summary {fields} }} }}"
    async with contextlib.AsyncExitStack() as open_:
        sockets = [await open_.enter_async_context(_watching(company, query)) for _ in range(WATCHERS)]
        company.emulators.clear()
        body = customer_updated(key, f"cus_{key}", company.world.customers[0].crm_id)
        await asyncio.to_thread(tell, company.gateway.url, [body])
        return [await _told(socket, f"cus_{key} ") for socket in sockets]


@contextlib.asynccontextmanager
async def _watching(company: Sandbox, query: str) -> Any:
    url = company.gateway.url.replace("http", "ws") + "/graphql"
    protocols: Any = ["graphql-transport-ws"]
    async with websockets.connect(url, subprotocols=protocols) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}))
        # Answered once what came before it was dealt with.
        await socket.send('{"type": "ping", "payload": {"subscribed": true}}')
        while json.loads(await socket.recv()) != {"type": "pong", "payload": {"subscribed": True}}:
            pass
        yield socket


async def _told(socket: ClientConnection, summary: str) -> dict[str, Any]:
    while True:
        message = json.loads(await socket.recv())
        if message["type"] == "next":
            assert "errors" not in message["payload"], message
            event = message["payload"]["data"]["businessEvents"]
            if event["summary"].startswith(summary):
                return event


def calls(company: Sandbox) -> dict[str, Sequence[str]]:
    """The paths that systems were asked for, catching up on their events aside."""
    return {
        vendor: [call["path"] for call in company.emulators.calls(vendor) if "/events" not in call["path"]]
        for vendor in VENDORS
    }


async def test_an_event_of_which_nothing_is_selected_costs_no_call(company: Sandbox):
    told = await heard_by_all(company, "type system cursor", "evt_plain")
    assert len(told) == WATCHERS
    assert calls(company) == {vendor: [] for vendor in VENDORS}


async def test_an_object_that_all_select_is_read_once(company: Sandbox):
    told = await heard_by_all(company, "customer { name }", "evt_named")
    assert [each["customer"] for each in told] == [{"name": company.world.customers[0].name}] * WATCHERS
    asked = calls(company)
    assert len(asked.pop("salesforce")) == 1
    assert asked == {"chargebee": [], "stripe": []}

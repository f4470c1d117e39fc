"""From a configured system's webhook to the log: refused, kept once, told of in order."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from adapters.contracts.vocabulary import BusinessEventType, RecordType
from adapters.rest.manifest import MANIFEST
from gateway.store.database import sqlite_url
from gateway.transport.webhooks import webhook_routes
from tests.contract.webhooks_rest import EVENTS, SECRETS, SETTINGS, message
from tests.events.world import Told, gateway_on

pytestmark = pytest.mark.anyio

PROOF = {"kind": "header", "name": "X-Company-Secret", "secrets": [SECRETS[0]]}


async def test_from_a_webhook_to_the_log(tmp_path: Path) -> None:
    settings = MANIFEST.settings.model_validate({**SETTINGS, "events": {**EVENTS, "proof": PROOF}})
    systems = {"crm": Told(RecordType.CUSTOMER), "erp": MANIFEST.connect("erp", settings)}
    async with gateway_on(sqlite_url(tmp_path / "state.sqlite"), systems=systems) as gateway:
        app = Starlette(routes=webhook_routes(gateway.service.inbox))
        to_app = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=to_app, base_url="http://gateway") as sender:

            async def sent(body: bytes, secret: str = SECRETS[0]) -> int:
                answer = await sender.post(
                    "/webhooks/erp", content=body, headers={"x-company-secret": secret}
                )
                return answer.status_code

            assert await sent(message(7, state="new"), SECRETS[2]) == 401
            assert await sent(message(7, "bill.changed", state="new")) == 204
            assert await sent(message(17)) == 204
            assert await sent(message(17)) == 204
            assert await sent(b"not JSON") == 204
        assert await gateway.work("erp") == 2
        events = await gateway.logged()
        assert gateway.service.inbox.refused == {"erp": 1}
    assert [event.type for event in events] == [
        BusinessEventType.INVOICE_STATUS_CHANGED,
        BusinessEventType.INVOICE_PAID,
    ]
    assert [(event.previous, event.current) for event in events] == [(None, "OPEN"), ("OPEN", "PAID")]
    for event in events:
        assert event.subject is not None
        assert (event.subject.record_id, event.connection) == ("7", "erp")
        assert event.customer is not None
        assert event.customer.record_id == "003"

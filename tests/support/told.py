"""Webhooks as Stripe sends them, from a test: signed, and of any number and size."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from adapters.stripe.emulator.events import prove

AT_ONCE = 8


def customer_updated(key: str, customer: str = "cus_1", crm_id: str | None = None) -> bytes:
    """The body of a ``customer.updated``."""
    metadata = {} if crm_id is None else {"crm_id": crm_id}
    about = {"id": customer, "object": "customer", "metadata": metadata}
    return json.dumps(
        {
            "id": key,
            "object": "event",
            "type": "customer.updated",
            "created": int(time.time()),
            "data": {"object": about},
        }
    ).encode()


def tell(gateway_url: str, bodies: list[bytes]) -> None:
    """Sends them, several at a time; each must be taken."""
    with httpx.Client(timeout=60, trust_env=False) as http, ThreadPoolExecutor(AT_ONCE) as senders:

        def send(body: bytes) -> int:
            headers = dict(prove(body, int(time.time())))
            return http.post(f"{gateway_url}/webhooks/stripe", content=body, headers=headers).status_code

        assert set(senders.map(send, bodies)) <= {204}

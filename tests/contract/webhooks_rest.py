"""Webhooks of a company's own system, by configuration: a secret in a header, and codes over the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from adapters.contracts.events import EventSource
from adapters.contracts.vocabulary import RecordType
from adapters.rest.manifest import MANIFEST
from tests.contract.webhook_case import Headers, WebhookCase

SECRETS = ("first-secret-of-the-company", "second-secret-of-the-company", "a-foreign-secret-altogether")

SETTINGS: dict[str, Any] = {
    "base_url": "http://127.0.0.1:9",
    "resources": {
        "Invoice": {
            "path": "/bills",
            "listed": False,
            "ids": "ids",
            "fields": {
                "id": "no",
                "customer_in_crm": "buyer.crm",
                "status": {"path": "state", "values": {"new": "OPEN", "settled": "PAID"}},
            },
        }
    },
}
KINDS: dict[str, Any] = {
    "bill.settled": {"record": "Invoice", "event": "INVOICE_PAID", "words": "was paid"},
    "bill.changed": {"record": "Invoice"},
    "bill.removed": {"record": "Invoice", "deleted": True, "words": "was removed"},
}
EVENTS: dict[str, Any] = {
    "id": "meta.id",
    "type": "meta.name",
    "occurred_at": "meta.at",
    "record": "bill",
    "version": "bill.revision",
    "kinds": KINDS,
}


def source(proof: dict[str, Any], **changes: Any) -> EventSource:
    proven = {**proof, "secrets": list(SECRETS[:2])}
    events = {**EVENTS, "proof": proven, **changes}
    settings = MANIFEST.settings.model_validate({**SETTINGS, "events": events})
    found = MANIFEST.connect("billing", settings).events
    assert found is not None
    return found


def message(number: int, name: str = "bill.settled", **bill: Any) -> bytes:
    event = {
        "meta": {"id": f"e-{number}", "name": name, "at": "2026-03-01T10:00:00+01:00"},
        "bill": {"no": number % 10, "revision": number, "state": "settled", "buyer": {"crm": "003"}, **bill},
    }
    return json.dumps(event).encode()


def _record(number: int) -> tuple[RecordType, str]:
    return RecordType.INVOICE, str(number % 10)


def _in_header(_body: bytes, which: int) -> Headers:
    return {"x-company-secret": SECRETS[which]}


def _in_hex(body: bytes, which: int) -> Headers:
    return {"x-signature": "sha256=" + hmac.new(SECRETS[which].encode(), body, hashlib.sha256).hexdigest()}


def _in_base64(body: bytes, which: int) -> Headers:
    code = hmac.new(SECRETS[which].encode(), body, hashlib.sha512).digest()
    return {"x-signature": base64.b64encode(code).decode()}


def _case(proof: dict[str, Any], prove: Any, signs: bool) -> WebhookCase:
    unknown = message(1, "weather.changed")
    return WebhookCase(lambda: source(proof), message, _record, prove, signs, unknown)


CASES = {
    "rest, secret in a header": _case({"kind": "header", "name": "X-Company-Secret"}, _in_header, False),
    "rest, hex": _case({"kind": "hmac", "header": "X-Signature", "prefix": "sha256="}, _in_hex, True),
    "rest, base64": _case(
        {"kind": "hmac", "header": "X-Signature", "algorithm": "sha512", "encoding": "base64"},
        _in_base64,
        True,
    ),
}

"""Webhooks by configuration: what is read of an event, and what is refused of the settings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.contracts.errors import Malformed
from adapters.contracts.vocabulary import BusinessEventType, InvoiceStatus, RecordType
from adapters.rest.manifest import MANIFEST
from tests.contract.webhooks_rest import EVENTS, KINDS, SECRETS, SETTINGS, message, source

PROOF: dict[str, Any] = {"kind": "header", "name": "X-Company-Secret"}


def test_the_record_is_read_by_its_own_field_map():
    (notice,) = source(PROOF).parse(message(7))
    assert (notice.key, notice.type, notice.record_id) == ("e-7", RecordType.INVOICE, "7")
    assert notice.event is BusinessEventType.INVOICE_PAID
    assert notice.status is InvoiceStatus.PAID
    assert notice.version == 7
    assert notice.customer_in_crm == "003"
    assert notice.occurred_at == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert notice.summary == "7 was paid"


@pytest.mark.parametrize("bill", [{"state": None}, {"state": "nobody knows"}])
def test_a_status_that_is_not_told_is_no_news(bill: dict[str, Any]):
    (notice,) = source(PROOF).parse(message(7, "bill.changed", **bill))
    assert (notice.event, notice.status) == (None, None)


def test_a_record_that_is_gone():
    (notice,) = source(PROOF).parse(message(7, "bill.removed"))
    assert (notice.deleted, notice.status) == (True, None)


def test_an_event_without_its_record():
    kinds = {**KINDS, "bill.settled": {**KINDS["bill.settled"], "status": "PAID"}}
    thin = source(PROOF, record=None, record_id="bill.no", version=None, kinds=kinds)
    (notice,) = thin.parse(message(7))
    assert (notice.record_id, notice.status, notice.version) == ("7", InvoiceStatus.PAID, None)


def test_versions_and_times_in_other_forms():
    by_time = source(PROOF, version={"path": "meta.at", "form": "iso"})
    (notice,) = by_time.parse(message(7))
    assert notice.version == 1_772_355_600_000_000
    by_second = source(PROOF, occurred_at={"path": "bill.at", "form": "unix"})
    (notice,) = by_second.parse(message(7, at=1_772_355_600))
    assert notice.occurred_at == datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "bill",
    [
        {"no": None},
        {"no": ""},
        {"no": {"a": 1}},
        {"revision": None},
        {"revision": 1.5},
        {"revision": 2**63},
        {"revision": "NaN"},
        {"buyer": "a text"},
    ],
)
def test_an_event_that_is_not_as_the_settings_say(bill: dict[str, Any]):
    with pytest.raises(Malformed) as caught:
        source(PROOF).parse(message(7, **bill))
    assert "a text" not in caught.value.message


@pytest.mark.parametrize(
    ("events", "place", "message"),
    [
        ({"proof": {**PROOF, "secrets": ["short"]}}, "proof.header.secrets", "could be guessed"),
        ({"proof": {**PROOF, "secrets": []}}, "proof.header.secrets", "at least 1 item"),
        ({"record_id": "bill.no"}, "", "either record or record_id"),
        ({"record": None}, "", "either record or record_id"),
        ({"kinds": {}}, "kinds", "at least 1 item"),
        ({"kinds": {"x": {"record": "Payment"}}}, "kinds.x.record", "not among the resources"),
        (
            {"kinds": {"x": {"record": "Invoice", "status": "PAYED"}}},
            "kinds.x.status",
            "no such status (did you mean PAID?)",
        ),
        ({"kinds": {"x": {"record": "Invoice", "event": "PAID"}}}, "kinds.x.event", "INVOICE_PAID"),
    ],
)
def test_settings_that_are_refused(events: dict[str, Any], place: str, message: str):
    proven = {**EVENTS, "proof": {**PROOF, "secrets": list(SECRETS[:1])}, **events}
    with pytest.raises(ValidationError) as refused:
        MANIFEST.settings.model_validate({**SETTINGS, "events": proven})
    (error,) = refused.value.errors()
    assert ".".join(str(step) for step in error["loc"][1:]) == place
    assert message in error["msg"]
    assert "secret-of-the-company" not in str(refused.value)

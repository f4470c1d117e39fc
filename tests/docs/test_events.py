"""docs/events.md says of every business event which vendor tells of it, and which the gateway concludes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import Enum

import pytest

from adapters import registry
from adapters.chargebee.subscription import STATUSES as CHARGEBEE
from adapters.contracts.events import EventSource, Notice
from adapters.contracts.vocabulary import (
    ANCHORS,
    BusinessEventType,
    CustomerStatus,
    EventOrigin,
    InvoiceStatus,
    PaymentStatus,
    RecordType,
    System,
)
from adapters.salesforce.change_event import GIVES
from gateway.events.canonical import conclude
from gateway.events.journal import NOTHING, Known
from gateway.transport.conversation import Close
from gateway.transport.frames import SERVICE_RESTART
from tests.docs.test_docs import DOCS, rows

URL = "http://127.0.0.1:9"
NOW = datetime(2026, 11, 24, tzinfo=UTC)

TELLS: dict[str, dict[RecordType, Iterable[Enum]]] = {
    "salesforce": {RecordType.CUSTOMER: CustomerStatus},
    "chargebee": {RecordType.SUBSCRIPTION: CHARGEBEE.values(), RecordType.CUSTOMER: ()},
    "netsuite": {RecordType.INVOICE: InvoiceStatus, RecordType.CUSTOMER: ()},
    "tryton": {
        RecordType.INVOICE: [each for each in InvoiceStatus if each is not InvoiceStatus.WRITTEN_OFF],
        RecordType.CUSTOMER: (),
    },
    "stripe": {RecordType.PAYMENT: PaymentStatus, RecordType.CUSTOMER: ()},
}
"""What each vendor tells of, and which statuses its objects of the graph have there."""

POLLED = ("netsuite", "tryton")
ERPS = POLLED


def source_of(vendor: str) -> EventSource:
    """A vendor's source of events; nothing is sent."""
    manifest = registry.manifest(vendor)
    settings = registry.emulator(vendor).settings(URL)
    source = manifest.connect(vendor, manifest.settings.model_validate(settings)).events
    assert source is not None
    return source


def gives(vendor: str) -> frozenset[BusinessEventType]:
    """What the vendor itself tells of. Salesforce's needs an org, Tryton's a server."""
    special: dict[str, Callable[[], frozenset[BusinessEventType]]] = {
        "salesforce": lambda: frozenset(GIVES),
        "tryton": frozenset,
    }
    return special[vendor]() if vendor in special else source_of(vendor).gives


def concluded(vendor: str) -> set[BusinessEventType]:
    """What the gateway concludes from the statuses that the vendor tells, or that it is read for."""
    found: set[BusinessEventType] = set()
    for record_type, statuses in TELLS[vendor].items():
        told = [None, *statuses]
        for before in told:
            for after in told:
                for created in {False, vendor in POLLED}:
                    notice = Notice("key", record_type, "1", NOW, status=after, version=2, created=created)
                    known = NOTHING if before is None else Known(status=before, version=1)
                    happenings, _ = conclude(notice, known, None)
                    found |= {each.type for each in happenings if each.origin is EventOrigin.DERIVED}
    if vendor in ERPS:
        found.add(BusinessEventType.INVOICE_OVERDUE)
    return found


def table() -> dict[str, list[str]]:
    return rows((DOCS / "events.md").read_text(), "What happens, and who says so")


def test_every_business_event_is_in_the_table_and_no_other() -> None:
    assert list(table()) == [each.value for each in BusinessEventType]


def test_every_vendor_is_a_column() -> None:
    head = re.search(r"^\| Event \|.*$", (DOCS / "events.md").read_text(), re.MULTILINE)
    assert head is not None
    columns = [cell.strip().strip("`") for cell in head[0].split("|")[2:-2]]
    assert columns == list(TELLS)
    told = {registry.emulator(vendor).system for vendor in registry.EMULATORS}
    assert {System.CRM, System.SUBSCRIPTIONS, System.ERP, System.PAYMENTS} == told == set(ANCHORS.values())


@pytest.mark.parametrize("vendor", list(TELLS))
def test_origins_are_those_of_the_code(vendor: str) -> None:
    place = list(TELLS).index(vendor) + 1
    source, derived = gives(vendor), concluded(vendor) - gives(vendor)
    for name, cells in table().items():
        event = BusinessEventType(name)
        expected = "SOURCE" if event in source else "DERIVED" if event in derived else "–"
        assert cells[place] == expected, (vendor, name)


def test_every_event_has_an_origin() -> None:
    nobody = {name for name, cells in table().items() if not {"SOURCE", "DERIVED"} & set(cells[1:-1])}
    assert nobody == {"SUBSCRIPTION_SUSPENDED", "COMMAND_STATUS_CHANGED"}
    assert all(len(cells[-1]) > 10 for cells in table().values())


def test_every_close_code_is_explained() -> None:
    codes = rows((DOCS / "events.md").read_text(), "Close codes of a WebSocket")
    assert [int(code) for code in codes] == sorted([SERVICE_RESTART, *Close])

"""Values and settings, without a server."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.contracts.errors import Conflict, Malformed, OutcomeUnknown, Rejected, Unauthorised
from adapters.contracts.vocabulary import InvoiceStatus, RecordType
from adapters.tryton import wire
from adapters.tryton.adapter import TrytonAdapter
from adapters.tryton.customer import customer_fields
from adapters.tryton.domain import NOTHING
from adapters.tryton.errors import raise_for_error
from adapters.tryton.invoice import invoice_fields
from adapters.tryton.invoice_status import status_in, status_of
from adapters.tryton.manifest import MANIFEST
from adapters.tryton.settings import TrytonSettings

TODAY = date(2026, 3, 1)
BASE = {"base_url": "https://erp.example", "database": "company"}


def settings(**more: Any) -> TrytonSettings:
    return TrytonSettings(**{**BASE, "application_key": "k", **more})


def invoice(state: str, lines: list[tuple[str, str, int | None]] = [], paid: list[int | None] = []) -> Any:  # noqa: B006
    return {
        "state": state,
        "lines_to_pay.": [
            {
                "maturity_date": wire.from_day(date.fromisoformat(due)),
                "debit": wire.from_decimal(Decimal(debit)),
                "reconciliation": reconciliation,
            }
            for due, debit, reconciliation in lines
        ],
        "payment_lines.": [{"reconciliation": reconciliation} for reconciliation in paid],
    }


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (invoice("draft"), InvoiceStatus.DRAFT),
        (invoice("validated"), InvoiceStatus.PENDING_APPROVAL),
        (invoice("paid", [("2026-01-01", "5", 1)], [1]), InvoiceStatus.PAID),
        (invoice("cancelled"), InvoiceStatus.VOID),
        (invoice("of a module nobody here knows"), InvoiceStatus.UNKNOWN),
        (invoice("posted"), InvoiceStatus.OPEN),
        (invoice("posted", [("2026-03-01", "5", None)]), InvoiceStatus.OPEN),
        (invoice("posted", [("2026-02-28", "5", None)]), InvoiceStatus.OVERDUE),
        (invoice("posted", [("2026-02-28", "0", None)]), InvoiceStatus.OPEN),
        (invoice("posted", [("2026-04-01", "5", None)], [None]), InvoiceStatus.PARTIALLY_PAID),
        (invoice("posted", [("2026-02-01", "5", None)], [None]), InvoiceStatus.OVERDUE),
        (
            invoice("posted", [("2026-02-01", "5", 1), ("2026-04-01", "5", None)], [1]),
            InvoiceStatus.PARTIALLY_PAID,
        ),
        (invoice("posted", [("2026-04-01", "5", None)], [7, 7]), InvoiceStatus.OPEN),
    ],
)
def test_a_status_is_read_from_the_state_and_the_lines_to_pay(row: Any, status: InvoiceStatus):
    assert status_of(row, TODAY) is status


def test_a_status_that_tryton_never_has_is_not_searched_for():
    assert status_in(lambda: TODAY)((InvoiceStatus.WRITTEN_OFF,)) is NOTHING


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        ([], None),
        ([[]], 0),
        ([[{"days": 30}]], 30),
        ([[{"weeks": 2, "days": 1}]], 15),
        ([[{"months": 1}]], None),
        ([[{"days": 30, "day": 31}]], None),
        ([[{"days": 10}], [{"days": 30}]], None),
    ],
)
def test_only_a_plain_delay_is_days_of_payment_terms(lines: list[list[dict[str, int]]], days: int | None):
    none = {"day": None, "month": None, "weekday": None, "months": 0, "weeks": 0, "days": 0}
    term = {"lines.": [{"relativedeltas.": [{**none, **delta} for delta in line]} for line in lines]}
    row = {
        "receivable": wire.from_decimal(Decimal("10")),
        "receivable_today": wire.from_decimal(Decimal("-3")),
        "currency.": {"code": "EUR"},
        "customer_payment_term.": term if lines else None,
    }
    read = customer_fields(settings()).read(row, "receivables")
    assert read.payment_terms_days == days
    assert read.overdue.amount == 0


def test_a_row_unlike_the_contract_is_malformed():
    fields = invoice_fields(settings(), lambda: TODAY)
    for row in ({}, {"state": "posted"}, {"state": "posted", "lines_to_pay.": [{}], "payment_lines.": None}):
        with pytest.raises(Malformed):
            fields.read(row, "status")
    with pytest.raises(Malformed):
        fields.read({"total_amount": "12", "currency.": {"code": "EUR"}}, "total")


def test_times_go_out_as_utc_and_come_back_aware():
    moment = datetime(2026, 3, 1, 1, 30, 0, 250, tzinfo=timezone(timedelta(hours=2)))
    sent = wire.from_moment(moment)
    assert (sent["day"], sent["hour"], sent["microsecond"]) == (28, 23, 250)
    assert wire.moment(sent) == moment
    assert wire.moment(sent).tzinfo is UTC  # type: ignore[union-attr]
    with pytest.raises(ValueError):
        wire.from_moment(datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (["UserError", ["You may not see Ms Example.", "", None]], Unauthorised),
        (["UserWarning", ["name", "Ms Example?", ""]], Rejected),
        (["ConcurrencyException", "Ms Example"], Conflict),
        (["'Ms Example'", ""], OutcomeUnknown),
        ("Ms Example", OutcomeUnknown),
        ([[]], OutcomeUnknown),
    ],
)
def test_errors_of_the_server_are_named_and_not_quoted(error: object, fault: type[Exception]):
    with pytest.raises(fault) as raised:
        raise_for_error(error)
    assert "Example" not in str(raised.value)


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"username": "u"},
        {"password": "p"},
        {"username": "u", "password": "p", "application_key": "k"},
        {"username": "u", "application_key": "k"},
    ],
)
def test_there_is_exactly_one_way_in(credentials: dict[str, str]):
    with pytest.raises(ValidationError) as refused:
        TrytonSettings(**BASE, **credentials)  # type: ignore[arg-type]
    assert "'k'" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "party.code", "Code", "code; --", "x" * 80, "_x"])
def test_a_configured_field_is_the_name_of_a_field(name: str):
    with pytest.raises(ValidationError):
        settings(customer_link=name)


@pytest.mark.parametrize("database", ["", "../x", "a/b", "a?b", ":memory:"])
def test_a_database_is_a_name(database: str):
    with pytest.raises(ValidationError):
        settings(database=database)


def test_records_open_in_the_web_client():
    adapter = MANIFEST.connect("erp", settings())
    assert isinstance(adapter, TrytonAdapter)
    url = adapter.record_url(RecordType.CUSTOMER, "12")
    assert url == "https://erp.example/#company/model/party.party/12"
    assert adapter.record_url(RecordType.PAYMENT, "12") is None

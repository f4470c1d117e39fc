"""Fills the tables from a world: what a company's NetSuite would hold of its business."""

from __future__ import annotations

import sqlite3
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import count
from typing import Any

from adapters.contracts.convert import money_from_minor
from adapters.contracts.vocabulary import InvoiceStatus
from adapters.emulation.store import insert_many
from adapters.emulation.world import AddressFact, CustomerFact, InvoiceFact, PaymentFact, World
from adapters.netsuite.emulator.tables import TABLES, create, index

_S = InvoiceStatus
LETTERS = {
    _S.DRAFT: "D",
    _S.PENDING_APPROVAL: "D",
    _S.OPEN: "A",
    _S.PARTIALLY_PAID: "A",
    _S.OVERDUE: "A",
    _S.PAID: "B",
    _S.WRITTEN_OFF: "B",
    _S.VOID: "V",
    _S.UNKNOWN: "E",
}
_OWED = (_S.OPEN, _S.PARTIALLY_PAID, _S.OVERDUE)
_APPROVAL = {_S.DRAFT: 1, _S.PENDING_APPROVAL: 1, _S.UNKNOWN: 3}
_APPROVED = 2

RECEIVABLE, UNDEPOSITED = 1, 2
_ACCOUNTS = (
    (RECEIVABLE, "1200", "Accounts Receivable", "AcctRec", "F"),
    (UNDEPOSITED, "1100", "Undeposited Funds", "UnDepFunds", "F"),
)


def seed(store: sqlite3.Connection, world: World) -> None:
    """Creates and fills every table."""
    create(store)
    symbols = list(dict.fromkeys(entity.currency for entity in world.entities))
    currencies = {symbol: place for place, symbol in enumerate(symbols, 1)}
    term_days = sorted({customer.payment_terms_days for customer in world.customers})
    terms = {value: place for place, value in enumerate(term_days, 1)}
    _insert(store, "currency", [(place, symbol, symbol, "F") for symbol, place in currencies.items()])
    _insert(store, "term", [(place, f"Net {value}", value, "F") for value, place in terms.items()])
    _insert(store, "account", _ACCOUNTS)
    _insert(
        store,
        "subsidiary",
        [
            (
                entity.erp_id,
                entity.name,
                entity.name,
                entity.country,
                currencies[entity.currency],
                entity.code,
                "F",
            )
            for entity in world.entities
        ],
    )
    _seed_customers(store, world, currencies, terms)
    invoices = [invoice for invoice in world.invoices if invoice.customer.erp_ids]
    payments = [
        payment for payment in world.payments if payment.ledger_id is not None and payment.customer.erp_ids
    ]
    days = [world.today, *(invoice.issued_on for invoice in invoices)]
    days += [payment.created_at.date() for payment in payments]
    periods = range(_period(min(days)), _period(max(days)) + 1)
    _insert(store, "accountingperiod", (_period_row(number) for number in periods))
    _insert(store, "transaction", (_invoice(invoice, currencies) for invoice in invoices))
    _insert(store, "transaction", (_payment(payment, currencies) for payment in payments))
    keys = count(1)
    _insert(store, "transactionline", (line for invoice in invoices for line in _lines(invoice, keys)))
    _insert(store, "transactionline", (_main_line(payment, keys) for payment in payments))
    _insert(store, "transactionaccountingline", (row for payment in payments for row in _entries(payment)))
    index(store)


def _insert(store: sqlite3.Connection, table: str, rows: Any) -> None:
    columns = [f"[{name}]" for name, kind in TABLES[table].items() if "GENERATED" not in kind]
    insert_many(store, f"netsuite_{table}", columns, rows)


def _seed_customers(
    store: sqlite3.Connection, world: World, currencies: dict[str, int], terms: dict[int, int]
) -> None:
    balances, overdue = defaultdict[int, int](int), defaultdict[int, int](int)
    for invoice in world.invoices:
        if invoice.status in _OWED:
            owed = invoice.total_minor - invoice.paid_minor
            balances[invoice.customer.index] += owed
            overdue[invoice.customer.index] += owed if invoice.due_on < world.today else 0
    customers = [(erp_id, customer) for customer in world.customers for erp_id in customer.erp_ids]
    _insert(
        store,
        "customer",
        (
            _customer(
                erp_id,
                customer,
                currencies[customer.currency],
                terms[customer.payment_terms_days],
                # A duplicate record has no business of its own.
                balances[customer.index] if erp_id == customer.erp_ids[0] else 0,
                overdue[customer.index] if erp_id == customer.erp_ids[0] else 0,
            )
            for erp_id, customer in customers
        ),
    )
    book: list[tuple[Any, ...]] = []
    addresses: list[tuple[Any, ...]] = []
    for erp_id, customer in customers:
        # The shipping address stands first in the book: a join that forgets which is for billing shows.
        shipping, billing = 2 * erp_id, 2 * erp_id + 1
        book += [
            (shipping, erp_id, shipping, "F", "T", "Shipping"),
            (billing, erp_id, billing, "T", "F", "Billing"),
        ]
        addresses += [
            _address(shipping, customer, customer.shipping),
            _address(billing, customer, customer.billing),
        ]
    _insert(store, "customeraddressbook", book)
    _insert(store, "customeraddressbookentityaddress", addresses)


def _customer(
    erp_id: int, customer: CustomerFact, currency: int, terms: int, balance: int, overdue: int
) -> Sequence[Any]:
    symbol = customer.currency
    return (
        erp_id,
        f"CUST{erp_id}",
        customer.legal_name,
        customer.name,
        customer.email,
        customer.phone,
        customer.website,
        customer.tax_id,
        _decimal(customer.credit_limit_minor, symbol),
        _decimal(balance, symbol),
        _decimal(overdue, symbol),
        "ON" if customer.on_hold else "AUTO",
        "T" if customer.on_hold else "F",
        terms,
        currency,
        customer.entity.erp_id,
        "F",
        None,
        _time(customer.created_at),
        _time(customer.updated_at),
        customer.crm_id,
        None,
    )


def _address(nkey: int, customer: CustomerFact, address: AddressFact) -> tuple[Any, ...]:
    return (
        nkey,
        customer.legal_name,
        address.line1,
        address.line2,
        address.city,
        address.region,
        address.postal_code,
        address.country,
    )


def _invoice(invoice: InvoiceFact, currencies: dict[str, int]) -> Sequence[Any]:
    symbol, status = invoice.customer.currency, invoice.status
    unpaid = invoice.total_minor - invoice.paid_minor if status not in (_S.VOID, _S.WRITTEN_OFF) else 0
    return (
        invoice.id,
        "CustInvc",
        invoice.number,
        LETTERS[status],
        _APPROVAL.get(status, _APPROVED),
        invoice.customer.erp_ids[0],
        currencies[symbol],
        _day(invoice.issued_on),
        _day(invoice.due_on),
        _time(invoice.posted_at) if invoice.posted_at is not None else _day(invoice.issued_on),
        _time(invoice.updated_at),
        "F" if invoice.posted_at is None else "T",
        invoice.memo,
        _decimal(invoice.total_minor, symbol),
        _decimal(invoice.paid_minor, symbol),
        _decimal(unpaid, symbol),
        None,
        invoice.subscription.id,
        None,
        "T" if status is _S.WRITTEN_OFF else "F",
        "T" if status is _S.DRAFT else "F",
        None,
        _period(invoice.issued_on),
    )


def _payment(payment: PaymentFact, currencies: dict[str, int]) -> Sequence[Any]:
    symbol = payment.customer.currency
    return (
        payment.ledger_id,
        "CustPymt",
        payment.ledger_number,
        "C",
        _APPROVED,
        payment.customer.erp_ids[0],
        currencies[symbol],
        _day(payment.created_at.date()),
        None,
        _time(payment.created_at),
        _time(payment.created_at),
        "T",
        None,
        _decimal(payment.amount_minor, symbol),
        None,
        None,
        None,
        None,
        payment.id,
        None,
        None,
        None,
        _period(payment.created_at.date()),
    )


def _lines(invoice: InvoiceFact, keys: Iterator[int]) -> Iterator[Sequence[Any]]:
    """The main line, the document's lines (credits, so negative), and the tax line."""
    symbol, subsidiary = invoice.customer.currency, invoice.customer.entity.erp_id

    def line(place: int, main: str, tax: str, memo: str | None, *amounts: str | None) -> Sequence[Any]:
        return (next(keys), invoice.id, place, place, main, tax, "F", subsidiary, memo, *amounts)

    yield line(0, "T", "F", invoice.memo, None, None, _decimal(invoice.total_minor, symbol))
    for place, fact in enumerate(invoice.lines, 1):
        unit, amount = _decimal(fact.unit_minor, symbol), _decimal(-fact.amount_minor, symbol)
        yield line(place, "F", "F", fact.description, str(-fact.quantity), unit, amount)
    yield line(len(invoice.lines) + 1, "F", "T", "Tax", None, None, _decimal(-invoice.tax_minor, symbol))


def _main_line(payment: PaymentFact, keys: Iterator[int]) -> Sequence[Any]:
    amount = _decimal(payment.amount_minor, payment.customer.currency)
    subsidiary = payment.customer.entity.erp_id
    return (next(keys), payment.ledger_id, 0, 0, "T", "F", "F", subsidiary, None, None, None, amount)


def _entries(payment: PaymentFact) -> Iterator[Sequence[Any]]:
    """The money on the main line, the receivable it settles on the next; once per accounting book."""
    amount = _decimal(payment.amount_minor, payment.customer.currency)
    for book in (1, 2):
        yield (payment.ledger_id, 0, book, UNDEPOSITED, "T", amount, None)
        yield (payment.ledger_id, 1, book, RECEIVABLE, "T", None, amount)


def _period(day: date) -> int:
    """The id of a day's accounting period: months are counted from 2000."""
    return (day.year - 2000) * 12 + day.month


def _period_row(number: int) -> Sequence[Any]:
    year, month = 2000 + (number - 1) // 12, (number - 1) % 12 + 1
    start = date(year, month, 1)
    end = date(year, month, monthrange(year, month)[1])
    return (number, f"{start:%b %Y}", _day(start), _day(end), "F", "T")


def _decimal(minor: int, symbol: str) -> str:
    money = money_from_minor(minor, symbol)
    return str(money.amount) if money is not None else ""


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _day(day: date) -> str:
    return _time(datetime.combine(day, time()))

"""Cursors stay right while rows come and go at the systems."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.contracts.vocabulary import InvoiceStatus
from adapters.emulation.ids import salesforce_id
from resolvers.ids import decode_id
from tests.scenarios.expected import (
    invoice_status,
    wire_time,
)
from tests.scenarios.pages import (
    Pages,
    root_list,
    to_the_end,
)
from tests.scenarios.people import id_of
from tests.support.sandbox import Emulators, Sandbox


@contextlib.contextmanager
def copied(
    tables: sqlite3.Connection, table: str, key: str, of: Any, copies: Sequence[Mapping[str, Any]]
) -> Iterator[None]:
    """Puts changed copies of a row into a table, and takes them out again."""
    columns = [row["name"] for row in tables.execute(f"PRAGMA table_info({table})")]
    row = dict(tables.execute(f"SELECT * FROM {table} WHERE {key} = ?", (of,)).fetchone())
    places = ", ".join("?" for _ in columns)
    names = ", ".join(f"[{column}]" for column in columns)
    try:
        for changes in copies:
            values = [changes.get(column, row[column]) for column in columns]
            tables.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", values)
        yield
    finally:
        for changes in copies:
            tables.execute(f"DELETE FROM {table} WHERE {key} = ?", (changes[key],))


@pytest.mark.parametrize("order", [None, "NAME_ASC", "UPDATED_DESC"])
def test_customers_that_come_between_two_pages(
    company: Sandbox, emulators: Emulators, order: str | None
) -> None:
    pages = root_list(company, "customers", 20, order=order)
    before = to_the_end(pages, 20)
    first = pages(None)
    early, late = salesforce_id("001", 1_000), salesforce_id("001", 99_000_000)
    stamps = {"early": "2099-01-01T00:00:00.000+0000", "late": "2001-01-01T00:00:00.000+0000"}
    copies = [
        {"Id": early, "Name": "AAA", "SystemModstamp": stamps["early"]},
        {"Id": late, "Name": "\uffe5", "SystemModstamp": stamps["late"]},
    ]
    fact = company.world.customers[0]
    with emulators.tables() as tables, copied(tables, "salesforce_account", "Id", fact.crm_id, copies):
        behind = to_the_end(continued(pages, first), 20)
    assert [edge["node"]["id"] for edge in first["edges"]] == before[:20]
    assert behind[:-1] == before[20:], "nothing is repeated, nothing is lost"
    assert decode_id(behind[-1]).record_id == late, "what came behind the cursor is there"


def continued(pages: Pages, page: dict[str, Any]) -> Pages:
    """The same list, from behind a page."""
    cursor = page["pageInfo"]["endCursor"]

    def next_pages(after: str | None) -> dict[str, Any]:
        found = pages(after or cursor)
        return found if after else {**found, "pageInfo": {**found["pageInfo"], "hasPreviousPage": False}}

    return next_pages


def test_invoices_that_come_between_two_pages(company: Sandbox, emulators: Emulators) -> None:
    paid = [fact for fact in company.world.invoices if invoice_status(fact) is InvoiceStatus.PAID][-350]
    pages = root_list(
        company, "invoices", 100, {"status": ["PAID"], "issuedSince": paid.issued_on.isoformat()}
    )
    before = to_the_end(pages, 100)
    first = pages(None)
    copies = [{"id": 4711, "tranid": "EARLY"}, {"id": 9_000_000, "tranid": "LATE"}]
    with emulators.tables() as tables, copied(tables, "netsuite_transaction", "id", paid.id, copies):
        behind = to_the_end(continued(pages, first), 100)
    assert behind[:-1] == before[100:]
    assert len(behind) == len(before) - 99


def test_subscriptions_that_come_between_two_pages(company: Sandbox, emulators: Emulators) -> None:
    pages = root_list(company, "subscriptions", 50)
    before = to_the_end(pages, 50)
    first = pages(None)
    fact = company.world.subscriptions[0]
    now = int(datetime.now(UTC).timestamp())
    with emulators.tables() as tables:
        (document,) = tables.execute(
            "SELECT document FROM chargebee_subscription WHERE id = ?", (fact.id,)
        ).fetchone()
        copies = [
            {
                "sequence": 1_000_000 + created,
                "id": id,
                "document": json.dumps({**json.loads(document), "id": id, "created_at": created}),
            }
            for id, created in (("Early", 1_000_000), ("Late", now))
        ]
        with copied(tables, "chargebee_subscription", "id", fact.id, copies):
            behind = to_the_end(continued(pages, first), 50)
    assert behind[:-1] == before[50:]
    assert len(behind) == len(before) - 49


def test_payments_that_come_between_two_pages(company: Sandbox, emulators: Emulators) -> None:
    recent = wire_time(sorted(fact.created_at for fact in company.world.payments)[-350])
    pages = root_list(company, "payments", 100, {"createdSince": recent})
    before = to_the_end(pages, 100)
    first = pages(None)
    fact = company.world.payments[-1]
    with emulators.tables() as tables:
        (document,) = tables.execute("SELECT doc FROM stripe_object WHERE id = ?", (fact.id,)).fetchone()
        (newest,) = tables.execute("SELECT max(seq) FROM stripe_object").fetchone()
        changed = {**json.loads(document), "id": "pi_JustNow"}
        copies = [{"seq": newest + 1, "id": "pi_JustNow", "doc": json.dumps(changed).encode()}]
        with copied(tables, "stripe_object", "id", fact.id, copies):
            assert len(to_the_end(pages, 100)) == len(before) + 1
            behind = to_the_end(continued(pages, first), 100)
    assert behind == before[100:], "newest first: what has come since is before the first page"


def test_a_row_that_goes_between_two_pages(company: Sandbox, emulators: Emulators) -> None:
    pages = root_list(company, "customers", 20)
    before = to_the_end(pages, 20)
    first = pages(None)
    gone = company.world.customers[19]
    assert first["edges"][-1]["node"]["id"] == id_of(gone), "the row that the cursor stands behind"
    with emulators.tables() as tables:
        columns = [row["name"] for row in tables.execute("PRAGMA table_info(salesforce_account)")]
        row = tables.execute("SELECT * FROM salesforce_account WHERE Id = ?", (gone.crm_id,)).fetchone()
        tables.execute("DELETE FROM salesforce_account WHERE Id = ?", (gone.crm_id,))
        try:
            behind = to_the_end(continued(pages, first), 20)
        finally:
            places = ", ".join("?" for _ in columns)
            tables.execute(f"INSERT INTO salesforce_account VALUES ({places})", tuple(row))
    assert behind == before[20:]

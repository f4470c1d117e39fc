"""Callers limited to legal entities: an invoice of another entity is not there, however it is reached.

Invoices are moved to another entity in the ERP, behind the gateway's back; their customer stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.contracts.vocabulary import InvoiceStatus
from adapters.emulation.world import CustomerFact, InvoiceFact, LegalEntityFact, PaymentFact
from gateway.auth.development import LEGAL_ENTITIES, ROLE
from tests.policy.test_events import Stream
from tests.policy.test_rows import ask
from tests.scenarios.people import id_of
from tests.support.sandbox import Sandbox, sandbox

ADMIN = {ROLE: "admin"}
COLLECTABLE = (InvoiceStatus.OPEN, InvoiceStatus.OVERDUE)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own: these write."""
    with sandbox(tmp_path_factory.mktemp("legal-entities") / "state", customers=40) as running:
        running.data("{ customers(first: 1) { nodes { name } } }")
        yield running


@dataclass(frozen=True)
class Books:
    """A customer of one entity, some of whose invoices are another's.

    paid, due, last: the invoices that were moved: one with payments, one to collect, the newest.
    due_here:        one to collect that stayed.
    """

    customer: CustomerFact
    other: LegalEntityFact
    paid: InvoiceFact
    due: InvoiceFact
    last: InvoiceFact
    due_here: InvoiceFact

    @property
    def moved(self) -> set[str]:
        return {id_of(each) for each in (self.paid, self.due, self.last)}

    @property
    def limited(self) -> dict[str, str]:
        """Headers of a caller of the customer's own entity."""
        return {ROLE: "admin", LEGAL_ENTITIES: self.customer.entity.code}


@pytest.fixture(scope="module")
def books(company: Sandbox) -> Books:
    world = company.world
    paying = {payment.invoice.id for payment in world.payments}
    for customer in world.customers:
        own = sorted(invoices_of(company, customer), key=lambda each: each.id)
        due = [each for each in own[:-1] if each.status in COLLECTABLE]
        paid = [each for each in own[:-1] if each.id in paying and each.status is InvoiceStatus.PAID]
        if len(customer.erp_ids) == 1 and customer.payment_method and len(due) > 1 and len(paid) > 2:
            other = next(each.entity for each in world.customers if each.entity != customer.entity)
            found = Books(customer, other, paid[0], due[0], own[-1], due[1])
            move(company, other, (found.paid, found.due, found.last))
            return found
    raise AssertionError("no customer of this world has enough invoices")


def invoices_of(company: Sandbox, customer: CustomerFact) -> list[InvoiceFact]:
    return [each for each in company.world.invoices if each.customer == customer]


def payments_of(company: Sandbox, invoice: InvoiceFact) -> list[PaymentFact]:
    return [each for each in company.world.payments if each.invoice == invoice]


def move(company: Sandbox, entity: LegalEntityFact | None, invoices: Sequence[InvoiceFact]) -> None:
    with company.emulators.tables() as tables, tables:
        tables.executemany(
            "UPDATE netsuite_transactionline SET subsidiary = ? WHERE [transaction] = ?",
            [(None if entity is None else entity.erp_id, each.id) for each in invoices],
        )


def data(company: Sandbox, headers: dict[str, str], document: str, **variables: Any) -> Any:
    answer = ask(company, document, variables, **headers)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def ids(connection: Any) -> list[str]:
    return [each["id"] for each in connection["nodes"]]


def test_by_id_neither_the_invoice_nor_its_payments_are_there(company: Sandbox, books: Books) -> None:
    hidden = [id_of(books.paid), *map(id_of, payments_of(company, books.paid))]
    document = "query ($id: ID!, $ids: [ID!]!) { invoice(id: $id) { id } nodes(ids: $ids) { id } }"
    asked = {"id": hidden[0], "ids": hidden}
    assert data(company, ADMIN, document, **asked) == {
        "invoice": {"id": hidden[0]},
        "nodes": [{"id": each} for each in hidden],
    }
    assert data(company, books.limited, document, **asked) == {
        "invoice": None,
        "nodes": [None] * len(hidden),
    }


RELATIONS = """
query ($id: ID!) {
  customer(id: $id) {
    invoices(first: 100) { nodes { id payments(first: 100) { nodes { id } } } }
    payments(first: 100) { nodes { id invoice { id } } }
    subscriptions(first: 100) { nodes { invoices(first: 100) { nodes { id } } } }
  }
}
"""


def test_relations_leave_it_out(company: Sandbox, books: Books) -> None:
    mine = id_of(books.customer)
    everything = data(company, ADMIN, RELATIONS, id=mine)["customer"]
    seen = data(company, books.limited, RELATIONS, id=mine)["customer"]
    assert books.moved <= set(ids(everything["invoices"]))
    assert seen["invoices"]["nodes"] == [
        each for each in everything["invoices"]["nodes"] if each["id"] not in books.moved
    ]
    assert seen["payments"]["nodes"] == [
        each
        for each in everything["payments"]["nodes"]
        if each["invoice"] is None or each["invoice"]["id"] not in books.moved
    ]
    assert len(seen["payments"]["nodes"]) < len(everything["payments"]["nodes"])
    assert [ids(each["invoices"]) for each in seen["subscriptions"]["nodes"]] == [
        [invoice for invoice in ids(each["invoices"]) if invoice not in books.moved]
        for each in everything["subscriptions"]["nodes"]
    ]


@pytest.mark.parametrize("kind", ["invoices", "payments"])
def test_root_lists_leave_it_out(company: Sandbox, books: Books, kind: str) -> None:
    everybody = dict(pages(company, ADMIN, kind))
    code = books.customer.entity.code
    own = {
        id_of(each)
        for each in (company.world.invoices if kind == "invoices" else company.world.payments)
        if each.customer.entity.code == code and len(each.customer.erp_ids) == 1
    }
    hidden = books.moved | {
        id_of(each)
        for invoice in (books.paid, books.due, books.last)
        for each in payments_of(company, invoice)
    }
    assert [each for each, _ in pages(company, books.limited, kind)] == [
        each for each in everybody if each in own and each not in hidden
    ]


def pages(company: Sandbox, headers: dict[str, str], kind: str) -> Iterator[tuple[str, str]]:
    """The ids of a whole root list, with their cursors."""
    after = None
    while True:
        document = (
            f"query ($after: String) {{ {kind}(first: 100, after: $after) "
            "{ edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }"
        )
        page = data(company, headers, document, after=after)[kind]
        yield from ((each["node"]["id"], each["cursor"]) for each in page["edges"])
        if not page["pageInfo"]["hasNextPage"]:
            return
        # More was promised, so more was seen.
        assert page["edges"]
        after = page["pageInfo"]["endCursor"]


def test_no_more_is_said_to_follow_than_is_seen(company: Sandbox, books: Books) -> None:
    document = (
        "query ($id: ID!, $first: Int!, $after: String) { customer(id: $id) "
        "{ invoices(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }"
    )
    asked = {"id": id_of(books.customer)}
    here = [each for each in invoices_of(company, books.customer) if id_of(each) not in books.moved]
    whole = data(company, books.limited, document, first=len(here), **asked)["customer"]["invoices"]
    assert len(whole["nodes"]) == len(here)
    # The newest is another's: to who sees it, it follows.
    assert whole["pageInfo"]["hasNextPage"] is False
    upto = data(company, ADMIN, document, first=len(here), **asked)["customer"]["invoices"]
    assert upto["pageInfo"]["hasNextPage"] is True
    found: list[Any] = []
    after: str | None = None
    while True:
        page = data(company, books.limited, document, first=2, after=after, **asked)["customer"]["invoices"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == whole["nodes"]


def test_without_an_entity_of_its_own_it_is_as_its_customer(company: Sandbox, books: Books) -> None:
    mine = books.customer
    nameless = next(
        each
        for each in invoices_of(company, mine)
        if id_of(each) not in books.moved and each != books.due_here
    )
    document = "query ($id: ID!) { invoice(id: $id) { id legalEntity { code } } }"
    move(company, None, [nameless])
    try:
        assert data(company, books.limited, document, id=id_of(nameless)) == {
            "invoice": {"id": id_of(nameless), "legalEntity": None}
        }
        theirs = {ROLE: "admin", LEGAL_ENTITIES: books.other.code}
        assert data(company, theirs, document, id=id_of(nameless)) == {"invoice": None}
    finally:
        move(company, mine.entity, [nameless])


def test_an_own_invoice_of_a_customer_that_is_not_seen_is_not_there(company: Sandbox, books: Books) -> None:
    theirs = {ROLE: "admin", LEGAL_ENTITIES: books.other.code}
    document = "query ($id: ID!) { invoice(id: $id) { id } }"
    assert data(company, theirs, document, id=id_of(books.paid)) == {"invoice": None}
    both = {ROLE: "admin", LEGAL_ENTITIES: f"{books.other.code},{books.customer.entity.code}"}
    assert data(company, both, document, id=id_of(books.paid)) == {"invoice": {"id": id_of(books.paid)}}


WRITES = {
    "updateInvoice": 'updateInvoice(input: {id: $id, memo: "mine now"})',
    "voidInvoice": "voidInvoice(input: {id: $id})",
    "collectPayment": "collectPayment(input: {invoiceId: $id})",
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_to_it_is_not_found_and_sends_nothing(company: Sandbox, books: Books, name: str) -> None:
    company.emulators.clear()
    document = f"mutation ($id: ID!) {{ {WRITES[name]} {{ command {{ id }} userErrors {{ code }} }} }}"
    payload = data(company, books.limited, document, id=id_of(books.due))[name]
    assert payload == {"command": None, "userErrors": [{"code": "NOT_FOUND"}]}
    # One reading of the invoice, which says whose it is; nothing of anybody else.
    assert company.emulators.counts() == {"netsuite": 1}


def test_its_payment_cannot_be_refunded(company: Sandbox, books: Books) -> None:
    payment = payments_of(company, books.paid)[0]
    company.emulators.clear()
    document = (
        "mutation ($id: ID!) { refundPayment(input: {id: $id}) { command { id } userErrors { code } } }"
    )
    payload = data(company, books.limited, document, id=id_of(payment))["refundPayment"]
    assert payload == {"command": None, "userErrors": [{"code": "NOT_FOUND"}]}
    assert company.emulators.counts() == {"stripe": 1, "netsuite": 1}
    assert {each["method"] for each in company.emulators.calls("stripe")} == {"GET"}


def test_nothing_else_is_read_for_an_invoice_that_is_refused(company: Sandbox, books: Books) -> None:
    document = (
        "query ($id: ID!) { invoice(id: $id) { number customer { name legalName } "
        "subscription { number } payments { nodes { amount { amount } } } } }"
    )
    company.emulators.clear()
    assert data(company, books.limited, document, id=id_of(books.paid)) == {"invoice": None}
    assert company.emulators.counts() == {"netsuite": 1}


def test_its_events_are_not_heard_of(company: Sandbox, books: Books) -> None:
    mine = id_of(books.customer)
    query = (
        "subscription { businessEvents(filter: {types: [PAYMENT_SUCCEEDED, PAYMENT_FAILED]}) "
        "{ id subject { id } customer { id } } }"
    )
    limited = Stream(company, query, books.limited)
    admin = Stream(company, query, ADMIN)
    theirs = collect(company, books.due)
    told = admin.first()["data"]["businessEvents"]
    assert told["subject"]["id"] == theirs
    own = collect(company, books.due_here)
    assert limited.first()["data"]["businessEvents"]["subject"]["id"] == own
    timeline = (
        "query ($id: ID!) { customer(id: $id) { timeline(first: 50) { nodes { id type subject { id } } } } }"
    )
    everything = data(company, ADMIN, timeline, id=mine)["customer"]["timeline"]["nodes"]
    seen = data(company, books.limited, timeline, id=mine)["customer"]["timeline"]["nodes"]
    # Those of commands are for who sees the commands of everybody.
    everything = [each for each in everything if each["type"] != "COMMAND_STATUS_CHANGED"]
    subjects = {each["subject"]["id"] for each in everything}
    assert {theirs, own} <= subjects
    assert seen == [each for each in everything if each["subject"] != {"id": theirs}]
    event = "query ($id: ID!) { node(id: $id) { id } }"
    assert data(company, ADMIN, event, id=told["id"]) == {"node": {"id": told["id"]}}
    assert data(company, books.limited, event, id=told["id"]) == {"node": None}


def collect(company: Sandbox, invoice: InvoiceFact) -> str:
    """Collects what is due as an admin; the id of the payment."""
    document = (
        "mutation ($id: ID!) { collectPayment(input: {invoiceId: $id}) "
        "{ payment { id } userErrors { code message } } }"
    )
    payload = data(company, ADMIN, document, id=id_of(invoice))["collectPayment"]
    assert payload["userErrors"] == []
    return payload["payment"]["id"]


def test_while_the_erp_is_down_nothing_is_shown_that_it_would_have_to_judge(
    company: Sandbox, books: Books
) -> None:
    payment = payments_of(company, books.paid)[0]
    company.emulators.arm("netsuite", "error")
    try:
        answer = ask(
            company,
            "query ($id: ID!) { payment(id: $id) { id status } }",
            {"id": id_of(payment)},
            **books.limited,
        )
    finally:
        company.emulators.disarm()
    assert answer["data"] == {"payment": None}
    assert answer["errors"][0]["extensions"]["system"] == "ERP"

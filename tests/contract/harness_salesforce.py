"""Salesforce's adapter, connected to its emulator over a generated world."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from adapters.contracts.errors import NotFound, OutcomeUnknown, Rejected, Unauthorised
from adapters.contracts.fields import Op
from adapters.contracts.values import Address, Person
from adapters.contracts.vocabulary import CustomerStatus, RecordType
from adapters.contracts.writes import Verb, Write
from adapters.emulation.generate import generate
from adapters.emulation.ids import salesforce_id
from adapters.emulation.store import open_store
from adapters.emulation.world import CustomerFact, PersonFact, SubscriptionFact, World
from adapters.salesforce.emulator import EMULATOR
from adapters.salesforce.manifest import MANIFEST
from tests.contract.harness import FilterCase, Harness, Sample, WriteCase
from tests.support.server import serving


@contextlib.contextmanager
def harness() -> Iterator[Harness]:
    """A world of 40 customers; the first account has a status that the adapter's table does not know."""
    world = generate(seed=7, customers=40, today=date(2026, 11, 20))
    store = open_store(":memory:")
    EMULATOR.seed(store, world)
    odd, *known = world.customers
    store.execute("UPDATE salesforce_account SET Customer_Status__c = 'Dormant' WHERE Id = ?", (odd.crm_id,))
    agreed = [fact for fact in world.subscriptions if fact.contract is not None]
    front = EMULATOR.serve(store)
    with serving(front) as base_url:
        settings = MANIFEST.settings.model_validate(EMULATOR.settings(base_url))
        wrong = MANIFEST.settings.model_validate({**EMULATOR.settings(base_url), "client_secret": "wrong"})
        yield Harness(
            name="salesforce",
            connect=lambda **changes: MANIFEST.connect("crm", settings.model_copy(update=changes)),
            front=front,
            samples={
                RecordType.CUSTOMER: [Sample(fact.crm_id, _customer(fact)) for fact in known],
                RecordType.CONTRACT_TERMS: [Sample(_contract_id(fact), _terms(fact)) for fact in agreed],
            },
            totals={RecordType.CUSTOMER: len(world.customers), RecordType.CONTRACT_TERMS: len(agreed)},
            links=_links(world, agreed),
            filters=_filters(known, odd),
            unknown_status=(RecordType.CUSTOMER, odd.crm_id),
            absent_id={
                RecordType.CUSTOMER: "001D000000IqhSLIAZ",
                RecordType.CONTRACT_TERMS: "800D000000IqhSLIAZ",
            },
            api_path="/services/data",
            token_path="/services/oauth2/token",
            wrong_credentials=lambda: MANIFEST.connect("crm", wrong),
            errors=[
                (400, Rejected),
                (403, Unauthorised),
                (404, NotFound),
                (500, OutcomeUnknown),
                (503, OutcomeUnknown),
            ],
            writes=_writes(store, world),
        )
    store.close()


WANTED: dict[str, dict[str, Any]] = {
    "every column": {
        "name": "Möbel & Söhne GmbH",
        "status": CustomerStatus.SUSPENDED,
        "segment": "Enterprise",
        "industry": "Furniture",
        "website": "https://moebel.example.com",
        "phone": "+49 30 901820",
        "email": "buchhaltung@moebel.example.com",
        "shipping_address": Address("Gartenstr. 5", "2. Hof", "Berlin", "Berlin", "10115", "DE"),
    },
    "one column": {"name": 'O\'Neil \\ "Sons" 渡辺'},
    "columns cleared": {
        "status": None,
        "segment": None,
        "website": None,
        "email": None,
        "shipping_address": None,
    },
}
"""What the cases change."""


def _writes(store: sqlite3.Connection, world: World) -> list[WriteCase]:
    numbers = itertools.count(1)

    def update(changes: Mapping[str, Any]) -> Callable[[str], Write]:
        def write(key: str) -> Write:
            number = next(numbers)
            # The org refuses two accounts that share name and website.
            website = {"website": f"https://moebel-{number}.example.com"} if changes.get("website") else {}
            account = _new_account(store, world.customers[0].crm_id, number)
            return Write(Verb.UPDATE_CUSTOMER, account, key, {**changes, **website})

        return write

    def locked(key: str) -> Write:
        write = update({"name": "Locked"})(key)
        store.execute("INSERT INTO salesforce_lock VALUES (?, 'ENTITY_IS_LOCKED')", (write.record_id,))
        return write

    return [
        WriteCase(
            name=name,
            write=update(changes),
            expected=_reads_as,
            refused=update({"email": "nobody"}),
            wrong_state=locked,
            method="PATCH",
            path="/sobjects/Account/",
        )
        for name, changes in WANTED.items()
    ]


def _new_account(store: sqlite3.Connection, like: str, number: int) -> str:
    """An account as another is, but for its id, name, website and links to other systems."""
    row = dict(store.execute("SELECT * FROM salesforce_account WHERE Id = ?", (like,)).fetchone())
    row |= {
        "Id": salesforce_id("001", 60_000_000 + number),
        "Name": f"Customer {number}",
        "Website": f"https://customer-{number}.example.com",
        "Chargebee_Customer_Id__c": None,
        "Stripe_Customer_Id__c": None,
    }
    places = ", ".join("?" for _ in row)
    store.execute(f"INSERT INTO salesforce_account VALUES ({places})", list(row.values()))
    return row["Id"]


def _reads_as(write: Write) -> dict[str, Any]:
    # No status at all is one that nobody knows.
    return {
        name: CustomerStatus.UNKNOWN if name == "status" and value is None else value
        for name, value in write.changes.items()
    }


def _links(
    world: World, agreed: list[SubscriptionFact]
) -> dict[tuple[RecordType, str], dict[str, list[str]]]:
    by_account: dict[str, list[str]] = {}
    for fact in agreed:
        by_account.setdefault(fact.customer.crm_id, []).append(_contract_id(fact))
    return {
        (RecordType.CUSTOMER, "customer_in_subscriptions"): {
            fact.billing_id: [fact.crm_id] for fact in world.customers if fact.billing_id
        },
        (RecordType.CUSTOMER, "customer_in_payments"): {
            fact.payments_id: [fact.crm_id] for fact in world.customers if fact.payments_id
        },
        (RecordType.CONTRACT_TERMS, "subscription_in_subscriptions"): {
            fact.id: [_contract_id(fact)] for fact in agreed
        },
        # By record id: the resource's own order.
        (RecordType.CONTRACT_TERMS, "customer_in_crm"): {
            account: sorted(ids) for account, ids in by_account.items()
        },
    }


def _filters(known: list[CustomerFact], odd: CustomerFact) -> list[FilterCase]:
    """``odd`` has an unknown status; all else about it is as in the world."""
    everyone = [*known, odd]
    middle = sorted(fact.updated_at for fact in everyone)[len(everyone) // 2]
    words = known[2].name.split()
    searched = f"{words[-1][:4].upper()} {words[0].lower()}"
    segment, email = known[0].segment, known[3].email
    manager = known[4].account_manager.email

    def ids(facts: list[CustomerFact]) -> frozenset[str]:
        return frozenset(fact.crm_id for fact in facts)

    def case(field: str, op: Op, value: Any, found: frozenset[str]) -> FilterCase:
        return FilterCase(RecordType.CUSTOMER, field, op, value, found)

    def in_status(*wanted: CustomerStatus) -> frozenset[str]:
        return ids([fact for fact in known if fact.status in wanted])

    standing, gone = CustomerStatus.ACTIVE, CustomerStatus.CHURNED
    return [
        case("search", Op.SEARCH, searched, _named(everyone, searched)),
        case("search", Op.SEARCH, "%", frozenset()),
        case("search", Op.SEARCH, "' OR Name != '", frozenset()),
        case("status", Op.IN, (standing,), in_status(standing)),
        case("status", Op.IN, (standing, gone), in_status(standing, gone)),
        case("status", Op.IN, (CustomerStatus.UNKNOWN,), ids([odd])),
        case("status", Op.IN, (gone, CustomerStatus.UNKNOWN), in_status(gone) | ids([odd])),
        case("segment", Op.IN, (segment,), ids([fact for fact in everyone if fact.segment == segment])),
        case("updated_at", Op.SINCE, middle, ids([fact for fact in everyone if fact.updated_at >= middle])),
        case(
            "account_manager",
            Op.IN,
            (manager.upper(), "o'nobody@example.com"),
            ids([fact for fact in everyone if fact.account_manager.email == manager]),
        ),
        case("email", Op.IN, (email, "o'nobody@example.com"), ids([f for f in everyone if f.email == email])),
    ]


def _named(facts: list[CustomerFact], searched: str) -> frozenset[str]:
    words = searched.lower().split()
    return frozenset(fact.crm_id for fact in facts if all(word in fact.name.lower() for word in words))


def _contract_id(fact: SubscriptionFact) -> str:
    assert fact.contract is not None
    return fact.contract.crm_id


def _customer(fact: CustomerFact) -> dict[str, Any]:
    address = fact.shipping
    return {
        "id": fact.crm_id,
        "name": fact.name,
        "status": fact.status,
        "segment": fact.segment,
        "industry": fact.industry,
        "website": fact.website,
        "phone": fact.phone,
        "email": fact.email,
        "account_manager": _person(fact.account_manager),
        "contacts": [_person(person) for person in fact.contacts],
        "shipping_address": Address(
            address.line1, address.line2, address.city, address.region, address.postal_code, address.country
        ),
        "created_at": _to_the_millisecond(fact.created_at),
        "updated_at": _to_the_millisecond(fact.updated_at),
        "customer_in_subscriptions": fact.billing_id,
        "customer_in_payments": fact.payments_id,
    }


def _terms(fact: SubscriptionFact) -> dict[str, Any]:
    contract = fact.contract
    assert contract is not None
    return {
        "id": contract.crm_id,
        "subscription_in_subscriptions": fact.id,
        "customer_in_crm": fact.customer.crm_id,
        "number": contract.number,
        "term_months": contract.term_months,
        "auto_renew": contract.auto_renew,
        "renews_on": contract.renews_on,
        "signed_on": contract.signed_on,
    }


def _person(fact: PersonFact) -> Person:
    return Person(fact.name, fact.email, fact.phone, fact.title)


def _to_the_millisecond(moment: datetime) -> datetime:
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)

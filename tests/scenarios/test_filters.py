"""Filters and orders: all that matches and nothing else, or a clear refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from adapters.contracts.vocabulary import CustomerStatus, InvoiceStatus, SubscriptionStatus
from adapters.emulation.world import CustomerFact, SubscriptionFact, World
from tests.scenarios.expected import (
    SUBSCRIPTION_STATUSES,
    invoice_status,
    plan_code,
    to_the_millisecond,
    wire_time,
)
from tests.scenarios.pages import (
    FILTERS,
    KINDS,
    busiest,
    edge_list,
    facts,
    root_list,
    to_the_end,
)
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Emulators, Sandbox


def in_words(name: str, search: str) -> bool:
    return all(word.lower() in name.lower() for word in search.split())


Case = tuple[str, Mapping[str, Any], Callable[[Any], bool]]


def filter_cases(world: World) -> list[Case]:
    """Kind, filter, and what is true of the rows it must give."""
    today = world.today
    middle_update = sorted(to_the_millisecond(fact.updated_at) for fact in world.customers)[30]
    word = max(world.customers[4].name.split(), key=len)
    middle_payment = sorted(fact.created_at for fact in world.payments)[800]
    code = plan_code(world.subscriptions[10])
    soon, late = today + timedelta(days=15), today - timedelta(days=45)
    month_ago = today - timedelta(days=30)
    soon_at = datetime.combine(soon, time(), UTC)
    active = SubscriptionStatus.ACTIVE

    def said(fact: SubscriptionFact) -> str:
        return SUBSCRIPTION_STATUSES[fact.status].value

    cases: list[Case] = [
        ("customers", {}, lambda _: True),
        ("customers", {"search": word}, lambda fact: in_words(fact.name, word)),
        ("customers", {"search": word[1:4].upper()}, lambda fact: in_words(fact.name, word[1:4])),
        ("customers", {"search": "%"}, lambda _: False),
        ("customers", {"search": "_"}, lambda _: False),
        ("customers", {"search": "' OR Name != '"}, lambda _: False),
        ("customers", {"search": "\\"}, lambda _: False),
        *(
            ("customers", {"status": [status.value]}, lambda fact, status=status: fact.status is status)
            for status in CustomerStatus
        ),
        (
            "customers",
            {"status": ["CHURNED", "PROSPECT", "CHURNED"]},
            lambda fact: fact.status in (CustomerStatus.CHURNED, CustomerStatus.PROSPECT),
        ),
        ("customers", {"segment": "Enterprise"}, lambda fact: fact.segment == "Enterprise"),
        ("customers", {"segment": "Nobody's"}, lambda _: False),
        (
            "customers",
            {"updatedSince": wire_time(middle_update)},
            lambda fact: to_the_millisecond(fact.updated_at) >= middle_update,
        ),
        (
            "customers",
            {"segment": "SMB", "status": ["ACTIVE"], "updatedSince": wire_time(middle_update), "search": "a"},
            lambda fact: (
                fact.segment == "SMB"
                and fact.status is CustomerStatus.ACTIVE
                and to_the_millisecond(fact.updated_at) >= middle_update
                and in_words(fact.name, "a")
            ),
        ),
        *(
            (
                "subscriptions",
                {"status": [status.value]},
                lambda fact, status=status: said(fact) == status.value,
            )
            for status in dict.fromkeys(SUBSCRIPTION_STATUSES.values())
        ),
        (
            "subscriptions",
            {"status": ["TRIAL", "FUTURE"]},
            lambda fact: said(fact) in ("TRIAL", "FUTURE"),
        ),
        ("subscriptions", {"planCode": code}, lambda fact: plan_code(fact) == code),
        ("subscriptions", {"planCode": 'no"such[plan]'}, lambda _: False),
        (
            "subscriptions",
            {"renewsBefore": soon.isoformat()},
            lambda fact: fact.next_billing_at is not None and fact.next_billing_at < soon_at,
        ),
        (
            "subscriptions",
            {"renewsBefore": soon.isoformat(), "status": ["ACTIVE"], "planCode": code},
            lambda fact: (
                fact.next_billing_at is not None
                and fact.next_billing_at < soon_at
                and fact.status is active
                and plan_code(fact) == code
            ),
        ),
        *(
            (
                "invoices",
                {"status": [status.value]},
                lambda fact, status=status: invoice_status(fact) is status,
            )
            for status in InvoiceStatus
            if status is not InvoiceStatus.UNKNOWN
        ),
        (
            "invoices",
            {"status": ["OPEN", "PARTIALLY_PAID", "OVERDUE"]},
            lambda fact: invoice_status(fact).value in ("OPEN", "PARTIALLY_PAID", "OVERDUE"),
        ),
        ("invoices", {"dueBefore": late.isoformat()}, lambda fact: fact.due_on < late),
        ("invoices", {"issuedSince": month_ago.isoformat()}, lambda fact: fact.issued_on >= month_ago),
        (
            "invoices",
            {"status": ["PAID"], "issuedSince": late.isoformat(), "dueBefore": soon.isoformat()},
            lambda fact: (
                invoice_status(fact) is InvoiceStatus.PAID and fact.issued_on >= late and fact.due_on < soon
            ),
        ),
        (
            "payments",
            {"createdSince": wire_time(middle_payment)},
            lambda fact: fact.created_at >= middle_payment,
        ),
        (
            "payments",
            {"createdSince": wire_time(datetime.combine(today, time(), UTC) + timedelta(days=3))},
            lambda _: False,
        ),
    ]
    return cases


def test_filters_give_all_that_match_and_nothing_else(company: Sandbox) -> None:
    seen: dict[str, int] = {}
    for kind, where, holds in filter_cases(company.world):
        expected = {id_of(fact) for fact in facts(company.world, kind) if holds(fact)}
        ids = to_the_end(root_list(company, kind, 100, where), 100)
        assert len(ids) == len(set(ids)), (kind, where)
        assert set(ids) == expected, (kind, where)
        seen[kind] = seen.get(kind, 0) + (len(ids) > 0)
    assert all(seen[kind] >= 1 for kind in KINDS)


def test_filters_on_the_lists_of_an_object(company: Sandbox) -> None:
    world = company.world
    customer = busiest(world)
    own = [fact for fact in world.payments if fact.customer is customer]
    since = sorted(fact.created_at for fact in own)[len(own) // 2]
    day = world.today - timedelta(days=120)
    subscription = own[-1].invoice.subscription
    cases: list[tuple[Any, str, dict[str, Any], set[str]]] = [
        (
            customer,
            "subscriptions",
            {"status": ["ACTIVE"]},
            {
                id_of(fact)
                for fact in world.subscriptions
                if fact.customer is customer and fact.status is SubscriptionStatus.ACTIVE
            },
        ),
        (
            customer,
            "invoices",
            {"status": ["PAID"], "issuedSince": day.isoformat()},
            {
                id_of(fact)
                for fact in world.invoices
                if fact.customer is customer
                and invoice_status(fact) is InvoiceStatus.PAID
                and fact.issued_on >= day
            },
        ),
        (
            subscription,
            "invoices",
            {"dueBefore": day.isoformat()},
            {
                id_of(fact)
                for fact in world.invoices
                if fact.subscription.id == subscription.id and fact.due_on < day
            },
        ),
        (
            customer,
            "payments",
            {"createdSince": wire_time(since)},
            {id_of(fact) for fact in own if fact.created_at >= since},
        ),
    ]
    for parent, kind, where, expected in cases:
        for first in (2, 100):
            assert set(to_the_end(edge_list(company, parent, kind, first, where), first)) == expected, where


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("payments", {"status": ["SUCCEEDED"]}),
    ("payments", {"status": ["FAILED"], "createdSince": "2026-01-01T00:00:00Z"}),
    ("subscriptions", {"status": ["UNKNOWN"]}),
    ("subscriptions", {"status": ["ACTIVE", "EXPIRED"]}),
    ("invoices", {"status": ["UNKNOWN"]}),
    ("customers", {"search": " "}),
    ("customers", {"status": []}),
    ("customers", {"segment": ""}),
    ("subscriptions", {"planCode": ""}),
    ("invoices", {"status": []}),
    ("customers", {"status": ["ASLEEP"]}),
    ("customers", {"updatedSince": "yesterday"}),
    ("customers", {"updatedSince": "2026-01-01T00:00:00"}),
    ("invoices", {"dueBefore": "2026-02-30"}),
    ("invoices", {"dueBefore": "2026-01-01T00:00:00Z"}),
]


@pytest.mark.parametrize(("kind", "where"), REFUSED, ids=str)
def test_a_filter_that_cannot_be_applied_is_refused(
    company: Sandbox, emulators: Emulators, kind: str, where: dict[str, Any]
) -> None:
    document = f"query ($filter: {FILTERS[kind]}) {{ {kind}(filter: $filter) {{ nodes {{ id }} }} }}"
    answer = company.query(document, {"filter": where})
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert (answer.get("data") or {kind: None})[kind] is None, "never a list that is filtered in part"
    assert emulators.counts() == {}


def test_payments_of_a_customer_cannot_be_filtered_by_status(company: Sandbox, emulators: Emulators) -> None:
    customer = id_of(known_everywhere(company.world))
    answer = company.query(
        f'{{ customer(id: "{customer}") {{ name payments(filter: {{status: [FAILED]}}) {{ nodes {{ id }} '
        "} } }"
    )
    assert answer["data"]["customer"]["payments"] is None
    assert answer["data"]["customer"]["name"]
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["path"] == ["customer", "payments"]
    assert "stripe" not in emulators.counts()


def by_name(fact: CustomerFact) -> tuple[bytes, str]:
    """Names are compared without regard to the case of ASCII letters."""
    return "".join(char.lower() if char.isascii() else char for char in fact.name).encode(), fact.crm_id


@pytest.mark.parametrize(
    ("order", "key", "descending"),
    [
        ("NAME_ASC", by_name, False),
        ("NAME_DESC", by_name, True),
        ("UPDATED_DESC", lambda fact: (to_the_millisecond(fact.updated_at), fact.crm_id), True),
    ],
    ids=["NAME_ASC", "NAME_DESC", "UPDATED_DESC"],
)
def test_orders(company: Sandbox, order: str, key: Callable[[CustomerFact], Any], descending: bool) -> None:
    expected = [id_of(fact) for fact in sorted(company.world.customers, key=key, reverse=descending)]
    for first in (7, 100):
        assert to_the_end(root_list(company, "customers", first, order=order), first) == expected
    active = [id_of(fact) for fact in company.world.customers if fact.status is CustomerStatus.ACTIVE]
    some = to_the_end(root_list(company, "customers", 9, {"status": ["ACTIVE"]}, order), 9)
    assert some == [id for id in expected if id in active]

"""The customers of a generated world, and which systems know them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from adapters.contracts.vocabulary import CustomerStatus, PaymentMethodKind
from adapters.emulation.deck import Deck
from adapters.emulation.ids import alphanumeric, salesforce_id
from adapters.emulation.names import COUNTRIES, Country, Names
from adapters.emulation.world import CardFact, CustomerFact, LegalEntityFact, PersonFact

ENTITIES = (
    LegalEntityFact(1, "FG-US", "Fieldgate Inc.", "US", "USD"),
    LegalEntityFact(2, "FG-DE", "Fieldgate Deutschland GmbH", "DE", "EUR"),
    LegalEntityFact(3, "FG-JP", "フィールドゲート株式会社", "JP", "JPY"),
)
MINOR_PER_UNIT = {"USD": 100, "EUR": 100, "JPY": 130}
"""Minor units of a currency that are worth about one dollar."""

ABSENT_FROM_BILLING = (50, 11)
ABSENT_FROM_ERP = (50, 23)
ABSENT_FROM_PAYMENTS = (50, 31)
TWICE_IN_ERP = (100, 17)
"""(n, k): every n-th customer, at offset k; all of them occur among the first 40."""

_STATUSES = {
    CustomerStatus.ACTIVE: 32,
    CustomerStatus.PROSPECT: 3,
    CustomerStatus.CHURNED: 3,
    CustomerStatus.SUSPENDED: 2,
}
_METHODS = {
    PaymentMethodKind.CARD: 12,
    PaymentMethodKind.BANK_DEBIT: 4,
    PaymentMethodKind.BANK_TRANSFER: 2,
    PaymentMethodKind.WALLET: 1,
    PaymentMethodKind.OTHER: 1,
    None: 1,
}
_CREDIT_LIMITS = {"SMB": 10_000, "Mid-Market": 50_000, "Enterprise": 250_000}
_INDUSTRIES = (
    "Manufacturing", "Healthcare", "Retail", "Technology", "Financial Services",
    "Food & Beverage", "Media", "Transportation", "Energy",
)  # fmt: skip
_TITLES = ("Chief Financial Officer", "Accounts Payable", "IT Manager", "Head of Procurement", "Owner")


def start_of(day: date) -> datetime:
    """The first instant of a day, UTC."""
    return datetime.combine(day, time(), UTC)


def make_customers(rng: Random, count: int, today: date) -> Iterator[CustomerFact]:
    """Customers in the order of their creation, the oldest about seven years old."""
    names = Names(rng)
    entities = Deck(rng, dict(zip(ENTITIES, (5, 3, 2), strict=True)))
    statuses = Deck(rng, _STATUSES)
    methods = Deck(rng, _METHODS)
    segments = Deck(rng, {"SMB": 5, "Mid-Market": 3, "Enterprise": 2})
    delinquents = Deck(rng, {True: 1, False: 19})
    managers = [_person(names, country, "fieldgate.example.com") for country in COUNTRIES.values()] * 2
    ages_s = sorted((rng.triangular(80, 2600, 1300) * 86_400 for _ in range(count)), reverse=True)
    erp_id, serial = 1000, 40_000_000

    for index, age_s in enumerate(ages_s):
        entity, status, segment = entities.draw(), statuses.draw(), segments.draw()
        country = COUNTRIES[entity.country]
        company = names.company(country)
        erp_ids: tuple[int, ...] = ()
        if not _hits(index, ABSENT_FROM_ERP):
            erp_ids = tuple(range(erp_id + 1, erp_id + (3 if _hits(index, TWICE_IN_ERP) else 2)))
            erp_id = erp_ids[-1]
        serial += rng.randint(1, 900)
        payments_id = alphanumeric(rng, 14, "cus_")
        in_payments = not _hits(index, ABSENT_FROM_PAYMENTS)
        created_at = start_of(today) - timedelta(seconds=int(age_s))
        shipping = names.address(country)
        yield CustomerFact(
            index=index,
            crm_id=salesforce_id("001", serial),
            billing_id=None if _hits(index, ABSENT_FROM_BILLING) else alphanumeric(rng, 16),
            erp_ids=erp_ids,
            payments_id=payments_id if in_payments else None,
            name=company.name,
            legal_name=company.legal_name,
            status=status,
            segment=segment,
            industry=rng.choice(_INDUSTRIES),
            website=f"https://{company.slug}.test",
            phone=names.phone(country),
            email=f"billing@{company.slug}.test",
            account_manager=rng.choice(managers),
            contacts=tuple(
                _person(names, country, f"{company.slug}.test", rng.choice(_TITLES))
                for _ in range(rng.randint(1, 3))
            ),
            shipping=shipping,
            billing=names.address(country) if rng.random() < 0.3 else shipping,
            tax_id=names.tax_id(country) if rng.random() < 0.95 else None,
            entity=entity,
            payment_method=_method(rng, methods.draw(), today) if in_payments else None,
            delinquent=in_payments
            and (
                status is CustomerStatus.SUSPENDED or (status is CustomerStatus.ACTIVE and delinquents.draw())
            ),
            credit_limit_minor=_CREDIT_LIMITS[segment] * MINOR_PER_UNIT[entity.currency],
            payment_terms_days=rng.choice((14, 30, 30, 30, 45, 60)),
            on_hold=status is CustomerStatus.SUSPENDED,
            created_at=created_at,
            updated_at=created_at + timedelta(seconds=int(age_s * rng.uniform(0.2, 0.999))),
        )


def _hits(index: int, every: tuple[int, int]) -> bool:
    return index % every[0] == every[1]


def _person(names: Names, country: Country, domain: str, title: str = "Account Executive") -> PersonFact:
    written, local = names.person(country)
    return PersonFact(written, f"{local}@{domain}", names.phone(country), title)


def _method(rng: Random, kind: PaymentMethodKind | None, today: date) -> CardFact | None:
    if kind is None:
        return None
    if kind not in (PaymentMethodKind.CARD, PaymentMethodKind.WALLET):
        return CardFact(kind, None, None, None, None)
    return CardFact(
        kind,
        brand=rng.choice(("visa", "visa", "mastercard", "amex")),
        last4=f"{rng.randint(0, 9999):04d}",
        exp_month=rng.randint(1, 12),
        exp_year=today.year + rng.randint(1, 4),
    )

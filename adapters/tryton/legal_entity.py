"""A company of Tryton, as the legal entity that sells."""

from __future__ import annotations

from adapters.contracts.fields import Row
from adapters.contracts.values import LegalEntity
from adapters.tryton.wire import at, many, text

ASKS = ("party.code", "party.name", "party.addresses.country.code", "currency.code")
"""What to ask of a ``company.company``."""


def legal_entity(company: Row | None) -> LegalEntity | None:
    """The company under its party's code; its country is that of its first address."""
    if company is None:
        return None
    addresses = many(company, "party.addresses")
    return LegalEntity(
        code=at(company, "party.code"),
        name=text(at(company, "party.name")),
        country=text(at(addresses[0], "country.code")) if addresses else None,
        currency=text(at(company, "currency.code")),
    )

"""Countries and their regions: what an address refers to by id, and people by code or name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.contracts.errors import Rejected
from adapters.tryton.client import TrytonClient
from adapters.tryton.wire import text


@dataclass(frozen=True, slots=True)
class Place:
    """The ids of a country and a region, and the region's name as Tryton spells it."""

    country: int | None = None
    region: int | None = None
    region_name: str | None = None


async def place(client: TrytonClient, country: str | None, region: str | None) -> Place:
    """The place of an ISO 3166-1 country and a region of it, by name or code (``OR`` or ``US-OR``).

    One read at most. ``Rejected`` where Tryton's tables of countries do not have it.
    """
    if country is None:
        if region is not None:
            raise Rejected("Tryton: a region needs a country", vendor_code="country")
        return Place()
    if region is None:
        found = await client.search_read("country.country", [["code", "=", country]], ["id"], limit=1)
        if not found:
            raise Rejected("Tryton does not have this country", vendor_code="country")
        return Place(found[0]["id"])
    spelled: list[Any] = [["code", "in", [region, f"{country}-{region}"]], ["name", "=", region]]
    found = await client.search_read(
        "country.subdivision",
        [["country.code", "=", country], ["OR", *spelled]],
        ["name", "country"],
        limit=1,
    )
    if not found:
        raise Rejected("Tryton does not have this region of the country", vendor_code="subdivision")
    return Place(found[0]["country"], found[0]["id"], text(found[0]["name"]))
